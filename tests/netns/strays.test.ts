/** Who sends to a node without the lease, as the kernel counts it. */
import assert from "node:assert/strict";
import { formatIp } from "../../kernel_ffi/address.ts";
import { inFreshNamespace } from "./namespace.ts";
import { arpRequest, CLIENT_MAC, clientFrame, PEER_MAC, RulesFixture, SLOT } from "./rules_fixture.ts";

function strays(node: RulesFixture): Record<string, number> {
  return Object.fromEntries(node.rules.strays(SLOT).map(({ key, packets }) => [formatIp(key), packets]));
}

function send(node: RulesFixture, count: number, options: Parameters<typeof clientFrame>[1] = {}): void {
  for (let i = 0; i < count; i++) node.far.send(clientFrame(i, options));
}

Deno.test("who sends here without a lease is counted by address, whether passed on or dropped", () =>
  inFreshNamespace(() => {
    const node = new RulesFixture();
    try {
      assert.deepEqual(strays(node), {});
      send(node, 3);
      send(node, 2, { v6: true });
      assert.deepEqual(strays(node), { "10.77.0.9": 3, "fd00:77::9": 2 }, "dropped");
      node.order("pass");
      node.far.received();
      send(node, 4);
      assert.equal(node.far.received().length, 4, "passed on");
      assert.deepEqual(strays(node), { "10.77.0.9": 7, "fd00:77::9": 2 });
    } finally {
      node.close();
    }
  }));

Deno.test("nobody is counted who is served, who was passed on by the peer, who asks, or who was flooded", () =>
  inFreshNamespace(() => {
    const node = new RulesFixture();
    try {
      node.takeLease();
      send(node, 3);
      node.order("drop");
      node.order("pass");
      send(node, 1, { by: PEER_MAC });
      node.order("unpass");
      node.far.send(arpRequest());
      // A switch that has forgotten a MAC sends its frames everywhere.
      const flooded = clientFrame(9);
      flooded.set(CLIENT_MAC, 0);
      node.far.send(flooded);
      node.order("hold");
      send(node, 1);
      assert.deepEqual(strays(node), {});
    } finally {
      node.close();
    }
  }));
