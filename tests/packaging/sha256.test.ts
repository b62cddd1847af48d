/** The launcher's SHA-256 against another, in both its forms. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { ROOT } from "../../packaging/runtime.ts";
import { run } from "./harness.ts";

const MOST = 600;

for (const [form, flags] of [["of the processor", []], ["in portable C", ["-DSHA256_PORTABLE"]]] as const) {
  Deno.test(`SHA-256 ${form}: every length around the block's`, async () => {
    const folder = Deno.makeTempDirSync({ prefix: "segue-sha256-" });
    try {
      const path = { PATH: "/usr/bin" };
      const program = join(folder, "sha256");
      const made = await run(
        ["/usr/bin/gcc", "-O2", "-Wall", ...flags, "-o", program, "tests/packaging/sha256.c"],
        path,
        {
          cwd: ROOT,
        },
      );
      assert.equal(made.code, 0, made.stderr);
      const data = Uint8Array.from({ length: MOST }, (_, i) => 7 * i);
      const expected = Array.from({ length: MOST + 1 }, (_, length) => {
        return createHash("sha256").update(data.subarray(0, length)).digest("hex");
      });
      assert.deepEqual((await run([program, `${MOST}`])).stdout.trim().split("\n"), expected);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}
