import assert from "node:assert/strict";
import { boundQueues } from "./former_guard.ts";

Deno.test("bound queues are read from the kernel's list", () => {
  // cat /proc/net/netfilter/nfnetlink_queue, Linux 6.18, beside a running pair's node.
  const list = `    1  98432     0 2 65535     0     0        3  1
    2 -18877     0 2 65535     0     0        1  1
`;
  assert.deepEqual(boundQueues(list), [1, 2]);
  assert.deepEqual(boundQueues(""), []);
});
