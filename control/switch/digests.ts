/** Which packets have been seen, and how often each, without keeping them. Pure. */

/** FNV-1a, twice with different beginnings: 52 bits that meet by accident once in a thousand million pairs of packets or less. */
const PRIME = 0x0100_0193;
const FIRST = 0x811c_9dc5;
const SECOND = 0x9e37_79b9;
const HIGH_BITS = 20;

export class Digests {
  readonly #counts = new Map<number, number>();

  readonly add = (packet: Uint8Array): void => {
    const key = digestOf(packet);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  };

  /** Whether it was there; then once less from now on. */
  remove(packet: Uint8Array): boolean {
    const key = digestOf(packet), count = this.#counts.get(key) ?? 0;
    if (count === 0) return false;
    if (count === 1) this.#counts.delete(key);
    else this.#counts.set(key, count - 1);
    return true;
  }
}

function digestOf(packet: Uint8Array): number {
  let a = FIRST, b = SECOND;
  for (let i = 0; i < packet.length; i++) {
    const byte = packet[i]!;
    a = Math.imul(a ^ byte, PRIME);
    b = Math.imul(b ^ byte, PRIME);
  }
  return (a >>> 0) * 2 ** HIGH_BITS + (b >>> (32 - HIGH_BITS));
}
