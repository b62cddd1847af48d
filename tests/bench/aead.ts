/**
 * What sealing and opening a packet costs: `deno run -A tests/bench/aead.ts`. Prints JSON, microseconds by payload size: by libsodium, as the peer
 * stream does it, and by node:crypto with the same and another algorithm.
 */
import { type CipherGCMTypes, createCipheriv, createDecipheriv } from "node:crypto";
import { PAYLOAD_MAX } from "../../control/core/stream/limits.ts";
import { type Bytes, seal, unseal } from "../../control/stream/sodium.ts";

const ROUNDS = 20_000;
const SIZES = [40, 130, 400, 1200, PAYLOAD_MAX];
const bytes = (length: number): Bytes => new Uint8Array(new ArrayBuffer(length));
const key = bytes(32), nonce = bytes(12), head = bytes(18);

/** Microseconds of one call, after a warm-up. */
function time(body: () => void): number {
  for (let i = 0; i < ROUNDS; i++) body();
  const start = performance.now();
  for (let i = 0; i < ROUNDS; i++) body();
  return Math.round((performance.now() - start) / ROUNDS * 1e5) / 100;
}

function sodium(size: number) {
  const plain = bytes(size), sealed = bytes(size + 16), opened = bytes(size);
  return {
    seal_us: time(() => seal(sealed, plain, size, head, head.length, nonce, key)),
    open_us: time(() => {
      if (!unseal(opened, sealed, size + 16, head, head.length, nonce, key)) throw new Error("open");
    }),
  };
}

function node(algorithm: string, size: number) {
  const name = algorithm as CipherGCMTypes, options = { authTagLength: 16 };
  const plain = bytes(size);
  let sealed: Uint8Array = plain, tag: Uint8Array = plain;
  return {
    seal_us: time(() => {
      const cipher = createCipheriv(name, key, nonce, options);
      cipher.setAAD(head, { plaintextLength: size });
      sealed = cipher.update(plain);
      cipher.final();
      tag = cipher.getAuthTag();
    }),
    open_us: time(() => {
      const cipher = createDecipheriv(name, key, nonce, options);
      cipher.setAAD(head, { plaintextLength: size });
      cipher.setAuthTag(tag);
      cipher.update(sealed);
      cipher.final();
    }),
  };
}

console.log(JSON.stringify(
  {
    bench: "aead",
    results: SIZES.map((size) => ({
      bytes: size,
      "libsodium chacha20-poly1305": sodium(size),
      "node:crypto chacha20-poly1305": node("chacha20-poly1305", size),
      "node:crypto aes-256-gcm": node("aes-256-gcm", size),
    })),
  },
  null,
  2,
));
