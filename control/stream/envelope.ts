/**
 * Datagrams of the peer stream, version 1. Big-endian; offsets in bytes.
 *
 * ```
 *  0 u8 0x53   1 u8 version × 16 + kind   2 u8 sender's node   3 u8 path
 *  4 u32 key id   8 u32 hello: pair id; packet: connection tag
 * 12 u48 hello: 0; packet: its number on this path
 * hello:  18 16 bytes session  34 16 bytes echo of the receiver's session  50 u8 1: no connection yet  51 16 bytes HMAC over all before it
 * packet: 18 frames (`core/stream/frames.ts`), sealed; then 16 bytes tag. The first 18 bytes are the associated data
 * ```
 *
 * Packets are sealed with ChaCha20-Poly1305 (RFC 8439). The nonce is path and number; each direction has its own key.
 * A hello is signed only: there is nothing secret in it, and nothing of it need be unique.
 */
import { timingSafeEqual } from "node:crypto";
import { get32, get48, put32, put48 } from "../core/stream/frames.ts";
import { DATAGRAM_MAX, HEADER_BYTES, PAYLOAD_MAX, TAG_BYTES } from "../core/stream/limits.ts";
import type { Hello } from "../core/stream/stream.ts";
import { type PacketKeys, type PairKey, signHello } from "./keys.ts";
import { type Bytes, seal, unseal } from "./sodium.ts";

const MAGIC = 0x53;
const VERSION = 1;
export const HELLO = 1;
export const PACKET = 2;
const SESSION_BYTES = 16;
const HELLO_BYTES = HEADER_BYTES + 2 * SESSION_BYTES + 1 + TAG_BYTES;

/** Why a datagram was not read. Each is counted. */
export type EnvelopeReject =
  | "tooShort"
  | "tooLong"
  | "notStream"
  | "otherVersion"
  | "ownNode"
  | "otherPath"
  | "otherKey"
  | "retiredKey"
  | "otherPair"
  | "otherConnection"
  | "badTag"
  | "malformed";

/** The first 18 bytes. */
export interface Header {
  kind: number;
  path: number;
  keyId: number;
  tag: number;
  number: number;
}

function writeHeader(
  out: Uint8Array,
  kind: number,
  self: number,
  path: number,
  keyId: number,
  tag: number,
  number: number,
): void {
  out[0] = MAGIC;
  out[1] = VERSION << 4 | kind;
  out[2] = self;
  out[3] = path;
  put32(out, 4, keyId);
  put32(out, 8, tag);
  put48(out, 12, number);
}

/** Reads what stands in the clear. Nothing of `into` counts unless null is returned. */
export function readHeader(bytes: Uint8Array, length: number, self: number, into: Header): EnvelopeReject | null {
  if (length > DATAGRAM_MAX) return "tooLong";
  if (length < HEADER_BYTES + TAG_BYTES) return "tooShort";
  if (bytes[0] !== MAGIC) return "notStream";
  if (bytes[1]! >>> 4 !== VERSION) return "otherVersion";
  if (bytes[2] === self) return "ownNode";
  into.kind = bytes[1]! & 15;
  into.path = bytes[3]!;
  into.keyId = get32(bytes, 4);
  into.tag = get32(bytes, 8);
  into.number = get48(bytes, 12);
  return into.kind === HELLO || into.kind === PACKET ? null : "malformed";
}

/** Writes a hello into `out` and returns its length. */
export function writeHello(
  out: Uint8Array,
  o: { readonly self: number; readonly path: number; readonly pairId: number; readonly key: PairKey },
  hello: Hello,
): number {
  writeHeader(out, HELLO, o.self, o.path, o.key.id, o.pairId, 0);
  out.set(Uint8Array.fromHex(hello.session), HEADER_BYTES);
  out.set(Uint8Array.fromHex(hello.echo), HEADER_BYTES + SESSION_BYTES);
  out[HEADER_BYTES + 2 * SESSION_BYTES] = hello.unmet ? 1 : 0;
  const end = HELLO_BYTES - TAG_BYTES;
  out.set(signHello(o.key, out.subarray(0, end)), end);
  return HELLO_BYTES;
}

/** The hello, or why it is none. `bytes` has a good header. */
export function readHello(bytes: Uint8Array, length: number, key: PairKey): Hello | EnvelopeReject {
  if (length !== HELLO_BYTES) return "malformed";
  const end = HELLO_BYTES - TAG_BYTES;
  if (!timingSafeEqual(signHello(key, bytes.subarray(0, end)), bytes.subarray(end, HELLO_BYTES))) return "badTag";
  const echoAt = HEADER_BYTES + SESSION_BYTES, flagAt = echoAt + SESSION_BYTES;
  return {
    session: bytes.subarray(HEADER_BYTES, echoAt).toHex(),
    echo: bytes.subarray(echoAt, flagAt).toHex(),
    unmet: bytes[flagAt] === 1,
  };
}

/** Seals the packets of this node and opens the peer's. Its buffers are used again for each packet. */
export class Sealer {
  readonly #self: number;
  readonly #nonce = new Uint8Array(new ArrayBuffer(12));
  /** The last packet that was sealed. */
  readonly datagram = new Uint8Array(new ArrayBuffer(DATAGRAM_MAX));
  readonly #sealed = this.datagram.subarray(HEADER_BYTES);
  /** The frames of the last packet that was opened. */
  readonly payload = new Uint8Array(new ArrayBuffer(PAYLOAD_MAX));

  constructor(self: number) {
    this.#self = self;
  }

  /** RFC 8439 wants 12 bytes that are used once under a key: path and number are. */
  #setNonce(path: number, number: number): void {
    this.#nonce[3] = path;
    put48(this.#nonce, 6, number);
  }

  /** Makes `datagram` of the frames and returns its length. */
  seal(path: number, tag: number, number: number, keys: PacketKeys, payload: Bytes, length: number): number {
    writeHeader(this.datagram, PACKET, this.#self, path, keys.id, tag, number);
    this.#setNonce(path, number);
    seal(this.#sealed, payload, length, this.datagram, HEADER_BYTES, this.#nonce, keys.send);
    return HEADER_BYTES + length + TAG_BYTES;
  }

  /** Opens a packet with a good header into `payload` and returns the length, −1 where it was not sealed under these keys. */
  open(bytes: Bytes, length: number, header: Header, keys: PacketKeys): number {
    this.#setNonce(header.path, header.number);
    const sealed = bytes.subarray(HEADER_BYTES), size = length - HEADER_BYTES;
    const isGood = unseal(this.payload, sealed, size, bytes, HEADER_BYTES, this.#nonce, keys.receive);
    return isGood ? size - TAG_BYTES : -1;
  }
}
