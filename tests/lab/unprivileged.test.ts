/** The lab out of the one executable, for somebody who is nobody on this machine, and for root who has no rights. */
import assert from "node:assert/strict";
import { packWithLauncher } from "../../packaging/pack.ts";
import { ROOT } from "../../packaging/runtime.ts";

const NOBODY = 65534;

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** In a folder that everybody may read, with an environment that says nothing. */
async function withProgram(body: (run: (...command: string[]) => Promise<Ran>, file: string) => Promise<void>) {
  const folder = Deno.makeTempDirSync({ prefix: "segue-lab-nobody-" });
  try {
    const file = `${folder}/segue`;
    await packWithLauncher(`${ROOT}/main.ts`, file);
    Deno.mkdirSync(`${folder}/tmp`);
    for (const [path, mode] of [[folder, 0o755], [file, 0o755], [`${folder}/tmp`, 0o1777]] as const) {
      Deno.chmodSync(path, mode);
    }
    await body(async (...command) => {
      const { code, stdout, stderr } = await new Deno.Command(command[0]!, {
        args: command.slice(1),
        cwd: folder,
        clearEnv: true,
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", TMPDIR: `${folder}/tmp`, SEGUE_CACHE: `${folder}/tmp/cache` },
      }).output();
      return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
    }, file);
    const left = [...Deno.readDirSync(`${folder}/tmp`)].map(({ name }) => name).filter((name) => name !== "cache");
    assert.deepEqual(left, []);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("nobody: the lab runs in a user namespace of its own, says so, and keeps every promise", async () => {
  await withProgram(async (run, file) => {
    const asNobody = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
    const { code, out, err } = await run(...asNobody, file, "lab", "kill", "--json");
    assert.equal(code, 0, out + err);
    assert.match(err, /^segue lab: not root, so this runs in a user namespace of its own[^\n]*\n$/);
    const report = JSON.parse(out);
    assert.deepEqual([report.ok, report.scenarios[0].kept], [true, true]);
  });
});

Deno.test("root without capabilities, as in many containers: what is missing, and nothing built", async () => {
  await withProgram(async (run, file) => {
    const { code, out, err } = await run("setpriv", "--bounding-set=-all", "--inh-caps=-all", file, "lab", "planned");
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, /no rights over networks \(CAP_NET_ADMIN, CAP_SYS_ADMIN\), and no user namespace to be had: \S/);
    assert.match(err, /hint: run it as root/);
  });
});
