/**
 * The heartbeat on the wire, version 1. Big-endian; offsets in bytes.
 *
 * ```
 *  0 u32 magic "SEGU"   4 u8 version  5 u8 lowest version that the sender reads  6 u8 node  7 u8 flags
 *  8 u32 key id        12 u32 pair id
 * 16 f64 session       24 f64 echo of the receiver's session
 * 32 f64 sequence      40 f64 time of sending, µs
 * 48 8 bytes digest of the pair's configuration
 * 56 u8 links  57 u8 MACs  58 u8 groups  59 u8 0
 * 60 links × {u32 low part of the sequence last heard, u32 µs since}, MACs × 6, groups × {u8 role, u8 phase, u8 flags, u8 0, u32 epoch, u32 switch id, u16 links, u16 seen}
 *    {u8 type, u8 length, bytes}*   1: software version; 2: u16 links that are spared; 3: ids of the keys that the sender accepts, u32 each;
 *       unknown types are skipped
 *    16 bytes tag: HMAC-SHA256 over all before it under the key of the key id, cut to 128 bits (RFC 2104 section 5)
 * ```
 *
 * A newer version may append fields and types; it may not change the meaning of these. A receiver reads every version
 * whose "lowest version" is not above its own, so a pair can be upgraded one node at a time.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { Tagger } from "./tag.ts";
import {
  DIGEST_BYTES,
  type GroupBeat,
  GROUPS_MAX,
  type Heartbeat,
  KEYS_MAX,
  LINKS_MAX,
  MACS_MAX,
  PHASES,
} from "./heartbeat.ts";
import { ROLES } from "./vocabulary.ts";

export const WIRE_VERSION = 1;
export const MAGIC = 0x53454755;
export const TAG_BYTES = 16;
const HEAD_BYTES = 60;
const LINK_BYTES = 8;
const GROUP_BYTES = 16;
const TLV_SOFTWARE = 1;
const TLV_SPARING = 2;
const TLV_KEYS = 3;
const FLAG_STOPPING = 1;
const FLAG_ANSWER_NOW = 2;
const GROUP_ABLE = 1;
const GROUP_TRAFFIC = 2;
const GROUP_FALLBACK = 4;
const U16_MAX = 0xffff;
/** Longest datagram that this version writes or reads; below every path's MTU. */
export const DATAGRAM_MAX = 1200;

/** Why a datagram was not read. Each is counted and shown in status. */
export type WireReject =
  | "tooShort"
  | "tooLong"
  | "notSegue"
  | "versionTooNew"
  | "otherKey"
  | "retiredKey"
  | "otherPair"
  | "badTag"
  | "malformed"
  | "ownNode";

/** A shared key, prepared once. Each direction has a tagger of its own, as each has a buffer of its own. */
export interface WireKey {
  readonly sealer: Tagger;
  readonly opener: Tagger;
  readonly keyId: number;
  readonly pairId: number;
}

/** The keys that open. A datagram names its own, so there is one HMAC to compute for it whatever it is and however many these are. */
export interface WireKeys {
  readonly pairId: number;
  readonly keys: readonly WireKey[];
  /** Ids of keys that opened earlier in this run. */
  readonly retired: readonly number[];
  /** Written: id of the last key that did not open, 0 before there was one. Anybody can have said it. */
  foreignId: number;
}

/** @param key 32 bytes  @param pair name of the pair */
export function prepareKey(key: Uint8Array, pair: string): WireKey {
  if (key.length !== 32) throw new RangeError(`pair key: 32 bytes are needed, not ${key.length}`);
  const text = new TextEncoder();
  return {
    sealer: new Tagger(key),
    opener: new Tagger(key),
    keyId: keyIdOf(key),
    pairId: firstU32(sha256(text.encode(`segue pair ${pair}`))),
  };
}

/** Names a key in the clear; tells nothing of it (its own message under the HMAC). As eight hex digits: its fingerprint. */
export function keyIdOf(key: Uint8Array): number {
  return firstU32(hmac(sha256, key, new TextEncoder().encode("segue key id")));
}

/** A key's id for people. */
export function fingerprint(keyId: number): string {
  return keyId.toString(16).padStart(8, "0");
}

function firstU32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

