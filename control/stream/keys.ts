/**
 * The keys of the peer stream. A connection's are derived from the pair key, both sessions and the direction, so a packet number under
 * them is used once in the life of the pair, whatever restarts. Several pair keys can be known at a time: the first one seals, all open.
 */
import { createHash, createHmac, hkdfSync } from "node:crypto";
import type { Session } from "../core/stream/stream.ts";
import { prepareKey } from "../core/wire.ts";
import type { Bytes } from "./sodium.ts";

export const KEYS_MAX = 4;

/** A pair key, prepared. */
export interface PairKey {
  readonly id: number;
  readonly key: Uint8Array;
  /** Signs hellos. */
  readonly hello: Uint8Array;
}

/** What seals and opens the packets of one connection under one pair key. */
export interface PacketKeys {
  readonly id: number;
  readonly send: Bytes;
  readonly receive: Bytes;
}

/** Throws where a key has not 32 bytes, or there are none or too many. */
export function preparePairKeys(keys: readonly Uint8Array[], pair: string): readonly PairKey[] {
  if (keys.length < 1 || keys.length > KEYS_MAX) {
    throw new RangeError(`peer stream: ${keys.length} keys; there must be 1 to ${KEYS_MAX}`);
  }
  return keys.map((key) => ({
    id: prepareKey(key, pair).keyId,
    key: key.slice(),
    hello: derive(key, "", `segue stream hello ${pair}`),
  }));
}

/**
 * @param self own node index
 * @param sessions of node 0 and of node 1
 */
export function derivePacketKeys(key: PairKey, self: 0 | 1, sessions: readonly [Session, Session]): PacketKeys {
  const salt = sessions.join("");
  return {
    id: key.id,
    send: derive(key.key, salt, `segue stream from node ${self}`),
    receive: derive(key.key, salt, `segue stream from node ${1 - self}`),
  };
}

/** HKDF with SHA-256 (RFC 5869). */
function derive(key: Uint8Array, saltHex: string, info: string): Bytes {
  return new Uint8Array(hkdfSync("sha256", key, Uint8Array.fromHex(saltHex), info, 32));
}

/** Names a connection in the clear, so that packets of another one are not even tried. */
export function connectionTag(sessions: readonly [Session, Session]): number {
  return createHash("sha256").update(`segue stream ${sessions.join(" ")}`).digest().readUInt32BE(0);
}

/** Sixteen bytes: as in the heartbeats, HMAC-SHA256 cut to 128 bits (RFC 2104 section 5). */
export function signHello(key: PairKey, bytes: Uint8Array): Uint8Array {
  return createHmac("sha256", key.hello).update(bytes).digest().subarray(0, 16);
}
