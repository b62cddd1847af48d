/** How many TCP connections end in this node at a group's addresses: what a move would not carry over. */
import type { GroupConfig, PairConfig } from "../../config/model.ts";
import { parseIp } from "../../kernel_ffi/address.ts";
import { KernelError } from "../../kernel_ffi/errno.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { countTcpConnections } from "../../kernel_ffi/sock_diag.ts";

/** A count is good for a second, and for so many times what it took: with very many sockets the kernel takes its time to list them. */
const FRESH_US = 1_000_000;
const COST_SHARE = 50;

/** Null where the kernel does not tell. */
export function connectionsOf({ addresses }: GroupConfig): number | null {
  try {
    return countTcpConnections(addresses.map(({ address }) => parseIp(address)!));
  } catch (error) {
    if (error instanceof KernelError) return null;
    throw error;
  }
}

/** The same for those who ask often. */
export class ConnectionCounts {
  readonly #known = new Map<string, { readonly count: number | null; readonly untilUs: number }>();

  /** @param name of a group; null if there is none of that name */
  of(config: PairConfig, name: string): number | null {
    const beganUs = monotonicUs(), known = this.#known.get(name);
    if (known !== undefined && beganUs < known.untilUs) return known.count;
    const group = config.groups.find((one) => one.name === name);
    if (group === undefined) return null;
    const count = connectionsOf(group), endedUs = monotonicUs();
    const untilUs = endedUs + Math.max(FRESH_US, (endedUs - beganUs) * COST_SHARE);
    this.#known.set(name, { count, untilUs });
    return count;
  }
}
