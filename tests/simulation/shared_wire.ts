/**
 * A pair on a shared wire: each packet for the address reaches both nodes, and the one with the lease answers. The other one's kernel queues what
 * comes, and `control/switch/shadow.ts`, which runs here as it ships, drops what the primary has served and lets the rest go at a failover.
 */
import type { NodeState } from "../../control/core/node.ts";
import type { SwitchPlan } from "../../control/switch/plan.ts";
import type { KernelRules } from "../../control/switch/rules.ts";
import { Shadow, type ShadowParts } from "../../control/switch/shadow.ts";
import type { SimNode } from "./node.ts";
import type { SimWorld } from "./world.ts";

const PACKET_BYTES = 84;
const MAX_BYTES = 64 * 1024 * 1024;

/** What a kernel queues for the shadow of one process: packets in order, each with an id. */
class Queue {
  highest = 0;
  packets = 0;
  bytes = 0;
  lost = 0;
  readonly source = new Uint8Array(16);
  sourceLength = 0;
  readonly #serve: (seq: number) => void;
  readonly #waiting: number[] = [];
  /** Id of the newest that waits, told of or not. */
  #newest = 0;

  constructor(serve: (seq: number) => void) {
    this.#serve = serve;
  }

  push(seq: number): void {
    this.#waiting.push(seq);
    this.#newest++;
  }

  drain(): void {
    this.packets += this.#newest - this.highest;
    this.bytes += PACKET_BYTES * (this.#newest - this.highest);
    this.highest = this.#newest;
  }

  release(upToId: number): void {
    for (const seq of this.#take(upToId)) this.#serve(seq);
  }

  drop(upToId: number): void {
    this.#take(upToId);
  }

  #take(upToId: number): number[] {
    return this.#waiting.splice(0, this.#waiting.length - (this.#newest - upToId));
  }

  close(): void {}
}

interface Kept {
  readonly queue: Queue;
  /** The rules let packets without a lease into the queue. */
  on: boolean;
}

export class SharedWire {
  /** Between two packets; Infinity: nobody sends. */
  everyUs = Infinity;
  /** How often each packet was answered. */
  readonly answers: number[] = [];
  readonly sentAt: number[] = [];
  /** Answers that came in another order than the packets, on one node. */
  reordered = 0;
  readonly #last = [-1, -1];
  readonly #kept: (Kept | null)[] = [null, null];
  readonly #world: SimWorld;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  /** For a process that starts. @param lagUs as in the configuration; undefined: as the product has it */
  shadowFor(node: SimNode, core: NodeState, lagUs?: number): Shadow {
    const kept: Kept = { queue: new Queue((seq) => this.#answer(node, seq)), on: false };
    this.#kept[node.index] = kept;
    const shared = { maxBytes: MAX_BYTES, replay: true, lagUs };
    // Of the plan it reads the groups with their MACs, and how many interfaces there are.
    const plan = {
      interfaces: ["veth0"],
      groups: [{
        index: 0,
        links: 1,
        shared: true,
        slots: [{ virtual: { mac: new Uint8Array(6) } }],
        config: { name: "web", shared },
      }],
    } as unknown as SwitchPlan;
    const rules = {
      setShadowed: (macs: readonly Uint8Array[]) => void (kept.on = macs.length > 0),
    } as unknown as KernelRules;
    const parts: ShadowParts = { rules, node: core, onOverflow: () => {}, open: () => kept.queue };
    return new Shadow(plan, parts);
  }

  /** The queue belongs to the process: nobody listens any more, and nothing comes by it. */
  ended(node: SimNode): void {
    this.#kept[node.index] = null;
  }

  begin(everyUs: number): void {
    this.everyUs = everyUs;
    this.answers.length = this.sentAt.length = 0;
    this.reordered = 0;
    this.#last.fill(-1);
    this.#send();
  }

  #send(): void {
    const world = this.#world, seq = this.answers.length;
    if (this.everyUs === Infinity) return;
    this.answers.push(0);
    this.sentAt.push(world.now);
    for (const node of world.nodes) world.at(world.now + world.random.int(5, 30), () => this.#arrive(node, seq));
    world.at(world.now + this.everyUs, () => this.#send());
  }

  #arrive(node: SimNode, seq: number): void {
    if (!node.powered || !node.carrier || node.frozen) return;
    const fate = node.kernel.receive(node.clock.at(this.#world.now), { seq, fromPeer: false });
    const kept = this.#kept[node.index] ?? null;
    if (fate === "served") this.#answer(node, seq);
    else if (fate === "dropped" && kept?.on) kept.queue.push(seq);
  }

  /** The service reads it a moment later, if there is power for that long. */
  #answer(node: SimNode, seq: number): void {
    if (seq < this.#last[node.index]!) this.reordered++;
    this.#last[node.index] = seq;
    const world = this.#world, boot = node.boots;
    world.at(world.now + world.random.int(0, Math.min(400, world.limits.heartbeatUs / 8)), () => {
      if (node.powered && node.boots === boot) this.answers[seq]!++;
    });
  }
}

/** What is wrong with what came of the packets sent until `untilUs`; null: nothing. @param twiceUs so much of them may have been answered twice */
export function judgeWire(wire: SharedWire, untilUs: number, twiceUs: number): string | null {
  const sent = wire.sentAt.filter((at) => at <= untilUs).length, counted = wire.answers.slice(0, sent);
  const lost = counted.filter((times) => times === 0).length, twice = counted.filter((times) => times > 1).length;
  if (lost > 0) return `${lost} packets lost of ${sent}, first ${counted.indexOf(0)}`;
  if (counted.some((times) => times > 2)) return "a packet was served three times";
  if (wire.reordered > 0) return `${wire.reordered} packets were served before an earlier one`;
  const most = Math.ceil(twiceUs / wire.everyUs) + 1;
  return twice > most ? `${twice} packets were served twice, more than ${most}` : null;
}