/** Writes a heartbeat into `out` (at least `DATAGRAM_MAX` bytes) and returns its length. */
export function encodeHeartbeat(beat: Heartbeat, key: WireKey, out: Uint8Array<ArrayBuffer>): number {
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  view.setUint32(0, MAGIC);
  view.setUint8(4, WIRE_VERSION);
  view.setUint8(5, WIRE_VERSION);
  view.setUint8(6, beat.node);
  view.setUint8(7, (beat.stopping ? FLAG_STOPPING : 0) | (beat.answerNow ? FLAG_ANSWER_NOW : 0));
  view.setUint32(8, key.keyId);
  view.setUint32(12, key.pairId);
  view.setFloat64(16, beat.session);
  view.setFloat64(24, beat.echoSession);
  view.setFloat64(32, beat.seq);
  view.setFloat64(40, beat.sentUs);
  out.set(beat.digest, 48);
  view.setUint8(56, beat.linkCount);
  view.setUint8(57, beat.macCount);
  view.setUint8(58, beat.groupCount);
  view.setUint8(59, 0);
  let at = HEAD_BYTES;
  for (let i = 0; i < beat.linkCount; i++, at += LINK_BYTES) {
    const link = beat.links[i]!;
    view.setUint32(at, link.seq);
    view.setUint32(at + 4, Math.min(link.delayUs, 0xffff_ffff));
  }
  for (let i = 0; i < beat.macCount * 6; i++) out[at++] = beat.macs[i]!;
  for (let i = 0; i < beat.groupCount; i++, at += GROUP_BYTES) {
    const group = beat.groups[i]!;
    view.setUint8(at, ROLES.indexOf(group.role));
    view.setUint8(at + 1, PHASES.indexOf(group.phase));
    view.setUint8(at + 2, flagsOf(group));
    view.setUint8(at + 3, 0);
    view.setUint32(at + 4, group.epoch);
    view.setUint32(at + 8, group.switchId);
    view.setUint16(at + 12, group.links);
    view.setUint16(at + 14, Math.min(group.seen, U16_MAX));
  }
  at = encodeSparing(beat.sparing, out, encodeSoftware(beat.software, out, at));
  if (beat.keyCount > 0) at = encodeKeys(beat, view, at);
  const tag = key.sealer.tag(out, at);
  for (let i = 0; i < TAG_BYTES; i++) out[at + i] = tag[i]!;
  return at + TAG_BYTES;
}

function flagsOf(group: GroupBeat): number {
  return (group.able ? GROUP_ABLE : 0) | (group.traffic ? GROUP_TRAFFIC : 0) | (group.fallback ? GROUP_FALLBACK : 0);
}

function encodeSoftware(software: string, out: Uint8Array, at: number): number {
  const length = Math.min(software.length, 32);
  out[at] = TLV_SOFTWARE;
  out[at + 1] = length;
  for (let i = 0; i < length; i++) out[at + 2 + i] = software.charCodeAt(i) & 0x7f;
  return at + 2 + length;
}

function encodeSparing(sparing: number, out: Uint8Array, at: number): number {
  if (sparing === 0) return at;
  out[at] = TLV_SPARING;
  out[at + 1] = 2;
  out[at + 2] = sparing >>> 8;
  out[at + 3] = sparing & 0xff;
  return at + 4;
}

function encodeKeys(beat: Heartbeat, view: DataView, at: number): number {
  view.setUint8(at, TLV_KEYS);
  view.setUint8(at + 1, 4 * beat.keyCount);
  for (let i = 0; i < beat.keyCount; i++) view.setUint32(at + 2 + 4 * i, beat.keys[i]!);
  return at + 2 + 4 * beat.keyCount;
}

/**
 * Reads a datagram into `into`: cheap checks first, then the tag, then the rest. Nothing of `into` counts unless null is returned.
 * @param self own node index; a datagram of one's own is a loop in the network or a copied config
 */
export function decodeHeartbeat(
  bytes: Uint8Array,
  length: number,
  keys: WireKeys,
  self: number,
  into: Heartbeat,
): WireReject | null {
  if (length > DATAGRAM_MAX) return "tooLong";
  if (length < HEAD_BYTES + TAG_BYTES) return "tooShort";
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  if (view.getUint32(0) !== MAGIC) return "notSegue";
  if (view.getUint8(5) > WIRE_VERSION || view.getUint8(4) < WIRE_VERSION) return "versionTooNew";
  if (view.getUint32(12) !== keys.pairId) return "otherPair";
  const keyId = view.getUint32(8), key = keyOf(keys, keyId);
  if (key === null) return unknownKey(keys, keyId);
  const end = length - TAG_BYTES;
  if (!tagMatches(key.opener.tag(bytes, end), bytes, end)) return "badTag";
  if (view.getUint8(6) === self) return "ownNode";
  into.keyId = keyId;
  return readBody(bytes, view, end, into) ? null : "malformed";
}

