/**
 * The power switch of a pair with `fence = ["…"]`: a command that ends when the peer is off, fails, or does not end in time. What is ordered when
 * is `control/core/fencing.ts`; this is `control/daemon/fencer.ts` with the command played.
 */
import type { SwitchReport } from "../../control/core/messages.ts";
import type { CoreEvent } from "../../control/core/node.ts";
import type { NodeIndex } from "./network.ts";
import type { Process, SimNode } from "./node.ts";
import type { SimWorld } from "./world.ts";

export type FenceReport = Extract<SwitchReport, { kind: "fencePeer" | "fenceOff" }>;

const TIMEOUT_US = 10_000_000;
/** A peer that was switched off counts as off for so long (`VALID_US`), and a little for clocks that drift. */
const COUNTS_US = 30_100_000;

interface Run {
  readonly process: Process;
}

export class PowerSwitch {
  /** What becomes of the next command. */
  state: "works" | "fails" | "hangs" = "works";
  /** When each node was switched off last. */
  readonly #offAt = [-Infinity, -Infinity];
  readonly #runs: (Run | null)[] = [null, null];
  readonly #world: SimWorld;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  /** @param answer to the switch thread of the same process */
  report(node: SimNode, report: FenceReport, answer: (event: CoreEvent) => void): void {
    const world = this.#world, peer = "ba"[node.index];
    if (report.kind === "fenceOff") {
      if (this.#runs[node.index] !== null) world.log(`${node.name} ends its fence command: ${peer} lives`);
      this.#runs[node.index] = null;
      return;
    }
    const { order } = report, run: Run = { process: node.process! };
    this.#runs[node.index] = run;
    world.log(`${node.name} runs its fence command, number ${order}`);
    const { state } = this;
    const us = state === "hangs" ? TIMEOUT_US : world.random.int(5000, 60_000);
    world.at(world.now + us, () => {
      if (this.#runs[node.index] !== run || node.process !== run.process) return;
      this.#runs[node.index] = null;
      if (state === "works") this.#cut(1 - node.index as NodeIndex);
      const reason = state === "works"
        ? "off"
        : state === "fails"
        ? "exit status 1"
        : "still running after 10 s, ended";
      world.log(
        `the fence command of ${node.name} ${state === "works" ? "has ended: the peer is off" : `failed: ${reason}`}`,
      );
      answer({ kind: "peerFenced", order, ok: state === "works", reason });
    });
  }

  #cut(index: NodeIndex): void {
    this.#offAt[index] = this.#world.now;
    if (this.#world.nodes[index]!.powered) this.#world.powerOff(index);
  }

  /** Whether a take without the peer's word is one of a node that knows its peer to be off. */
  knowsOff(peer: SimNode): boolean {
    return !peer.powered || this.#world.now - this.#offAt[peer.index]! <= COUNTS_US;
  }
}
