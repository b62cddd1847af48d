/** Two ends of a peer stream on loopback addresses of a fresh network namespace, and what they have heard. */
import assert from "node:assert/strict";
import type { Endpoint } from "../../config/model.ts";
import { PeerStream, type PeerStreamOptions } from "../../control/stream/peer_stream.ts";
import { openSodium } from "../../control/stream/sodium.ts";
import { libc } from "../../kernel_ffi/libc.ts";
import { inFreshNamespace, run } from "../netns/namespace.ts";

// Opened once for the life of the process; here, so that no test seems to leave them open.
libc();
openSodium();

export const KEY = new Uint8Array(32).fill(1);
export const OTHER_KEY = new Uint8Array(32).fill(2);
const PORT = 4790;
const PATIENCE_MS = 10_000;

/** Address of a node on a path: 0 and 1 are IPv4, 2 is IPv6. */
export function host(node: number, path: number): string {
  return path === 2 ? `fd00:79::${node + 1}` : `10.79.${path}.${node + 1}`;
}

export function endpoint(node: number, path: number): Endpoint {
  return { host: host(node, path), port: PORT };
}

export async function inStreamNamespace(body: () => Promise<void>): Promise<void> {
  await inFreshNamespace(async () => {
    for (const node of [0, 1]) {
      for (const path of [0, 1]) run("ip", "addr", "add", `${host(node, path)}/32`, "dev", "lo");
      run("ip", "addr", "add", `${host(node, 2)}/128`, "dev", "lo", "nodad");
    }
    await body();
  });
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!condition()) {
    assert.ok(Date.now() < end, `waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** One end that notes everything. */
export class End {
  readonly stream: PeerStream;
  readonly got: [channel: number, bytes: Uint8Array][] = [];
  readonly news: string[] = [];
  /** What its own callbacks have thrown. */
  readonly failures: string[] = [];
  /** Called for each message in place of keeping it. */
  onMessage: ((channel: 0 | 1, bytes: Uint8Array) => void) | null = null;

  constructor(self: 0 | 1, paths: readonly number[], options: Partial<PeerStreamOptions> = {}) {
    this.stream = new PeerStream({
      pair: "test",
      self,
      paths: paths.map((path) => ({ local: endpoint(self, path), remote: endpoint(1 - self, path) })),
      keys: [KEY],
      onUp: () => this.news.push("up"),
      onDown: (reason) => this.news.push(reason),
      onFailure: (error) => this.failures.push(error instanceof Error ? error.message : String(error)),
      onMessage: (channel, bytes) => {
        if (this.onMessage !== null) this.onMessage(channel, bytes);
        else this.got.push([channel, bytes]);
      },
      ...options,
    });
  }

  get rejected() {
    return this.stream.stats().rejected;
  }

  [Symbol.dispose](): void {
    this.stream.close();
  }
}

export async function bothUp(a: End, b: End): Promise<void> {
  await until(() => a.stream.up && b.stream.up, "both ends to be up");
}

/** Bytes that differ from those of other seeds and at each place. */
export function pattern(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = seed * 31 + i * 7 + (i >> 8);
  return bytes;
}
