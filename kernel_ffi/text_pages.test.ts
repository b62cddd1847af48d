import assert from "node:assert/strict";
import { codeMappings } from "./text_pages.ts";

Deno.test("only code of files: nothing writable, nothing made at run time", () => {
  const maps = `55d3-55d4 r--p 00000000 fe:00 123 /opt/runtime
55e000000000-55e000200000 r-xp 02d00000 fe:00 123                        /opt/runtime
55e000200000-55e000300000 r--p 05c00000 fe:00 123                        /opt/runtime
55e000300000-55e000400000 rw-p 05d00000 fe:00 123                        /opt/runtime
7f0000000000-7f0000010000 r-xp 00000000 00:00 0
7fff00000000-7fff00002000 r-xp 00000000 00:00 0                          [vdso]`;
  assert.deepEqual(codeMappings(maps), [{ from: 0x55e000000000n, length: 0x200000n }]);
});
