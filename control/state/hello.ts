/** The first message of a connection: which configuration its sender runs with. Copies of nodes that disagree do not speak with each other. */

/** No kind of a copy message. */
const HELLO = 0xff;
const VERSION = 1;

export function encodeHello(digest: Uint8Array): Uint8Array {
  return Uint8Array.of(HELLO, VERSION, ...digest);
}

/** The digest; null if it is no hello that this version reads. Later versions may say more behind it. */
export function decodeHello(bytes: Uint8Array, digestBytes = 8): Uint8Array | null {
  if (bytes.length < 2 + digestBytes || bytes[0] !== HELLO) return null;
  return bytes.subarray(2, 2 + digestBytes);
}
