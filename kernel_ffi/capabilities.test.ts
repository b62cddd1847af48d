import assert from "node:assert/strict";
import { missingFrom } from "./capabilities.ts";

// setpriv --bounding-set -all,+net_admin,+net_raw,+sys_nice cat /proc/thread-self/status
const STATUS = "Name:\tcat\nCapPrm:\t0000000000803000\nCapEff:\t0000000000803000\nCapBnd:\t0000000000803000\n";

Deno.test("what is missing is named, in the order of asking", () => {
  assert.deepEqual(missingFrom(STATUS, ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_NICE"]), []);
  assert.deepEqual(missingFrom(STATUS, ["CAP_NET_BIND_SERVICE", "CAP_NET_ADMIN", "CAP_IPC_LOCK"]), [
    "CAP_NET_BIND_SERVICE",
    "CAP_IPC_LOCK",
  ]);
});

Deno.test("permitted is not effective", () => {
  assert.deepEqual(missingFrom(STATUS.replace(/CapEff.*/, "CapEff:\t0000000000000000"), ["CAP_NET_RAW"]), [
    "CAP_NET_RAW",
  ]);
});

Deno.test("a status without the line is an error", () => assert.throws(() => missingFrom("Name:\tx\n", []), /CapEff/));
