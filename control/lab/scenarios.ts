/** What can happen to a pair, and what segue promises its clients each time. */
import { run, sleep } from "./command.ts";
import { COLUMNS_MAX, wrap } from "./text.ts";
import type { NodeName } from "./topology.ts";
import type { World } from "./world.ts";

/** Who was what when the scenario began. */
export interface Cast {
  readonly primary: NodeName;
  readonly standby: NodeName;
}

export interface Scenario {
  /** As people type it. */
  readonly name: string;
  readonly title: string;
  /** What is done, in one sentence. */
  readonly story: string;
  /** Part of the tour. */
  readonly tour: boolean;
  /** Length of the traffic. The fault comes after `FAULT_AT_MS`. */
  readonly durationMs: number;
  /** Whether the standby becomes primary. */
  readonly moves: boolean;
  /** Packets may be lost (a crash), or not one. */
  readonly mayLose: boolean;
  readonly shortNeighbours?: boolean;
  /** A program that it takes besides ip(8). */
  readonly needs?: string;
  /** What is being done, for whoever watches. */
  deed(cast: Cast): string;
  fault(world: World, cast: Cast): Promise<unknown>;
  /** Back to two healthy nodes, after the traffic. */
  repair?(world: World, cast: Cast): Promise<unknown>;
}

export const FAULT_AT_MS = 700;
/**
 * A failover that lets a client wait longer than this breaks its promise. Many times what is measured: a lab shares its
 * machine with others.
 */
export const GAP_MS_MAX = 500;

const CRASH_MS = 2000;
/** How long a stopped daemon sleeps, and a port stays dead. */
const ABSENCE_MS = 1000;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "planned",
    title: "planned switchover",
    story: "the operator moves the address to the standby",
    tour: true,
    durationMs: CRASH_MS,
    moves: true,
    mayLose: false,
    deed: ({ primary, standby }) => `moving ${primary} → ${standby}`,
    fault: (world, { standby }) => world.switchover(standby),
  },
  {
    name: "power-off",
    title: "power-off",
    story: "the primary's links go down and everything on it is killed at once",
    tour: true,
    durationMs: CRASH_MS,
    moves: true,
    mayLose: true,
    deed: ({ primary }) => `power off: ${primary}`,
    fault: (world, { primary }) => world.powerOff(primary),
    repair: (world, { primary }) => world.powerOn(primary),
  },
  {
    name: "kill",
    title: "daemon killed",
    story: "kill -9 for the primary's whole process group; its services live on",
    tour: true,
    durationMs: CRASH_MS,
    moves: true,
    mayLose: true,
    deed: ({ primary }) => `kill -9: ${primary}`,
    fault: (world, { primary }) => Promise.resolve(world.daemon(primary).signal("SIGKILL")),
    repair: (world, { primary }) => Promise.resolve(world.start(primary)),
  },
  {
    name: "hang",
    title: "daemon hung",
    story: "SIGSTOP for the primary's daemon, SIGCONT a second later: it must come back mute",
    tour: true,
    durationMs: CRASH_MS + ABSENCE_MS,
    moves: true,
    mayLose: true,
    deed: ({ primary }) => `SIGSTOP: ${primary}`,
    fault: async (world, { primary }) => {
      world.daemon(primary).signal("SIGSTOP");
      await sleep(ABSENCE_MS);
      world.daemon(primary).signal("SIGCONT");
    },
  },
  {
    name: "cable",
    title: "sync cable cut",
    story: "the nodes hear each other over the LAN only: nothing may move",
    tour: true,
    durationMs: CRASH_MS,
    moves: false,
    mayLose: false,
    deed: () => "sync cable cut",
    fault: (world) => world.cable(false),
    repair: (world) => world.cable(true),
  },
  {
    name: "lan",
    title: "primary's LAN port down",
    story: "the switch port dies and is back a second later: the old primary must come back mute",
    tour: false,
    durationMs: CRASH_MS + ABSENCE_MS,
    moves: true,
    mayLose: true,
    deed: ({ primary }) => `LAN port down: ${primary}`,
    fault: async (world, { primary }) => {
      await world.lan(primary, false);
      await sleep(ABSENCE_MS);
      await world.lan(primary, true);
    },
  },
  {
    name: "standby",
    title: "standby powered off",
    story: "the standby is gone for longer than neighbour entries live: the primary serves on",
    tour: false,
    durationMs: 6000,
    moves: false,
    mayLose: false,
    shortNeighbours: true,
    deed: ({ standby }) => `power off: ${standby}`,
    fault: (world, { standby }) => world.powerOff(standby),
    repair: (world, { standby }) => world.powerOn(standby),
  },
  {
    name: "flush",
    title: "standby's rules flushed",
    story: "somebody else's `nft flush ruleset` on the standby: it must stay mute, and mend its rules",
    tour: false,
    durationMs: CRASH_MS,
    moves: false,
    mayLose: false,
    needs: "nft",
    deed: ({ standby }) => `nft flush ruleset: ${standby}`,
    fault: (world, { standby }) => run("ip", "netns", "exec", world.net.node(standby), "nft", "flush", "ruleset"),
  },
];

/** What segue promises the clients each time, in a few words. Pure. */
export function promiseText({ moves, mayLose }: Pick<Scenario, "moves" | "mayLose">): string {
  if (!moves) return "nothing moves, nothing is lost, doubled or out of order";
  if (!mayLose) return "it moves, one owner at every moment, nothing is lost, doubled or out of order";
  return `the standby takes over, one owner at every moment, no gap above ${GAP_MS_MAX} ms`;
}

/** One scenario, the tour, or null for a name that there is not. */
export function chooseScenarios(name: string | undefined): readonly Scenario[] | null {
  if (name === undefined) return SCENARIOS.filter((scenario) => scenario.tour);
  const found = SCENARIOS.filter((scenario) => scenario.name === name || ALIASES[name] === scenario.name);
  return found.length === 0 ? null : found;
}

/** What people may type as well: the signals by name. */
const ALIASES: Readonly<Record<string, string>> = {
  "kill-9": "kill",
  sigkill: "kill",
  sigstop: "hang",
  freeze: "hang",
  stop: "hang",
  "cable-cut": "cable",
  "standby-off": "standby",
};

/** Not one pair but two, one after the other, and clients of another kind: has a file of its own. */
export const SHADOW = "shadow";
const SHADOW_LINE = {
  name: SHADOW,
  title: "the two wires",
  story: 'a power-off with wire = "announce" and with "shared": what is lost, and how long TCP waits',
};

/** The list for people, one a line. */
export function scenarioList(): string {
  const lines = [...SCENARIOS, SHADOW_LINE].flatMap(({ name, title, story }) =>
    wrap(`  ${name.padEnd(10)} ${title}: ${story}`, COLUMNS_MAX, 13)
  );
  return lines.join("\n") + "\n";
}
