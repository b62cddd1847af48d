/** Two versions of the program as one pair: how a pair looks in the middle of its upgrade, one node at a time. */
import assert from "node:assert/strict";
import { segueCommand } from "../../control/lab/process.ts";
import { type NodeName, NODES } from "../../control/lab/topology.ts";
import { World } from "../../control/lab/world.ts";
import { assertPerfect, daemonArgs, other } from "../pair/pair.ts";

/** How a program is started: what stands before `run`. */
export interface Version {
  readonly name: string;
  readonly command: readonly string[];
}

export interface Move {
  readonly pair: string;
  readonly from: NodeName;
  readonly to: NodeName;
  readonly gapMs: number;
  readonly durationUs: number;
}

const TRAFFIC_MS = 1500;
const MOVE_AT_MS = 400;

/** This tree. */
export function present(): Version {
  return { name: "this version", command: segueCommand() };
}

/** Both orders; in each the address moves both ways under traffic, and then the older node is brought up to date and it moves again. */
export async function upgrade(older: Version, newer: Version, told: (move: Move) => void): Promise<void> {
  for (const first of NODES) {
    await using world = await World.create({ family: "segtest", profile: "lan" });
    const start = (node: NodeName, { command }: Version) =>
      world.startProgram(node, [...command, ...daemonArgs(world, node)]);
    start(first, older);
    start(other(first), newer);
    try {
      for (let i = 0; i < 2; i++) {
        told(await moveOnce(world, `${first} is ${older.name}, ${other(first)} ${newer.name}`));
      }
      await world.daemon(first).stop();
      start(first, newer);
      told(await moveOnce(world, `both are ${newer.name}, ${first} was ${older.name}`));
    } catch (error) {
      throw new Error(`${first} ran ${older.name}: ${error instanceof Error ? error.message : error}\n${world.logs()}`);
    }
  }
}

/** A planned move that no client notices. */
async function moveOnce(world: World, pair: string): Promise<Move> {
  const from = await world.settled(), to = other(from);
  const traffic = await world.udp({ durationMs: TRAFFIC_MS, intervalUs: 2000 });
  await new Promise((resolve) => setTimeout(resolve, MOVE_AT_MS));
  const receipt = await world.switchover(from, to);
  assert.equal(receipt.outcome, "done", `${from} → ${to}: ${receipt.reason}`);
  const seen = await traffic.result();
  assertPerfect(seen);
  assert.equal(await world.settled(), to);
  return { pair, from, to, gapMs: seen.longestGapMs, durationUs: receipt.duration_us };
}