function keyOf({ keys }: WireKeys, keyId: number): WireKey | null {
  for (let i = 0; i < keys.length; i++) if (keys[i]!.keyId === keyId) return keys[i]!;
  return null;
}

function unknownKey(keys: WireKeys, keyId: number): WireReject {
  keys.foreignId = keyId;
  return keys.retired.includes(keyId) ? "retiredKey" : "otherKey";
}

/** Compares in constant time, so that the time of a refusal tells nothing. */
function tagMatches(tag: Uint8Array, bytes: Uint8Array, at: number): boolean {
  let difference = 0;
  for (let i = 0; i < TAG_BYTES; i++) difference |= tag[i]! ^ bytes[at + i]!;
  return difference === 0;
}

function readBody(bytes: Uint8Array, view: DataView, end: number, into: Heartbeat): boolean {
  const links = view.getUint8(56), macs = view.getUint8(57), groups = view.getUint8(58);
  if (links > LINKS_MAX || macs > MACS_MAX || groups > GROUPS_MAX) return false;
  if (HEAD_BYTES + links * LINK_BYTES + macs * 6 + groups * GROUP_BYTES > end) return false;
  const flags = view.getUint8(7);
  into.node = view.getUint8(6);
  into.stopping = (flags & FLAG_STOPPING) !== 0;
  into.answerNow = (flags & FLAG_ANSWER_NOW) !== 0;
  into.session = view.getFloat64(16);
  into.echoSession = view.getFloat64(24);
  into.seq = view.getFloat64(32);
  into.sentUs = view.getFloat64(40);
  if (!Number.isSafeInteger(into.session) || into.session <= 0 || !Number.isFinite(into.sentUs)) return false;
  if (!Number.isSafeInteger(into.seq) || into.seq < 0) return false;
  for (let i = 0; i < DIGEST_BYTES; i++) into.digest[i] = bytes[48 + i]!;
  let at = HEAD_BYTES;
  into.linkCount = links;
  for (let i = 0; i < links; i++, at += LINK_BYTES) {
    const link = into.links[i]!;
    link.seq = view.getUint32(at);
    link.delayUs = view.getUint32(at + 4);
  }
  into.macCount = macs;
  for (let i = 0; i < macs * 6; i++) into.macs[i] = bytes[at++]!;
  into.groupCount = groups;
  for (let i = 0; i < groups; i++, at += GROUP_BYTES) {
    const group = into.groups[i]!;
    const role = ROLES[view.getUint8(at)], phase = PHASES[view.getUint8(at + 1)];
    if (role === undefined || phase === undefined) return false;
    group.role = role;
    group.phase = phase;
    const said = view.getUint8(at + 2);
    group.able = (said & GROUP_ABLE) !== 0;
    group.traffic = (said & GROUP_TRAFFIC) !== 0;
    group.epoch = view.getUint32(at + 4);
    group.switchId = view.getUint32(at + 8);
    group.links = view.getUint16(at + 12);
    group.fallback = (said & GROUP_FALLBACK) !== 0;
    group.seen = view.getUint16(at + 14);
  }
  into.keyCount = 0;
  return readTail(bytes, view, at, end, into);
}

function readTail(bytes: Uint8Array, view: DataView, from: number, end: number, into: Heartbeat): boolean {
  let at = from;
  into.sparing = 0;
  while (at + 2 <= end) {
    const type = bytes[at]!, length = bytes[at + 1]!;
    if (at + 2 + length > end) return false;
    if (type === TLV_SOFTWARE) readSoftware(bytes, at + 2, length, into);
    else if (type === TLV_SPARING && length === 2) into.sparing = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    else if (type === TLV_KEYS) readKeyIds(view, at + 2, length, into);
    at += 2 + length;
  }
  return at === end;
}

/** Keeps the string that is there if it is the same: a new one each beat would be garbage. */
function readSoftware(bytes: Uint8Array, at: number, length: number, into: Heartbeat): void {
  let same = into.software.length === length;
  for (let i = 0; same && i < length; i++) same = into.software.charCodeAt(i) === bytes[at + i];
  if (!same) into.software = String.fromCharCode(...bytes.subarray(at, at + length)).replaceAll(/[^\x20-\x7e]/g, "?");
}

/** A later version may know more of them than this one; those that it can use are the first. */
function readKeyIds(view: DataView, at: number, length: number, into: Heartbeat): void {
  into.keyCount = Math.min(KEYS_MAX, length >>> 2);
  for (let i = 0; i < into.keyCount; i++) into.keys[i] = view.getUint32(at + 4 * i);
}
