/** The first message of a connection: which configuration its sender runs with. Copies of nodes that disagree do not speak with each other. */

/** No kind of a copy message. */
const HELLO = 0xff;
const VERSION = 1;
const DIGEST_BYTES = 8;
const HEAD_BYTES = 2 + DIGEST_BYTES;

export interface Hello {
  /** Of what both nodes must agree on. */
  readonly digest: Uint8Array;
  /** The rules of their groups (`rules.ts`), on which they should; "" from a version that does not say them. */
  readonly rules: string;
}

/** Said again whenever the rules have changed. An older version counts that as a message that fits nothing. */
export function encodeHello(digest: Uint8Array, rules: string): Uint8Array {
  return Uint8Array.of(HELLO, VERSION, ...digest, ...new TextEncoder().encode(rules));
}

export function isHello(bytes: Uint8Array): boolean {
  return bytes[0] === HELLO;
}

/** Null if it is no hello that this version reads. */
export function decodeHello(bytes: Uint8Array): Hello | null {
  if (bytes.length < HEAD_BYTES || !isHello(bytes)) return null;
  return { digest: bytes.slice(2, HEAD_BYTES), rules: new TextDecoder().decode(bytes.subarray(HEAD_BYTES)) };
}
