/** Both nodes are told to stop at once, as when both servers are shut down: none waits for the other one's take that never comes. */
import assert from "node:assert/strict";
import { ApiClient } from "../../control/api/client.ts";
import { SOCKET_NAME } from "../../control/api/socket.ts";
import { writeState } from "../../control/api/state_calls.ts";
import { GROUP } from "../../control/lab/pair_file.ts";
import { NODES } from "../../control/lab/topology.ts";
import { withWorld } from "./pair.ts";

const TIMES = 4;
/** A start takes as long on a busy machine; the deadline of a move whose services are waited for is 15 s. */
const STOP_MS_MAX = 4500;

Deno.test("both stopped at once, with state to be handed over: both end in an orderly manner, and soon", async () => {
  await withWorld(async (world) => {
    for (let i = 0; i < TIMES; i++) {
      await world.startBoth();
      const client = new ApiClient(`${world.runDir((await world.primary())!)}/${SOCKET_NAME}`);
      await writeState(client, GROUP, "key", `${i}`);
      client.close();
      const start = performance.now();
      assert.deepEqual(await Promise.all(NODES.map((node) => world.daemon(node).stop())), [0, 0], world.logs());
      assert.ok(performance.now() - start < STOP_MS_MAX, world.logs());
    }
  });
});
