/**
 * Scenario files, `tests/scenarios/*.txt`: what happens to a pair, and what it does, for people to read.
 *
 * ```
 * # What it is about, in plain words.
 *
 * profile lan                 timing; lan if it is not said
 * services                    the group has services that a switch waits for
 * shared                      the wire is shared: both nodes hear what comes
 * gateway                     it has a gateway to ask, on a's part of the LAN if that splits
 * fence                       each node has a command that switches the other one off
 *    0 start a                milliseconds, then what happens (`ACTS`)
 * 1000 power-off a
 * 2000 end
 *
 * ---
 * 1000.000 a loses power      what came of it: written by --update
 * ```
 */
import { DEFAULT_PROFILE, PROFILES } from "../../config/profiles.ts";
import type { AckLevel } from "../../control/state/waits.ts";
import { CABLE, LAN, type NodeIndex } from "./network.ts";
import { judgeSpan, type Span } from "./traffic.ts";
import { SimWorld } from "./world.ts";

const MS = 1000;
const SEED = 1;
export const RULE = "---\n";
const CLIENT_EVERY_US = 500;

interface Scene {
  readonly world: SimWorld;
  span: Span | null;
}

type Act = (scene: Scene, words: readonly string[]) => void;

function nodeOf(word: string | undefined): NodeIndex {
  if (word === "a") return 0;
  if (word === "b") return 1;
  throw new RangeError(`scenario: ${word} is no node: a or b`);
}

function usOf(word: string | undefined): number {
  const ms = Number(word);
  if (!(ms >= 0)) throw new RangeError(`scenario: ${word} is no number of milliseconds`);
  return Math.round(ms * MS);
}

function filter(scene: Scene, [node, path]: readonly string[], up: boolean): void {
  const paths = path === "lan" ? [LAN] as const : path === "cable" ? [CABLE] as const : [CABLE, LAN] as const;
  for (const one of paths) scene.world.network.ways[one]![nodeOf(node)].up = up;
  const where = path === "lan" ? "the LAN" : path === "cable" ? "the cable" : "every path";
  scene.world.log(`datagrams from ${node} ${up ? "pass again" : "are lost"} on ${where}`);
}

/** What can stand behind a time. */
const ACTS: Readonly<Record<string, Act>> = {
  "start": ({ world }, [node]) => world.start(nodeOf(node)),
  "kill": ({ world }, [node]) => world.kill(nodeOf(node)),
  "terminate": ({ world }, [node]) => world.terminate(nodeOf(node)),
  "power-off": ({ world }, [node]) => world.powerOff(nodeOf(node)),
  "power-on": ({ world }, [node]) => world.powerOn(nodeOf(node)),
  /** SIGSTOP, and SIGCONT so much later. */
  "stop": ({ world }, [node, ms]) => world.stop(nodeOf(node), usOf(ms)),
  /** The whole machine, with its clock. */
  "freeze": ({ world }, [node, ms]) => world.freeze(nodeOf(node), usOf(ms), true),
  "unplug": ({ world }, [node]) => world.setCarrier(nodeOf(node), false),
  "plug": ({ world }, [node]) => world.setCarrier(nodeOf(node), true),
  "cut-cable": ({ world }) => world.setCable(false),
  "mend-cable": ({ world }) => world.setCable(true),
  "split-lan": ({ world }) => world.setSplit(true),
  "join-lan": ({ world }) => world.setSplit(false),
  /** Heartbeats of a node are lost: on the lan, the cable, or all paths. */
  "filter": (scene, words) => filter(scene, words, false),
  "unfilter": (scene, words) => filter(scene, words, true),
  /** Packets of the peer stream wait in queues for so long, heartbeats do not. */
  "lag-streams": ({ world }, [ms]) => {
    world.network.streamLagUs = usOf(ms);
    world.log(`the peer stream lags by ${ms} ms`);
  },
  "lose-gateway": ({ world }) => setGateway(world, false),
  "mend-gateway": ({ world }) => setGateway(world, true),
  /** From here on a fence command fails, hangs or works. */
  "fence-command": ({ world }, [state]) => {
    if (state !== "works" && state !== "fails" && state !== "hangs") {
      throw new RangeError(`scenario: fence-command ${state}`);
    }
    world.power.state = state;
  },
  "flush": ({ world }, [node]) => world.flush(nodeOf(node)),
  "fill-disk": ({ world }, [node]) => setDisk(world, nodeOf(node), true),
  "free-disk": ({ world }, [node]) => setDisk(world, nodeOf(node), false),
  "fail-track": ({ world }, [node]) => setTrack(world, nodeOf(node), false),
  "mend-track": ({ world }, [node]) => setTrack(world, nodeOf(node), true),
  /** segue switchover, asked on this node, which is number 1 of the operator's commands, or the number given. */
  "switchover": ({ world }, [node, number]) => {
    world.log(`an operator asks ${node} for a switchover, command ${number ?? "1"}`);
    world.switchover(nodeOf(node), Number(number ?? 1));
  },
  "write": ({ world }, [key, level]) => {
    world.write(key!, level as AckLevel, (told) => world.log(`a client writes ${key}: ${told}`));
  },
  /** From here on a client sends a packet every half millisecond. */
  "clients": (scene) => {
    scene.world.log("a client begins to send a packet every 0.5 ms");
    if (scene.world.settings.shared) return scene.world.wire.begin(CLIENT_EVERY_US);
    scene.span = scene.world.traffic.begin(CLIENT_EVERY_US);
  },
};

