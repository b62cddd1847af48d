import assert from "node:assert/strict";
import { parseStat } from "./children.ts";

const REST = "0 -1 4194560 103 0 0 0 0 0 0 0 20 0 1 0 84477 2654208 364";

Deno.test("/proc/PID/stat: session and start time, whatever the program calls itself", () => {
  assert.deepEqual(parseStat(`19949 (sh) S 19943 19949 19948 ${REST}`), {
    pid: 19949,
    session: 19948,
    started: 84477,
    ended: false,
  });
  assert.equal(parseStat(`7 (a) b (c) R 1) Z 1 7 7 ${REST}`)?.ended, true);
  assert.equal(parseStat(`7 (x) X 1 7 7 ${REST}`)?.ended, true);
  assert.equal(parseStat(`7 (a) b (c) R 1) Z 1 7 7 ${REST}`)?.session, 7);
  for (const bad of ["", "7", "7 (x)", "7 (x) S 1", "x (y) S 1 2 3"]) assert.equal(parseStat(bad), null);
});
