/** Which rights the calling thread has (capabilities(7)). */
import { readSmallFile } from "./small_file.ts";

/** Bits of linux/capability.h. */
const CAPABILITIES = {
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_IPC_LOCK: 14,
  CAP_SYS_NICE: 23,
} as const;

export type Capability = keyof typeof CAPABILITIES;

/** Those of `needed` that the calling thread lacks, in the order in which they were asked for. */
export function missingCapabilities(needed: readonly Capability[]): Capability[] {
  return missingFrom(readSmallFile("/proc/thread-self/status"), needed);
}

/** The same from the text of a status file. Pure; exported for tests. */
export function missingFrom(status: string, needed: readonly Capability[]): Capability[] {
  const digits = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (digits === undefined) throw new Error("read capabilities: no CapEff in the status of the thread");
  const effective = BigInt(`0x${digits}`);
  return needed.filter((name) => (effective >> BigInt(CAPABILITIES[name]) & 1n) === 0n);
}
