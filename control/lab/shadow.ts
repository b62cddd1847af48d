/** `segue lab shadow`: the same power-off on both wires, one after the other: what is lost, and what it is to TCP. */
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { VERSION } from "../core/version.ts";
import { chart } from "./chart.ts";
import { sleep } from "./command.ts";
import type { CrowdMeasurement } from "./crowd.ts";
import { Interrupt } from "./interrupt.ts";
import type { Measurement, Timeline } from "./measurement.ts";
import { judgeOwnership, reignsSince } from "./ownership.ts";
import { FAULT_AT_MS } from "./scenarios.ts";
import { chooseScreen, type Screen } from "./screen.ts";
import { wrap } from "./text.ts";
import { World } from "./world.ts";

type Wire = "announce" | "shared";
const WIRES: readonly Wire[] = ["announce", "shared"];

/** What clients saw of one power-off. */
export interface Crash {
  readonly wire: Wire;
  readonly udp: Measurement;
  readonly crowd: CrowdMeasurement;
  /** When the power went, in the time of each timeline. */
  readonly udpFaultMs: number;
  readonly crowdFaultMs: number;
  readonly order: string;
  readonly twoOwners: boolean;
  /** Packets that the standby served of what it had kept. */
  readonly replayed: number;
}

/** A lab shares its machine with others: its services may be slow to read what came. */
const GROUP_LINES: Readonly<Record<Wire, string>> = {
  announce: 'wire = "announce"',
  shared: 'wire = "shared"\nshared = { lag = "10ms" }',
};
const DURATION_MS = 2500;
const CONNECTIONS = 20;
const CROWD_EVERY_MS = 20;
const CALM_MS = 1000;
const WATCHER_MS = 150;
const SIGNAL_MS = 100;
const INDENT = "  ";
const BEFORE_MS = 40;
const CHART = { udp: { columns: 60, msPerColumn: 2 }, tcp: { columns: 60, msPerColumn: 6 } } as const;

/** 0: the shared wire lost nothing and nobody spoke twice; 1: not; 128 + signal: interrupted. */
export async function runShadow(json: boolean): Promise<number> {
  const interrupt = new Interrupt();
  const write = (text: string) => interrupt.write(Deno.stdout, text);
  const screen = chooseScreen(write, (text) => interrupt.write(Deno.stderr, text), json);
  const worlds: Promise<World>[] = [], crashes: Crash[] = [];
  let over = false;
  const build = (wire: Wire) => {
    if (over) throw new Error("the lab is over");
    const world = World.create({ family: "seglab", profile: "fast", routed: true, group: GROUP_LINES[wire] });
    worlds.push(world);
    return world;
  };
  try {
    const played = play(build, crashes, screen).then(() => null, (error: unknown) => error);
    let ended = await Promise.race([played, interrupt.came]);
    if (ended !== null) ended = await Promise.race([interrupt.came, sleep(SIGNAL_MS).then(() => ended)]);
    over = true;
    screen.live("taking everything away …");
    for (const world of worlds) await (await world.catch(() => null))?.close();
    screen.clear();
    if (typeof ended === "number") return ended;
    if (ended !== null) throw ended;
    for (const line of summary(crashes)) screen.line(line);
    if (json) write(JSON.stringify(shadowJson(crashes)) + "\n");
    return problems(crashes).length === 0 ? 0 : 1;
  } finally {
    interrupt.close();
  }
}

async function play(build: (wire: Wire) => Promise<World>, crashes: Crash[], screen: Screen): Promise<void> {
  const story =
    "A client, a pair that routes to a server behind it, and a power-off of the primary: a datagram to the pair every 0.5 ms, " +
    `and ${CONNECTIONS} TCP connections through it, each with a message ${CROWD_EVERY_MS} ms after an answer.`;
  for (const line of wrap(story, screen.columns, 0)) screen.line(line);
  for (const wire of WIRES) {
    screen.live(`building a pair with wire = "${wire}" …`);
    const world = await build(wire);
    screen.live(`starting two daemons, wire = "${wire}" …`);
    await world.startBoth();
    const crash = await powerOff(world, wire, (text) => screen.live(`wire = "${wire}": ${text} …`));
    crashes.push(crash);
    await world.close();
    for (const line of crashLines(crash)) screen.line(line);
  }
}

