/** Looks whether the shared wires work: counts what this node sees, sends what the peer should see, compares. At leisure, never in a switch. */
import { KernelError } from "../../kernel_ffi/errno.ts";
import { ETHERNET_MIN_BYTES, ETHERTYPE_EXPERIMENTAL_2, writeEthernetHeader } from "../../kernel_ffi/ethernet.ts";
import { peerAlive } from "../core/group.ts";
import type { SwitchContext } from "./context.ts";
import type { Executor } from "./executor.ts";
import type { PlannedGroup, Slot } from "./plan.ts";
import { WireJudge } from "./wire_judge.ts";

const WINDOW_US = 1_000_000;
/** Room for housekeeping that comes a little early. */
const SLACK_US = 100_000;
const SEEN_MAX = 0xffff;

interface Watched {
  readonly group: PlannedGroup;
  readonly judge: WireJudge;
  /** Frame for each slot, and what its counter said at the last look. */
  readonly frames: readonly Uint8Array<ArrayBuffer>[];
  readonly counted: Float64Array;
}

export class WireWatch {
  readonly #c: SwitchContext;
  readonly #executor: Executor;
  readonly #watched: readonly Watched[];
  #lookedUs = -1;

  constructor(context: SwitchContext, executor: Executor) {
    this.#c = context;
    this.#executor = executor;
    this.#watched = context.plan.groups.filter(({ shared }) => shared).map((group) => ({
      group,
      judge: new WireJudge(),
      frames: group.slots.map((slot) => testFrame(slot, context.links.frames[slot.interface]!.socket.mac)),
      counted: new Float64Array(group.slots.length),
    }));
  }

  /** After the counters have been read, about twice a second. */
  look(nowUs: number): void {
    if (this.#watched.length === 0) return;
    for (const { group, frames } of this.#watched) {
      group.slots.forEach((slot, i) =>
        this.#c.links.frames[slot.interface]!.plain.send(frames[i]!, frames[i]!.length, 0)
      );
    }
    const spanUs = nowUs - this.#lookedUs;
    if (spanUs < WINDOW_US - SLACK_US) return;
    const first = this.#lookedUs < 0;
    this.#lookedUs = nowUs;
    for (const watched of this.#watched) this.#window(watched, first ? 0 : spanUs);
  }

  #window(watched: Watched, spanUs: number): void {
    const g = this.#c.node.groups[watched.group.index]!;
    g.seen = this.#count(watched, spanUs);
    const comparable = g.role === "primary" && g.phase === "none" && g.peerKnown && peerAlive(this.#c.node) &&
      g.peer.role === "standby" && this.#framesHeard(watched.group);
    if (!comparable) return watched.judge.pause();
    const { peerName } = this.#c.plan;
    const reason = watched.judge.look({ own: g.seen, peer: g.peer.seen, peerName, fallback: g.fallback });
    if (reason === null) return;
    this.#executor.step(this.#lookedUs, { kind: "wire", group: watched.group.index, reason });
  }

  /** As `GroupState.seen`. */
  #count({ group, counted }: Watched, spanUs: number): number {
    let sum = 0, blind = false;
    group.slots.forEach((slot, i) => {
      const seen = this.#c.slotCounters.get(slot.id)?.seen ?? 0;
      if (seen === counted[i]!) blind = true;
      sum += seen - counted[i]!;
      counted[i] = seen;
    });
    if (spanUs === 0) return 0;
    return blind ? 1 : Math.min(SEEN_MAX, 1 + Math.max(1, Math.round(sum * 1e6 / spanUs)));
  }

  /** A network that carries nothing at all is another matter. */
  #framesHeard(group: PlannedGroup): boolean {
    const { frames } = this.#c.links;
    return group.slots.every(({ interface: i }) => this.#lookedUs - frames[i]!.stats.heardUs < WINDOW_US);
  }
}

function testFrame(slot: Slot, own: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(new ArrayBuffer(ETHERNET_MIN_BYTES));
  writeEthernetHeader(frame, slot.virtual!.mac, own, ETHERTYPE_EXPERIMENTAL_2);
  return frame;
}

/** The kernel speaks of the virtual MAC, or of the node's own, as the group's state says. */
export function applyWire(c: SwitchContext, group: PlannedGroup): void {
  const { fallback } = c.node.groups[group.index]!;
  try {
    for (const slot of group.slots) c.rules.setVirtualMac(slot.id, !fallback);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    c.event("alarm", "wire", `${group.config.name}: the rules of the shared wire cannot be changed: ${error.message}`);
  }
}
