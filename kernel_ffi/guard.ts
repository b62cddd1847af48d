/**
 * The guard: a small process that keeps the queues' descriptors, so that packets held by a daemon that dies are let go in
 * place of being dropped. It also keeps the gate shut whose rules somebody takes away while the daemon is stopped, and
 * takes the addresses off the machine of one that is dead. It does nothing while the daemon lives (packaging/guard.c).
 */
import { AF_INET, AF_INET6 } from "./address.ts";
import { closeFd, cString, libc, must } from "./libc.ts";
import type { InterfaceAddress } from "./rtnetlink.ts";

const F_SETFD = 2;
const FD_CLOEXEC = 1;

const MFD_CLOEXEC = 1;
/** struct word and struct word_address of packaging/guard_gate.h. */
const WORD_BYTES = 8;
const ADDRESS_BYTES = 24;
/** The guard's buffer. */
const WORD_BYTES_MAX = 1 << 20;

/**
 * The daemon's word to its guard, as bytes: addresses in the order in which they are taken off, and the transaction of nf_tables
 * that puts the gate in. Pure.
 */
export function encodeGuardWord(addresses: readonly InterfaceAddress[], gate: Uint8Array): Uint8Array<ArrayBuffer> {
  const gateAt = WORD_BYTES + addresses.length * ADDRESS_BYTES;
  const bytes = new Uint8Array(gateAt + gate.length), view = new DataView(bytes.buffer);
  view.setUint32(0, addresses.length, true);
  view.setUint32(4, gate.length, true);
  for (const [i, { ifindex, address, prefixLength }] of addresses.entries()) {
    const at = WORD_BYTES + i * ADDRESS_BYTES;
    view.setUint32(at, ifindex, true);
    view.setUint8(at + 4, address.length === 4 ? AF_INET : AF_INET6);
    view.setUint8(at + 5, prefixLength);
    bytes.set(address, at + 6);
  }
  bytes.set(gate, gateAt);
  return bytes;
}

/** A file in memory that the guard reads when it has to act. */
export class GuardWord {
  readonly fd: number;
  readonly #addresses: readonly InterfaceAddress[];

  /** @param addresses to be taken off when the daemon is dead, in this order. Throws `KernelError`. */
  constructor(addresses: readonly InterfaceAddress[]) {
    this.#addresses = addresses;
    this.fd = must(libc().memfd_create(cString("segue-guard"), MFD_CLOEXEC), "make a file in memory");
    this.setGate(new Uint8Array(0));
  }

  /** @param gate the transaction that puts the gate in, in place of whatever is there. Throws `KernelError`, `RangeError`. */
  setGate(gate: Uint8Array): void {
    const bytes = encodeGuardWord(this.#addresses, gate);
    if (bytes.length > WORD_BYTES_MAX) throw new RangeError(`word to the guard: ${bytes.length} bytes`);
    must(Number(libc().pwrite(this.fd, bytes, BigInt(bytes.length), 0n)), "leave word to the guard");
  }

  close(): void {
    closeFd(this.fd);
  }
}

export interface Guard {
  readonly pid: number;
  /** Ends it without a release. Fine if it has ended already. */
  stop(): void;
}

/**
 * The guard's program: what SEGUE_GUARD names, else the one built beside the sources (packaging/guard, build/guard); null
 * if there is none.
 */
export function guardPath(): string | null {
  const named = Deno.env.get("SEGUE_GUARD");
  if (named !== undefined && named !== "") return named;
  for (const relative of ["../packaging/guard", "../build/guard"]) {
    const url = new URL(relative, import.meta.url);
    if (url.protocol !== "file:") return null;
    try {
      if (Deno.statSync(url).isFile) return decodeURIComponent(url.pathname);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}

/**
 * Starts the guard of this process over the queues, to be released in the order given. The descriptors are inheritable
 * while it starts (some milliseconds): start no other child meanwhile, or it keeps the packets too. Throws what
 * `Deno.Command` throws where the program is missing.
 */
export function startGuard(
  path: string,
  queueFds: readonly { readonly fd: number; readonly queue: number }[],
  word: GuardWord,
): Guard {
  const args = [Deno.pid, word.fd, ...queueFds.flatMap(({ fd, queue }) => [fd, queue])].map(String);
  const command = new Deno.Command(path, { args, stdin: "null", stdout: "null", stderr: "inherit", clearEnv: true });
  let child: Deno.ChildProcess;
  try {
    for (const { fd } of [...queueFds, word]) must(libc().fcntl(fd, F_SETFD, 0n), "let the guard inherit a queue");
    child = command.spawn();
  } finally {
    for (const { fd } of [...queueFds, word]) {
      must(libc().fcntl(fd, F_SETFD, BigInt(FD_CLOEXEC)), "keep a queue from other children");
    }
  }
  child.unref();
  let ended = false;
  child.status.then(() => ended = true, () => ended = true);
  return {
    pid: child.pid,
    stop() {
      if (ended) return;
      try {
        child.kill("SIGKILL");
      } catch (error) {
        // It ended by itself, and this thread has not heard of it yet.
        if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
      }
    },
  };
}
