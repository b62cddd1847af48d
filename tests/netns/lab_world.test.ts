/**
 * The lab's instruments against a truth that is known: the address is moved by hand, without any daemon, and client and
 * watcher must see exactly that. An instrument that cannot see two owners proves nothing when it sees one.
 */
import assert from "node:assert/strict";
import { run, sleep } from "../../control/lab/command.ts";
import { judgeOwnership } from "../../control/lab/ownership.ts";
import { type NodeName, SERVICE_V4, SERVICE_V6 } from "../../control/lab/topology.ts";
import { World } from "../../control/lab/world.ts";
import { announce } from "./announce.ts";

/** The watcher tells what it has heard twenty times a second. */
const WATCHER_MS = 200;

async function withWorld(body: (world: World) => Promise<void>): Promise<void> {
  await using world = await World.create({ family: "segtest", profile: "fast" });
  await body(world);
}

async function give(world: World, name: NodeName): Promise<void> {
  await run("ip", "-n", world.net.node(name), "addr", "add", `${SERVICE_V4}/32`, "dev", "veth0");
}

async function take(world: World, name: NodeName): Promise<void> {
  await run("ip", "-n", world.net.node(name), "addr", "del", `${SERVICE_V4}/32`, "dev", "veth0");
}

Deno.test("an address moved by hand: the client sees the hole, the watcher who spoke before and after", async () => {
  await withWorld(async (world) => {
    await give(world, "a");
    const traffic = await world.udp({ durationMs: 1500 });
    await sleep(500);
    await take(world, "a");
    await sleep(100);
    await give(world, "b");
    announce(world, "b");
    const seen = await traffic.result();
    // A client that was kept from running does not send afterwards what was due meanwhile.
    assert.ok(seen.sent > 2000 && seen.sent <= 3000, `${seen.sent} sent`);
    assert.ok(seen.longestGapMs >= 100 && seen.longestGapMs < 600, `a hole of ${seen.longestGapMs} ms`);
    // Two datagrams a millisecond: what is lost and how long nothing came are two views of one hole.
    assert.ok(Math.abs(seen.lost - seen.longestGapMs * 2) < seen.lost * 0.2, `${seen.lost} lost`);
    assert.equal(seen.reordered + seen.duplicates, 0);
    assert.equal(seen.timeline.lost.reduce((sum, lost) => sum + lost, 0), seen.lost);
    await sleep(WATCHER_MS);
    const ownership = judgeOwnership(world.reigns, ["a", "b"], world.missed);
    assert.equal(ownership.order, "a b");
    assert.equal(ownership.twoOwners, false);
    assert.equal(ownership.missed, 0);
    assert.ok(Math.abs(ownership.silenceMs! - seen.longestGapMs) < 20, `silent for ${ownership.silenceMs} ms`);
  });
});

Deno.test("two nodes with the address: the watcher sees it, though the client loses nothing", async () => {
  await withWorld(async (world) => {
    await give(world, "a");
    await give(world, "b");
    const traffic = await world.udp({ durationMs: 1000 });
    // Whom the client asks decides who answers.
    for (const name of ["a", "b", "a"] as const) {
      announce(world, name);
      await sleep(200);
    }
    assert.equal((await traffic.result()).lost, 0);
    await sleep(WATCHER_MS);
    const last = world.reigns.slice(-3);
    const ownership = judgeOwnership(last, ["a", "b"]);
    assert.equal(ownership.order, "a b a");
    assert.equal(ownership.twoOwners, true);
    assert.ok(ownership.intrusions[0]!.frames > 100, "every answer of the old owner is counted");
  });
});

Deno.test("one stray announcement is enough to be seen", async () => {
  await withWorld(async (world) => {
    await give(world, "a");
    announce(world, "a");
    announce(world, "b");
    announce(world, "a");
    await world.until(() => world.reigns.length === 3, 3000, "three reigns");
    assert.deepEqual(judgeOwnership(world.reigns, ["a"]).intrusions.map((it) => [it.node, it.frames]), [["b", 1]]);
  });
});

Deno.test("IPv6: who answers solicitations speaks, too", async () => {
  await withWorld(async (world) => {
    await run("ip", "-n", world.net.node("b"), "addr", "add", `${SERVICE_V6}/128`, "dev", "veth0", "nodad");
    assert.equal((await (await world.udp({ durationMs: 300, v6: true })).result()).lost, 0);
    await sleep(WATCHER_MS);
    assert.equal(judgeOwnership(world.reigns, ["b"]).order, "b");
  });
});

Deno.test("every tenth datagram dropped on its way: the client counts exactly these", async () => {
  await withWorld(async (world) => {
    await give(world, "a");
    const rules = `add table netdev t
add chain netdev t i { type filter hook ingress device veth0 priority 0; }
add rule netdev t i udp dport 9000 numgen inc mod 10 0 drop`;
    await run("ip", "netns", "exec", world.net.node("a"), "nft", rules);
    const seen = await (await world.udp({ durationMs: 1000 })).result();
    // The first one of each ten; a client that gets no time for a while sends fewer.
    assert.equal(seen.lost, Math.ceil(seen.sent / 10));
  });
});

Deno.test("TCP: one connection while nothing happens, a new one when the address has moved", async () => {
  await withWorld(async (world) => {
    await give(world, "a");
    const calm = await (await world.tcp({ durationMs: 400 })).result();
    assert.equal(calm.connects, 1);
    assert.ok(calm.messages > 5, `${calm.messages} messages`);
    const traffic = await world.tcp({ durationMs: 1500 });
    await sleep(300);
    await take(world, "a");
    await give(world, "b");
    announce(world, "b");
    assert.equal((await traffic.result()).connects, 2);
  });
});

Deno.test("close leaves neither namespaces nor folders nor processes", async () => {
  const world = await World.create({ family: "segtest", profile: "fast" });
  const { prefix } = world.net, { folder } = world;
  assert.ok(namespacesOf(prefix).length === 4);
  const pids = (await run("ip", "netns", "pids", world.net.node("a"))).trim().split("\n");
  assert.equal(pids.length, 2);
  await Promise.all([world.close(), world.close()]);
  assert.deepEqual(namespacesOf(prefix), []);
  assert.throws(() => Deno.statSync(folder), Deno.errors.NotFound);
  for (const pid of pids) assert.throws(() => Deno.statSync(`/proc/${pid}/root`), Deno.errors.NotFound);
});

function namespacesOf(prefix: string): string[] {
  return [...Deno.readDirSync("/run/netns")].map((entry) => entry.name).filter((name) => name.startsWith(prefix));
}
