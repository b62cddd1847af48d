/** A pair that routes between two networks, both of them its service interfaces. */
import assert from "node:assert/strict";
import { run } from "../../control/lab/command.ts";
import { LabProcess } from "../../control/lab/process.ts";
import { CLIENT_V4, NODES, SERVER_V4 } from "../../control/lab/topology.ts";
import { assertPerfect, assertReigns, sleep, withPair } from "./pair.ts";

Deno.test("a called off move of a group on two networks gives each packet back by the one it came by", async () => {
  await withPair(async (world, primary, standby) => {
    // Who gets a packet on the wrong network throws it away (RFC 3704, strict).
    for (const node of NODES) {
      for (const device of ["all", "veth0", "veth2"]) {
        await run("ip", "netns", "exec", world.net.node(node), "sysctl", "-qw", `net.ipv4.conf.${device}.rp_filter=1`);
      }
    }
    const echoes = [[world.net.server, SERVER_V4], [world.net.client, CLIENT_V4]].map(([namespace, address]) =>
      LabProcess.inner(namespace!, { part: "udp-echo", addresses: [address] })
    );
    try {
      for (const echo of echoes) await echo.line((line) => line === "ready", 20_000);
      // Questions from both sides: nothing comes back of one that is held.
      const traffic = await world.udp({ durationMs: 3000, intervalUs: 5000, remote: SERVER_V4 });
      const other = LabProcess.inner(world.net.server, {
        part: "udp-client",
        local: SERVER_V4,
        remote: CLIENT_V4,
        intervalUs: 5000,
        durationMs: 3000,
        progress: false,
      });
      echoes.push(other);
      await other.line((line) => line === "started", 20_000);
      await sleep(500);
      // The drain takes longer than the operator is willing to wait.
      const receipt = await world.switchover(standby, standby, 200);
      assert.equal(receipt.outcome, "aborted", receipt.reason);
      await world.until(async () => await world.role(primary) === "primary", 5000, "the old node to serve on");
      assertPerfect(await traffic.result());
      assertPerfect(JSON.parse(await other.line((line) => line.startsWith("{"), 20_000)));
      assert.ok(receipt.packets.returned > 20, `${receipt.packets.returned} given back`);
      await assertReigns(world, primary);
    } finally {
      await Promise.all(echoes.map((it) => it.kill()));
    }
  }, { routed: true, profile: "wan", timing: 'start_wait = "500ms"\ndrain = "600ms"', group: 'wire = "shared"' });
});