async function powerOff(world: World, wire: Wire, tell: (text: string) => void): Promise<Crash> {
  const primary = await world.settled();
  await sleep(CALM_MS);
  tell("traffic");
  const before = world.reigns.map((reign) => ({ ...reign })), missed = world.missed;
  const crowd = await world.crowd({ connections: CONNECTIONS, everyMs: CROWD_EVERY_MS, durationMs: DURATION_MS });
  const udp = await world.udp({ durationMs: DURATION_MS });
  await sleep(FAULT_AT_MS);
  tell(`power off: ${primary}`);
  const faultAt = Date.now(), faultUs = monotonicUs();
  await world.powerOff(primary);
  const [seen, talk] = await Promise.all([udp.result(), crowd.result()]);
  await sleep(WATCHER_MS);
  const standby = primary === "a" ? "b" : "a";
  const receipt = (await world.status(standby))?.groups[0]?.last_switch ?? null;
  const ownership = judgeOwnership(reignsSince(world.reigns, before), [primary, standby], world.missed - missed);
  return {
    wire,
    udp: seen,
    crowd: talk,
    udpFaultMs: Math.round((faultUs - seen.startedUs) / 1000),
    crowdFaultMs: faultAt - talk.startedAt,
    order: ownership.order,
    twoOwners: ownership.twoOwners,
    replayed: receipt?.packets.replayed ?? 0,
  };
}

/** Pure. */
export function crashLines({ wire, udp, crowd, udpFaultMs, crowdFaultMs, order, replayed }: Crash): string[] {
  const picture = (
    timeline: Timeline,
    faultMs: number,
    size: { readonly columns: number; readonly msPerColumn: number },
  ) => chart(timeline, { ...size, fromMs: faultMs - BEFORE_MS, markMs: faultMs }).map((row) => INDENT + row);
  const kept = wire === "shared" ? `, ${replayed} packets served that had been sent into the crash` : "";
  return [
    "",
    `wire = "${wire}"`,
    ...picture(udp.timeline, udpFaultMs, CHART.udp),
    `${INDENT}        datagrams: answer times, ${CHART.udp.msPerColumn} ms a column; ┴ the power goes, × lost`,
    ...picture(crowd.timeline, crowdFaultMs, CHART.tcp),
    `${INDENT}        TCP through the pair: longest wait, ${CHART.tcp.msPerColumn} ms a column`,
    `${INDENT}${udp.lost} of ${udp.sent} datagrams lost, longest gap ${udp.longestGapMs.toFixed(1)} ms, ` +
    `${udp.duplicates} served twice${kept}`,
    `${INDENT}TCP: longest wait ${crowd.stallP50Ms} ms at the median, ${crowd.stallP99Ms} ms at p99; ` +
    `${crowd.broken} of ${crowd.connections} broken; spoke: ${order}`,
  ];
}

/** What should not have been. Pure. */
export function problems(crashes: readonly Crash[]): string[] {
  return crashes.flatMap(({ wire, udp, crowd, twoOwners, order }) => [
    ...(wire === "shared" && udp.lost > 0 ? [`wire = "${wire}": ${udp.lost} datagrams lost`] : []),
    ...(crowd.broken > 0 ? [`wire = "${wire}": ${crowd.broken} TCP connections broken`] : []),
    ...(twoOwners ? [`wire = "${wire}": two owners: ${order}`] : []),
  ]);
}

function summary(crashes: readonly Crash[]): string[] {
  const broken = problems(crashes);
  if (broken.length === 0) return ["", "As promised: on the shared wire nothing was lost. Nothing is left behind."];
  return ["", ...broken.map((problem) => `Broken promise, ${problem}`)];
}

function shadowJson(crashes: readonly Crash[]): Record<string, unknown> {
  const line = ({ sliceMs, maxUs, lost }: Timeline) => ({ slice_ms: sliceMs, max_us: maxUs, lost });
  return {
    ok: problems(crashes).length === 0,
    version: VERSION,
    profile: "fast",
    problems: problems(crashes),
    wires: crashes.map(({ wire, udp, crowd, udpFaultMs, crowdFaultMs, order, twoOwners, replayed }) => ({
      wire,
      order,
      two_owners: twoOwners,
      replayed,
      udp: {
        sent: udp.sent,
        lost: udp.lost,
        duplicates: udp.duplicates,
        reordered: udp.reordered,
        longest_gap_ms: udp.longestGapMs,
        fault_ms: udpFaultMs,
        timeline: line(udp.timeline),
      },
      tcp: {
        connections: crowd.connections,
        broken: crowd.broken,
        stall_p50_ms: crowd.stallP50Ms,
        stall_p99_ms: crowd.stallP99Ms,
        stall_max_ms: crowd.stallMaxMs,
        fault_ms: crowdFaultMs,
        timeline: line(crowd.timeline),
      },
    })),
  };
}
