import assert from "node:assert/strict";
import { assertPerfect, assertReigns, other, sleep, withPair } from "./pair.ts";

Deno.test("a planned switchover loses, doubles and reorders nothing, IPv4 and IPv6", async () => {
  await withPair(async (world, primary, standby) => {
    const v4 = await world.udp({ durationMs: 1500 }), v6 = await world.udp({ durationMs: 1500, v6: true });
    await sleep(400);
    const receipt = await world.switchover(standby);
    assert.equal(receipt.outcome, "done");
    assert.equal(receipt.kind, "switchover");
    const steps = receipt.steps.map((step) => step.step.replace(/ \d+$/, ""));
    assert.deepEqual(steps, [
      "hold",
      "addresses",
      "lease, epoch",
      "announced",
      "released what came by the peer",
      "all passed on",
      "released all",
    ]);
    assertPerfect(await v4.result());
    assertPerfect(await v6.result());
    await assertReigns(world, `${primary} ${standby}`);
    assert.equal(await world.role(standby), "primary");
    assert.equal(await world.role(primary), "standby");
  });
});

Deno.test("the old primary can be asked as well, and says what it passed on", async () => {
  await withPair(async (world, primary, standby) => {
    const traffic = await world.udp({ durationMs: 1000, intervalUs: 200 });
    await sleep(300);
    const receipt = await world.switchover(primary);
    assert.equal(receipt.kind, "handover");
    assert.equal(receipt.outcome, "done");
    assert.ok(receipt.packets.passed > 0, "packets came while the kernel passed on");
    assertPerfect(await traffic.result());
    await assertReigns(world, `${primary} ${standby}`);
  });
});

Deno.test("20,000 packets a second: ten switches, nothing lost or reordered", async () => {
  await withPair(async (world) => {
    const traffic = await world.udp({ durationMs: 3000, intervalUs: 50 });
    await sleep(200);
    for (let i = 0; i < 10; i++) {
      assert.equal((await world.switchover("a")).outcome, "done");
      await sleep(200);
    }
    const seen = await traffic.result();
    assert.ok(seen.sent > 20_000, `the client managed ${seen.sent} packets in 3 s`);
    assertPerfect(seen);
  });
});

Deno.test("there and back 20 times in a row under traffic", async () => {
  await withPair(async (world, primary, standby) => {
    const traffic = await world.udp({ durationMs: 2500 });
    await sleep(200);
    for (let i = 0; i < 20; i++) {
      assert.equal((await world.switchover(i % 2 === 0 ? primary : standby)).outcome, "done");
    }
    assertPerfect(await traffic.result());
    await assertReigns(world, Array.from({ length: 21 }, (_, i) => i % 2 === 0 ? primary : standby).join(" "));
  });
});

Deno.test("a switchover that cannot finish in time is called off: the old node serves on, packets included", async () => {
  await withPair(async (world, primary, standby) => {
    const traffic = await world.udp({ durationMs: 1500 });
    await sleep(300);
    // The drain takes longer than the operator is willing to wait.
    const receipt = await world.switchover(standby, standby, 30);
    assert.equal(receipt.outcome, "aborted");
    await world.until(
      async () => await world.role(primary) === "primary" && await world.role(standby) === "standby",
      3000,
      "the old roles",
    );
    const seen = await traffic.result();
    assertPerfect(seen);
    await assertReigns(world, primary);
    assert.ok(receipt.packets.returned > 0, "held packets went back to the old node");
  }, { timing: 'drain = "200ms"' });
});

Deno.test("asked for what is so already, nothing happens; asked for a stranger, the answer names the nodes", async () => {
  await withPair(async (world, primary) => {
    await assert.rejects(world.switchover(primary, primary), /primary of web already/);
    await assert.rejects(world.switchover(primary, "c" as "a"), /no node c/);
  });
});

Deno.test("a stopped primary hands over first", async () => {
  await withPair(async (world, primary, standby) => {
    const traffic = await world.udp({ durationMs: 2500 });
    await sleep(300);
    assert.equal(await world.daemon(primary).stop(), 0);
    assertPerfect(await traffic.result());
    assert.equal(await world.role(standby), "primary");
    await assertReigns(world, `${primary} ${standby}`);
    // And it leaves nothing behind.
    assert.equal(await rulesOf(world.net.node(primary)), "");
  });
});

Deno.test("no way back by itself; with preempt the preferred node comes back", async () => {
  await withPair(async (world, primary) => {
    await world.switchover(primary);
    const traffic = await world.udp({ durationMs: 10_000 });
    await world.until(async () => await world.role("a") === "primary", 20_000, "a to take the group back");
    assertPerfect(await traffic.result());
    assert.equal(await world.role(other("a")), "standby");
  }, { group: "preempt = true" });
});

async function rulesOf(namespace: string): Promise<string> {
  const { stdout } = await new Deno.Command("ip", { args: ["netns", "exec", namespace, "nft", "list", "ruleset"] })
    .output();
  return new TextDecoder().decode(stdout);
}
