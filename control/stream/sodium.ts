/**
 * ChaCha20-Poly1305 (RFC 8439) by libsodium, opened on first use: one call for a packet and nothing left to the garbage collector. By node:crypto
 * a packet takes five calls and a dozen objects, which costs six times as much for a small one (tests/bench/aead.ts).
 */
import { libraryPath } from "../../kernel_ffi/library.ts";
import { DATAGRAM_MAX } from "../core/stream/limits.ts";

const SYMBOLS = {
  /** int sodium_init(void) */
  sodium_init: { parameters: [], result: "i32" },
  /**
   * int crypto_aead_chacha20poly1305_ietf_encrypt(unsigned char *c, unsigned long long *clen_p, const unsigned char *m, unsigned long
   * long mlen, const unsigned char *ad, unsigned long long adlen, const unsigned char *nsec, const unsigned char *npub, const unsigned char *k)
   */
  crypto_aead_chacha20poly1305_ietf_encrypt: {
    parameters: ["buffer", "pointer", "buffer", "u64", "buffer", "u64", "pointer", "buffer", "buffer"],
    result: "i32",
  },
  /**
   * int crypto_aead_chacha20poly1305_ietf_decrypt(unsigned char *m, unsigned long long *mlen_p, unsigned char *nsec, const unsigned char *c,
   * unsigned long long clen, const unsigned char *ad, unsigned long long adlen, const unsigned char *npub, const unsigned char *k)
   */
  crypto_aead_chacha20poly1305_ietf_decrypt: {
    parameters: ["buffer", "pointer", "pointer", "buffer", "u64", "buffer", "u64", "buffer", "buffer"],
    result: "i32",
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** Memory that the collector does not move during a call. */
export type Bytes = Uint8Array<ArrayBuffer>;
type Sodium = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/**
 * Lengths as the 64 bits that the library wants, made once. A 32-bit argument would do in a register, but the last of them is on the stack.
 */
const LENGTHS = Array.from({ length: DATAGRAM_MAX + 1 }, (_, i) => BigInt(i));

let symbols: Sodium | undefined;

function sodium(): Sodium {
  if (symbols === undefined) {
    symbols = Deno.dlopen(libraryPath("libsodium.so.23"), SYMBOLS).symbols;
    // Chooses the fastest code for this processor; a second call does nothing (1), and failure is −1.
    if (symbols.sodium_init() < 0) throw new Error("libsodium: sodium_init failed");
  }
  return symbols;
}

/** Opens the library now. Throws where it is not there. */
export function openSodium(): void {
  sodium();
}

/** Lengths are at most those of a datagram. Writes `length` sealed bytes of `plain` and the tag of 16 to `out`. The `headLength` bytes of `head` are authenticated too. */
export function seal(
  out: Bytes,
  plain: Bytes,
  length: number,
  head: Bytes,
  headLength: number,
  nonce: Bytes,
  key: Bytes,
): void {
  const size = LENGTHS[length]!, headSize = LENGTHS[headLength]!;
  sodium().crypto_aead_chacha20poly1305_ietf_encrypt(out, null, plain, size, head, headSize, null, nonce, key);
}

/** Opens `length` bytes, the tag among them, into `out`. False: not sealed with this key, nonce and head. */
export function unseal(
  out: Bytes,
  sealed: Bytes,
  length: number,
  head: Bytes,
  headLength: number,
  nonce: Bytes,
  key: Bytes,
): boolean {
  const size = LENGTHS[length]!, headSize = LENGTHS[headLength]!;
  return sodium().crypto_aead_chacha20poly1305_ietf_decrypt(
    out,
    null,
    null,
    sealed,
    size,
    head,
    headSize,
    nonce,
    key,
  ) === 0;
}
