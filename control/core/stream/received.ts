/** What arrived on one path: which packet numbers, and what of it still has to be acknowledged. */
import { ACK_DELAY_US, ACK_PACKETS, RANGES_MAX } from "./limits.ts";
import { RangeSet } from "./range_set.ts";

export class Received {
  readonly ranges = new RangeSet();
  /** Numbers below it are taken for known. */
  #floor = 0;
  largest = -1;
  largestUs = 0;
  packets = 0;
  /** Packets that want an acknowledgement and have none. */
  #unacked = 0;
  /** When the acknowledgement must leave; Infinity: nobody waits for one. */
  ackUs = Infinity;

  /** Has this number been here? Then the packet is a copy, of the network's making or somebody else's. */
  isKnown(number: number): boolean {
    if (number > this.largest) return false;
    return number < this.#floor || this.ranges.has(number);
  }

  /** @param wantsAck it carries more than acknowledgements  @param urgent the sender should not wait for one */
  note(number: number, nowUs: number, wantsAck: boolean, urgent: boolean): void {
    const inOrder = number === this.largest + 1;
    this.ranges.add(number, number + 1);
    if (this.ranges.count > RANGES_MAX) {
      this.#floor = this.ranges.endOf(0);
      this.ranges.removeFirst();
    }
    if (number > this.largest) {
      this.largest = number;
      this.largestUs = nowUs;
    }
    this.packets++;
    if (!wantsAck) return;
    this.#unacked++;
    // A gap is told at once: it is how the sender learns of a loss (RFC 9000 section 13.2.1).
    const atOnce = urgent || !inOrder || this.#unacked >= ACK_PACKETS;
    this.ackUs = Math.min(this.ackUs, atOnce ? nowUs : nowUs + ACK_DELAY_US);
  }

  get wantsAck(): boolean {
    return this.ackUs !== Infinity;
  }

  onAckSent(): void {
    this.#unacked = 0;
    this.ackUs = Infinity;
  }
}
