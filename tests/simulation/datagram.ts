/** A heartbeat on its way: what the core reads of it, taken down when it was sent; or its bytes, where two versions of the program meet. */
import { emptyHeartbeat, type Heartbeat } from "../../control/core/heartbeat.ts";
import {
  DATAGRAM_MAX,
  decodeHeartbeat,
  encodeHeartbeat,
  prepareKey,
  TAG_BYTES,
  type WireKeys,
} from "../../control/core/wire.ts";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";

const { links: NO_LINKS, macs: NO_MACS, keys: NO_KEYS } = emptyHeartbeat();

/** A copy that the sender's next heartbeat does not change. What it echoes is one number: the last one heard. MACs decide nothing in the core. */
export function photograph(beat: Heartbeat): Heartbeat {
  const group = beat.groups[0]!;
  return {
    node: beat.node,
    stopping: beat.stopping,
    answerNow: beat.answerNow,
    session: beat.session,
    echoSession: beat.echoSession,
    seq: beat.seq,
    sentUs: beat.sentUs,
    digest: beat.digest,
    linkCount: beat.linkCount,
    links: beat.linkCount === 0 ? NO_LINKS : [{ seq: beat.links[0]!.seq, delayUs: 0 }],
    macCount: 0,
    macs: NO_MACS,
    groupCount: beat.groupCount,
    groups: [{
      role: group.role,
      phase: group.phase,
      able: group.able,
      traffic: group.traffic,
      epoch: group.epoch,
      switchId: group.switchId,
      links: group.links,
      fallback: group.fallback,
      seen: group.seen,
    }],
    software: beat.software,
    keyId: beat.keyId,
    keyCount: 0,
    keys: NO_KEYS,
    sparing: 0,
  };
}

const SECRET = new Uint8Array(32).fill(7);
const KEY = prepareKey(SECRET, "edge");
const KEYS: WireKeys = { pairId: KEY.pairId, keys: [KEY], retired: [], foreignId: 0 };
const decoded = emptyHeartbeat();
const scratch = new Uint8Array(new ArrayBuffer(DATAGRAM_MAX));
/** A field that this version does not know: type 200 with four bytes. */
const NEWS = Uint8Array.of(200, 4, 1, 2, 3, 4);

/**
 * The same heartbeat after a way over the wire: encoded, made what the next version would send if the sender runs that one (a higher version
 * number, the same lowest one, a field more), and decoded by the receiver's present version.
 */
export function overTheWire(beat: Heartbeat, fromNextVersion: boolean, receiver: number): Heartbeat {
  let length = encodeHeartbeat(beat, KEY, scratch);
  if (fromNextVersion) {
    length -= TAG_BYTES;
    scratch[4]!++;
    scratch.set(NEWS, length);
    length += NEWS.length;
    scratch.set(hmac(sha256, SECRET, scratch.subarray(0, length)).subarray(0, TAG_BYTES), length);
    length += TAG_BYTES;
  }
  const refusal = decodeHeartbeat(scratch, length, KEYS, receiver, decoded);
  if (refusal !== null) throw new Error(`heartbeat of ${beat.software} was refused by node ${receiver}: ${refusal}`);
  return { ...photograph(decoded), digest: decoded.digest.slice() };
}
