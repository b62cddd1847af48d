/** Several groups at once: each holds its packets, whatever the others do. */
import assert from "node:assert/strict";
import type { Measurement } from "../../control/lab/measurement.ts";
import { INNER, LabProcess, segueCommand } from "../../control/lab/process.ts";
import { type NodeName, NODES } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { assertPerfect, sleep, withPair } from "./pair.ts";
import { clientOf } from "./state_world.ts";

interface Other {
  readonly name: string;
  readonly address: string;
  readonly prefer?: NodeName;
  /** More lines of the group. */
  readonly more: string;
}

/** Few enough to find room in a service's socket when all that was held comes at once. */
const INTERVAL_MS = 10;
/** Profile `wan` on a machine that has other things to do. */
const TAKEOVER_MS_MAX = 2500;

/** Two groups beside the lab's own; its own has the same lines. */
const ADDRESSES = ["10.77.0.101", "10.77.0.102"] as const;

function groups(...others: readonly Other[]): string {
  return others.map(({ name, address, prefer = "a", more }) => `
[[group]]
name = "${name}"
prefer = "${prefer}"
addresses = [{ address = "${address}/32", interface = "veth0" }]
${more}`).join("");
}

/** Told of its role, for so long that packets of that time have to be held. */
const TOLD = `[[group.service]]
name = "told"
exec = ["/bin/sleep", "1000"]
on_primary = [["/bin/sleep", "0.4"]]
`;

/** Runs on the primary alone; from its start to its first answer everything has to be held. */
function echoOnPrimary(address: string): string {
  const [command, ...args] = segueCommand("lab");
  const inner = JSON.stringify({ part: "udp-echo", addresses: [address] });
  const exec = ["/usr/bin/env", `${INNER}=${inner}`, command!, ...args].map((it) => `'${it}'`);
  // Its address as /proc/net/udp writes it: as a number of this machine, in hexadecimal.
  const bytes = address.split(".").map((it) => Number(it).toString(16).padStart(2, "0")).reverse().join("");
  return `[[group.service]]
name = "echo"
run = "primary"
exec = [${exec.join(", ")}]
health = { exec = ["/bin/grep", "-qi", "${bytes}:2328", "/proc/net/udp"], every = "250ms", timeout = "200ms", fall = 40 }
`;
}

async function groupOf(world: World, node: NodeName, name: string) {
  return (await world.status(node))?.groups.find((group) => group.name === name);
}

async function move(world: World, on: NodeName, group: string) {
  const client = clientOf(world, on);
  try {
    return await client.switchover(group, { to: on, timeoutUs: 5_000_000 });
  } finally {
    client.close();
  }
}

/** Each group is on its node, whichever one was faster at the start, and nothing of it is under way. */
async function settle(world: World, expected: Readonly<Record<string, NodeName>>): Promise<void> {
  for (const [name, node] of Object.entries(expected)) {
    const settled = async () => {
      const groups = await Promise.all(NODES.map((it) => groupOf(world, it, name)));
      return groups.every((group, i) => group?.role === (NODES[i] === node ? "primary" : "standby")) &&
        groups.some((group) => group!.last_switch !== null && group!.held.now === 0);
    };
    const somewhere = async () => {
      const groups = await Promise.all(NODES.map((it) => groupOf(world, it, name)));
      return groups.some((group) => group?.role === "primary" && group.last_switch !== null);
    };
    await world.until(somewhere, 20_000, `${name} to be served`);
    if (!await settled()) await move(world, node, name);
    await world.until(settled, 20_000, `${name} to be on ${node}`);
  }
}

/** A pair whose nodes answer at both addresses, where the groups are settled: each on the node that it prefers. Times of `wan`: what is told here is order. */
function withGroups(
  others: readonly [Other, Other],
  body: (world: World, clients: () => Promise<Measurement[]>) => Promise<void>,
  { durationMs, echo, intervalMs = INTERVAL_MS }: {
    readonly durationMs: number;
    readonly echo: boolean;
    readonly intervalMs?: number;
  },
): Promise<void> {
  return withPair(async (world) => {
    const echoes = echo
      ? NODES.map((name) => LabProcess.inner(world.net.node(name), { part: "udp-echo", addresses: [...ADDRESSES] }))
      : [];
    try {
      for (const it of echoes) await it.line((line) => line === "ready", 20_000);
      await settle(world, Object.fromEntries(others.map(({ name, prefer = "a" }) => [name, prefer])));
      const traffic = await Promise.all(
        ADDRESSES.map((remote) => world.udp({ durationMs, intervalUs: 1000 * intervalMs, remote })),
      );
      await body(world, () => Promise.all(traffic.map((it) => it.result())));
    } finally {
      await Promise.all(echoes.map((it) => it.kill()));
    }
  }, { profile: "wan", timing: 'start_wait = "500ms"', group: groups(...others) });
}

const both = (more: (address: string) => string, prefer: readonly NodeName[] = ["a", "a"]): [Other, Other] => [
  { name: "dns", address: ADDRESSES[0], prefer: prefer[0]!, more: more(ADDRESSES[0]) },
  { name: "ntp", address: ADDRESSES[1], prefer: prefer[1]!, more: more(ADDRESSES[1]) },
];

