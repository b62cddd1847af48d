/**
 * Which neighbours go on sending to a node that has given its addresses away. The kernel counts what each of them sends; those whose
 * count grows from one look to the next, a while after the move, have not learnt of it. Pure but for what it remembers.
 */

/** After the announcements, which are repeated up to 2.2 s after a move. */
const SETTLED_US = 3_000_000;
const EVERY_US = 5_000_000;
/** Neighbours that are named. */
const NAMED_MAX = 16;
const NAMED_IN_TEXT = 3;

export interface StragglerCount {
  readonly address: string;
  readonly packets: number;
  readonly seconds: number;
}

export interface Look {
  /** This node is standby, and since when. */
  readonly waiting: boolean;
  readonly sinceUs: number;
  /** Packets have been passed on or dropped since the last look. */
  readonly grown: boolean;
  /** Asks the kernel: packets of each neighbour so far. */
  readonly read: () => ReadonlyMap<string, number>;
}

export class Straggling {
  #now: readonly StragglerCount[] = [];
  #known: ReadonlyMap<string, number> | null = null;
  #lookedUs = -Infinity;
  #grown = false;

  /** Most packets first. */
  get now(): readonly StragglerCount[] {
    return this.#now;
  }

  /** True if there is something else to say than before. */
  look(nowUs: number, { waiting, sinceUs, grown, read }: Look): boolean {
    if (!waiting || nowUs - sinceUs < SETTLED_US) {
      this.#known = null;
      this.#lookedUs = -Infinity;
      return this.#set([]);
    }
    this.#grown ||= grown;
    if (nowUs - this.#lookedUs < EVERY_US) return false;
    const spanUs = nowUs - this.#lookedUs, before = this.#known;
    this.#lookedUs = nowUs;
    // Nothing has come that could have been counted: the kernel need not be asked.
    if (!this.#grown && before !== null) return this.#set([]);
    this.#grown = false;
    this.#known = read();
    return before === null ? false : this.#set(growth(before, this.#known, spanUs));
  }

  #set(now: readonly StragglerCount[]): boolean {
    const changed = now.length > 0 || this.#now.length > 0;
    this.#now = now;
    return changed;
  }

  /** A sentence, or null where there are none. */
  text(group: string, node: string): string | null {
    if (this.#now.length === 0) return null;
    const some = this.#now.slice(0, NAMED_IN_TEXT).map(({ address, packets, seconds }) =>
      `${address} still sends to ${node}: ${packets} packets in ${seconds} s`
    );
    const more = this.#now.length - some.length;
    return `${group}: ${some.join("; ")}${more > 0 ? `; and ${more} more` : ""}: ` +
      "look for a permanent neighbour entry, a proxy or a filter of announcements there";
  }
}

function growth(
  before: ReadonlyMap<string, number>,
  now: ReadonlyMap<string, number>,
  spanUs: number,
): StragglerCount[] {
  const found: StragglerCount[] = [];
  for (const [address, count] of now) {
    // A count that is smaller began anew: the neighbour had been silent for long, or the rules were put back.
    const known = before.get(address) ?? 0;
    const packets = count >= known ? count - known : count;
    if (packets > 0) found.push({ address, packets, seconds: Math.round(spanUs / 1e6) });
  }
  return found.sort((a, b) => b.packets - a.packets || (a.address < b.address ? -1 : 1)).slice(0, NAMED_MAX);
}
