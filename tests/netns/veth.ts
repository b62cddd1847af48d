/** Links for tests: a veth pair with one end here and the other in a named namespace, or with both ends here. */
import { libc } from "../../kernel_ffi/libc.ts";
import { run } from "./namespace.ts";

// The C library is opened on first use and stays open; opened here, no test is blamed for it by the leak check.
libc();

export const MAC_HERE = Uint8Array.of(2, 0, 0x5e, 0, 0, 0x0a);
export const MAC_THERE = Uint8Array.of(2, 0, 0x5e, 0, 0, 0x0b);

function addPair(...there: string[]): void {
  run("ip", "link", "add", "va", "address", "02:00:5e:00:00:0a", "type", "veth", "peer", "name", "vb", ...there);
  run("ip", "link", "set", "va", "up");
}

/** va and vb, both in the namespace of the calling thread, both up. */
export function makePair(): void {
  addPair("address", "02:00:5e:00:00:0b");
  run("ip", "link", "set", "vb", "up");
}

/**
 * va here, vb in a namespace of its own, where `ip` runs as `there("addr", …)`; that namespace goes when `body` ends.
 */
export async function withNeighbour(
  body: (there: (...args: string[]) => string) => void | Promise<void>,
): Promise<void> {
  const name = `segue-test-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
  run("ip", "netns", "add", name);
  try {
    const there = (...args: string[]) => run("ip", "-n", name, ...args);
    addPair("address", "02:00:5e:00:00:0b", "netns", name);
    there("link", "set", "lo", "up");
    there("link", "set", "vb", "up");
    await body(there);
  } finally {
    run("ip", "netns", "del", name);
  }
}

/** Packets that a named nftables counter has seen: `netdev t hits`. */
export function packetsOf(family: string, table: string, counter: string): number {
  const text = run("nft", "list", "counter", family, table, counter);
  return Number(/packets (\d+)/.exec(text)![1]);
}