Deno.test("power-off of two groups with services: from the takeover on both have all their packets, in order", () =>
  withGroups(both(echoOnPrimary), async (world, clients) => {
    await sleep(500);
    await world.powerOff("a");
    for (const { lost, reordered, duplicates } of await clients()) {
      assert.deepEqual([reordered, duplicates], [0, 0]);
      // What was sent into the crash, before the address was taken.
      assert.ok(lost < TAKEOVER_MS_MAX / INTERVAL_MS, `${lost} packets lost`);
    }
    for (const name of ["dns", "ntp"]) {
      const { kind, packets, steps } = (await groupOf(world, "b", name))!.last_switch!;
      assert.equal(kind, "failover");
      assert.ok(packets.held > 5, `${name} held ${packets.held}: ${JSON.stringify(steps)}`);
      assert.deepEqual([packets.released, packets.dropped], [packets.held, 0], name);
    }
    // Both are taken in one step: the heartbeat of the first take must not refresh what is still to be taken.
    assert.deepEqual(world.linesOf("b").filter((line) => line.includes("fenced")), []);
  }, { durationMs: 8000, echo: false }));

for (
  const [direction, prefer] of [["the same direction", ["a", "a"]], ["opposite directions", ["a", "b"]]] as const
) {
  Deno.test(`two groups moved at once in ${direction}, under traffic: nothing lost, doubled or out of order`, () =>
    withGroups(both(() => TOLD, prefer), async (world, clients) => {
      await sleep(300);
      const at = { dns: prefer[0] as NodeName, ntp: prefer[1] as NodeName };
      for (let round = 0; round < 2; round++) {
        const receipts = await Promise.all((["dns", "ntp"] as const).map((name) => {
          at[name] = at[name] === "a" ? "b" : "a";
          return move(world, at[name], name);
        }));
        for (const { group, outcome, reason, packets } of receipts) {
          assert.equal(outcome, "done", reason);
          // On a receipt stands what its own group had, in the time that its service takes.
          assert.ok(packets.held > 20 && packets.held < 150, `${group} held ${packets.held}`);
          assert.deepEqual([packets.released, packets.dropped], [packets.held, 0], group);
          // And on the old node's what that one passed on, though the other group's receipt ended in the midst of it.
          const old = at[group as keyof typeof at] === "a" ? "b" : "a";
          await world.until(
            async () => (await groupOf(world, old, group))!.last_switch!.kind === "handover",
            5000,
            `the receipt of ${old}`,
          );
          const { passed } = (await groupOf(world, old, group))!.last_switch!.packets;
          assert.ok(passed > 20 && passed <= packets.held_by_peer, `${group}: ${passed} passed on by ${old}`);
        }
      }
      (await clients()).forEach(assertPerfect);
    }, { durationMs: 5000, echo: true }));
}

Deno.test("a stopped node hands over all its groups in one go: nothing lost, doubled or out of order", () =>
  withGroups(both(() => "preempt = false"), async (world, clients) => {
    await sleep(300);
    assert.equal(await world.daemon("a").stop(), 0);
    (await clients()).forEach(assertPerfect);
    for (const name of ["dns", "ntp"]) {
      const { kind, outcome } = (await groupOf(world, "b", name))!.last_switch!;
      assert.deepEqual([kind, outcome], ["switchover", "done"]);
    }
    assert.deepEqual(world.linesOf("b").filter((line) => line.includes("fenced")), []);
  }, { durationMs: 5000, echo: true, intervalMs: 1 }));

Deno.test("one group called off while another one moves: each keeps its own packets", () =>
  withGroups(
    both((address) => address === ADDRESSES[0] ? TOLD : TOLD.replace("0.4", "1.2")),
    async (world, clients) => {
      await sleep(300);
      const client = clientOf(world, "b");
      // Its service takes longer than the operator is willing to wait.
      const calledOff = client.switchover("ntp", { to: "b", timeoutUs: 500_000 }).finally(() => client.close());
      const [moved, stayed] = await Promise.all([move(world, "b", "dns"), calledOff]);
      assert.deepEqual([moved.outcome, stayed.outcome], ["done", "aborted"]);
      assert.equal(moved.packets.returned, 0);
      assert.ok(stayed.packets.returned > 10, `${stayed.packets.returned} given back`);
      (await clients()).forEach(assertPerfect);
      const roles = await Promise.all(NODES.map(async (node) => (await groupOf(world, node, "ntp"))?.role));
      assert.deepEqual(roles, ["primary", "standby"]);
    },
    { durationMs: 5000, echo: true },
  ));

Deno.test("a daemon killed while it holds for two groups: its guard lets go all of both, in order", () =>
  withGroups(both(() => TOLD.replace("0.4", "1.5")), async (world, clients) => {
    await sleep(300);
    await world.powerOff("a");
    const held = async () =>
      await Promise.all(["dns", "ntp"].map(async (it) => (await groupOf(world, "b", it))!.held.now));
    await world.until(async () => (await held()).every((now) => now > 40), 10_000, "packets of both to be held");
    const before = await held();
    world.daemon("b").signal("SIGKILL");
    for (const [i, { sent, received, reordered, duplicates }] of (await clients()).entries()) {
      assert.deepEqual([reordered, duplicates], [0, 0]);
      // With the daemon dies its lease, 0.6 s later; until then there are answers.
      assert.ok(received > 30 + before[i]! && received < sent, `${received} of ${sent}, ${before[i]} had been held`);
    }
  }, { durationMs: 6000, echo: true }));
