/**
 * When the peer sent what it says to have sent at a time of its own clock. The two clocks have nothing in common; but no heartbeat comes
 * before it was sent, so the least difference that was seen lately is the clocks' difference and the shortest way. Pure.
 */

/** Clocks drift apart by up to 0.1 ms in this time (100 ppm), which is as good as the rest of the estimate. */
const WINDOW_US = 1_000_000;

export class PeerClock {
  #session = 0;
  #windowUs = -Infinity;
  #least = Infinity;
  #leastBefore = Infinity;

  /**
   * The time of sending by this node's clock; late by no more than the shortest way took.
   * @param session of the peer's run: another run may have another clock
   */
  sentUs(session: number, peerUs: number, heardUs: number): number {
    const difference = heardUs - peerUs;
    if (session !== this.#session || heardUs - this.#windowUs > 2 * WINDOW_US) {
      this.#session = session;
      this.#windowUs = heardUs;
      this.#least = difference;
      this.#leastBefore = Infinity;
    } else if (heardUs - this.#windowUs > WINDOW_US) {
      this.#windowUs = heardUs;
      this.#leastBefore = this.#least;
      this.#least = difference;
    }
    this.#least = Math.min(this.#least, difference);
    return peerUs + Math.min(this.#least, this.#leastBefore);
  }
}