function setGateway(world: SimWorld, up: boolean): void {
  world.log(up ? "the gateway is back" : "the gateway is gone");
  world.gateway.up = up;
}

function setDisk(world: SimWorld, index: NodeIndex, full: boolean): void {
  world.log(`the disk of ${world.nodes[index]!.name} ${full ? "is full" : "has room again"}`);
  world.nodes[index]!.disk.full = full;
}

function setTrack(world: SimWorld, index: NodeIndex, ok: boolean): void {
  world.log(`a track of ${world.nodes[index]!.name} ${ok ? "succeeds again" : "fails"}`);
  world.track(index, ok);
}

/** Plays a file; returns it with the trace that came of it. Throws for what it cannot read, and if a rule was broken. */
export async function playScenario(text: string): Promise<string> {
  const script = text.split(RULE)[0]!;
  const lines = script.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  const profile = lines.find((line) => line.startsWith("profile "))?.split(" ")[1] ?? DEFAULT_PROFILE;
  const world = new SimWorld(SEED, {
    timing: PROFILES[profile as keyof typeof PROFILES],
    servicesFail: lines.includes("services") ? 0 : null,
    bytes: false,
    rough: false,
    hooks: {},
    shared: lines.includes("shared"),
    gateway: lines.includes("gateway"),
    fencing: lines.includes("fence"),
  });
  const scene: Scene = { world, span: null };
  let endUs = 0;
  for (const line of lines) {
    const [time, name, ...words] = line.split(/\s+/);
    if (["profile", "services", "shared", "gateway", "fence"].includes(time!)) continue;
    const us = usOf(time);
    endUs = Math.max(endUs, us);
    if (name === "end") continue;
    const act = ACTS[name ?? ""];
    if (act === undefined) throw new RangeError(`scenario: ${name} is nothing that can happen`);
    world.at(us, () => act(scene, words));
  }
  await world.runUntil(endUs);
  if (world.referee.violations.length > 0) throw new Error(`scenario: ${world.referee.violations.join("; ")}`);
  if (scene.span !== null) world.log(summary(scene.span));
  if (world.wire.answers.length > 0) world.log(wireSummary(world.wire.answers));
  for (const node of world.nodes) {
    for (const { key, lsn, epoch } of node.disk.orphans) {
      world.log(`set aside on ${node.name}: ${key}, LSN ${lsn} of epoch ${epoch}`);
    }
  }
  return `${script}${RULE}${world.trace.join("\n")}\n`;
}

/** The same of a shared wire. The newest are under way. */
function wireSummary(answers: readonly number[]): string {
  const counted = answers.slice(0, -2), count = (times: number) => counted.filter((one) => one === times).length;
  return `of ${counted.length} packets ${count(0)} lost, ${count(2)} answered twice`;
}

/** What a client has seen. */
function summary(span: Span): string {
  const { served, lost } = span;
  const whole = judgeSpan({ ...span, lost: [] });
  const reasons = [...new Set(lost.map(({ why }) => why))]
    .map((why) => `${lost.filter((one) => one.why === why).length} ${why}`);
  const order = whole === null || lost.length > 0 ? "" : `; ${whole}`;
  return `of ${served.length + lost.length} packets ${lost.length} lost${
    reasons.length === 0 ? "" : ` (${reasons.join(", ")})`
  }${order}`;
}
