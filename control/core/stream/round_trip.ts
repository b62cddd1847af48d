/** Round trip of a path as measured by acknowledgements (RFC 6298, RFC 9002 section 5). Microseconds. */
import { ACK_DELAY_US, FIRST_RTT_US, GRANULE_US, LOSS_DELAY_FACTOR } from "./limits.ts";

export class RoundTrip {
  measured = false;
  smoothedUs = FIRST_RTT_US;
  variationUs = FIRST_RTT_US / 2;
  latestUs = FIRST_RTT_US;
  minUs = Infinity;

  /** @param delayUs how long the receiver says that it held the acknowledgement back */
  sample(tripUs: number, delayUs: number): void {
    this.minUs = Math.min(this.minUs, tripUs);
    // A receiver's word counts only as far as it leaves a possible round trip.
    const trip = tripUs - delayUs >= this.minUs ? tripUs - delayUs : tripUs;
    this.latestUs = trip;
    if (!this.measured) {
      this.measured = true;
      this.smoothedUs = trip;
      this.variationUs = trip / 2;
      return;
    }
    this.variationUs += (Math.abs(this.smoothedUs - trip) - this.variationUs) / 4;
    this.smoothedUs += (trip - this.smoothedUs) / 8;
  }

  /** Age at which a packet is lost if a later one has arrived. */
  get lossDelayUs(): number {
    return Math.max(GRANULE_US, LOSS_DELAY_FACTOR * Math.max(this.smoothedUs, this.latestUs));
  }

  /** Silence after which the path is probed. */
  get probeUs(): number {
    return this.smoothedUs + Math.max(4 * this.variationUs, GRANULE_US) + ACK_DELAY_US;
  }
}
