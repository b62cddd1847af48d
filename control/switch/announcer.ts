/**
 * Tells neighbours where an address is now: gratuitous ARP in both forms, unsolicited neighbour advertisements. Once is not
 * enough: Linux ignores a second change within a second (locktime), switches lose single frames, and some routers keep
 * what they know for hours. So again past one second, and until traffic arrives.
 */
import { encodeArpProbe, encodeGratuitousArpReply, encodeGratuitousArpRequest } from "../../kernel_ffi/arp.ts";
import { encodeSolicitation, encodeUnsolicitedAdvertisement } from "../../kernel_ffi/ndp.ts";
import type { Slot } from "./plan.ts";

const REPEAT_US = [20_000, 100_000, 500_000, 1_100_000, 2_200_000];
/** After the list, while no packet for the addresses has come. */
const UNTIL_TRAFFIC_EVERY_US = 5_000_000;
const GIVE_UP_US = 60_000_000;

/** All announcements of a slot, ready to be sent. */
export function announcementFrames(slot: Slot, mac: Uint8Array): readonly Uint8Array<ArrayBuffer>[] {
  return slot.addresses.flatMap((it) =>
    it.family === 4
      ? [encodeGratuitousArpRequest(mac, it.bytes), encodeGratuitousArpReply(mac, it.bytes)]
      : [encodeUnsolicitedAdvertisement(mac, it.bytes)]
  );
}

/** When a group that became primary announces again. Pure but for what it remembers. */
export class AnnounceSchedule {
  #startUs = 0;
  #next = -1;
  #nextUs = Infinity;

  /** The first announcement has been made now. */
  start(nowUs: number): void {
    this.#startUs = nowUs;
    this.#next = 0;
    this.#nextUs = nowUs + REPEAT_US[0]!;
  }

  stop(): void {
    this.#next = -1;
    this.#nextUs = Infinity;
  }

  get nextUs(): number {
    return this.#nextUs;
  }

  /** Whether to announce now. @param trafficSeen packets for the addresses have arrived since the start */
  due(nowUs: number, trafficSeen: () => boolean): boolean {
    if (nowUs < this.#nextUs) return false;
    this.#next++;
    const listed = REPEAT_US[this.#next];
    if (listed !== undefined) {
      this.#nextUs = this.#startUs + listed;
      return true;
    }
    const beyond = this.#next > REPEAT_US.length;
    if (beyond && (trafficSeen() || nowUs - this.#startUs > GIVE_UP_US)) {
      this.stop();
      return false;
    }
    this.#nextUs = nowUs + UNTIL_TRAFFIC_EVERY_US;
    return true;
  }
}

/** Asks for the first address of a slot; IPv4 if it has one, since every neighbour answers ARP alike. */
export function probeFrame(slot: Slot, mac: Uint8Array): Uint8Array<ArrayBuffer> {
  const address = slot.addresses.find((it) => it.family === 4) ?? slot.addresses[0]!;
  return address.family === 4 ? encodeArpProbe(mac, address.bytes) : encodeSolicitation(mac, address.bytes);
}
