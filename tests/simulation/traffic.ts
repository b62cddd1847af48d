/** Clients of the address: numbered packets to wherever the LAN sends them, and what became of those of a watched span. */
import type { Packet } from "./kernel.ts";
import { LAN, type Network, type NodeIndex } from "./network.ts";
import type { SimNode } from "./node.ts";
import type { EventQueue } from "./queue.ts";
import type { Random } from "./random.ts";

export const QUIET_US = 25_000;

export interface Span {
  readonly from: number;
  readonly served: number[];
  readonly lost: { readonly seq: number; readonly why: string }[];
}

export class Traffic {
  /** Where the switch sends the address; null: nobody has ever announced it. */
  owner: NodeIndex | null = null;
  everyUs = QUIET_US;
  /** When a packet was last served. */
  servedAt = -Infinity;
  #span: Span | null = null;
  #seq = 0;
  readonly #nodes: readonly [SimNode, SimNode];
  readonly #network: Network;
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #now: () => number;

  constructor(
    nodes: readonly [SimNode, SimNode],
    network: Network,
    queue: EventQueue,
    random: Random,
    now: () => number,
  ) {
    this.#nodes = nodes;
    this.#network = network;
    this.#queue = queue;
    this.#random = random;
    this.#now = now;
    this.#send();
  }

  /** From here on what becomes of each packet is noted. */
  begin(everyUs: number): Span {
    this.everyUs = everyUs;
    return this.#span = { from: this.#seq, served: [], lost: [] };
  }

  /** No more packets so often; those of the span may still be under way. */
  calm(): void {
    this.everyUs = QUIET_US;
  }

  end(): void {
    this.#span = null;
  }

  #send(): void {
    const packet = { seq: this.#seq++, fromPeer: false };
    if (this.owner !== null) this.arrive(this.#nodes[this.owner]!, packet);
    this.#queue.add(this.#now() + this.everyUs, () => this.#send());
  }

  arrive(node: SimNode, packet: Packet): void {
    const now = this.#now();
    if (!node.powered || !node.carrier || node.frozen) return this.#lose(packet.seq, `${node.name} is off`);
    const fate = node.kernel.receive(node.clock.at(now), packet);
    if (fate === "served") this.#serve(packet.seq);
    else if (fate === "dropped") this.#lose(packet.seq, `dropped by ${node.name}`);
    else if (fate === "passed") this.#sendOn(node, packet.seq);
  }

  /** As frames to the other node, in order. */
  #sendOn(node: SimNode, seq: number): void {
    if (this.#network.split) return this.#lose(seq, "the LAN is split");
    const peer = this.#nodes[1 - node.index]!;
    this.#queue.add(this.#network.arrival(LAN, node.index, this.#now()), () => {
      this.arrive(peer, { seq, fromPeer: true });
    });
  }

  release(node: SimNode, which: "fromPeer" | "direct"): void {
    for (const { seq } of node.kernel[which].splice(0)) {
      if (node.speaks(this.#now())) this.#serve(seq);
      else this.#lose(seq, `released by ${node.name} without a lease`);
    }
  }

  giveBack(node: SimNode): void {
    for (const { seq } of node.kernel.loseHeld()) this.#sendOn(node, seq);
  }

  loseHeld(node: SimNode): void {
    for (const { seq } of node.kernel.loseHeld()) this.#lose(seq, `held by ${node.name}, which ended`);
  }

  #serve(seq: number): void {
    this.servedAt = this.#now();
    if (this.#span !== null && seq >= this.#span.from) this.#span.served.push(seq);
  }

  #lose(seq: number, why: string): void {
    if (this.#span !== null && seq >= this.#span.from) this.#span.lost.push({ seq, why });
  }
}

/** What is wrong with a span of which all packets should have been served in order; null: nothing. */
export function judgeSpan({ served, lost }: Span): string | null {
  if (lost.length > 0) return `${lost.length} packets lost, first ${lost[0]!.seq}: ${lost[0]!.why}`;
  for (let i = 1; i < served.length; i++) {
    if (served[i] === served[i - 1]) return `packet ${served[i]} was served twice`;
    if (served[i]! < served[i - 1]!) return `packet ${served[i]} was served after ${served[i - 1]}`;
    if (served[i]! > served[i - 1]! + 1) return `packet ${served[i - 1]! + 1} was never served`;
  }
  return null;
}
