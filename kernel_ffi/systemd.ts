/** Word to the service manager (sd_notify(3)): a datagram to the socket that it names in the environment. */
import { AF_UNIX } from "./address.ts";
import { closeFd, libc, must } from "./libc.ts";
import { SOCK_CLOEXEC, SOCK_DGRAM } from "./socket_constants.ts";

/** sizeof(sun_path) in struct sockaddr_un. */
const PATH_BYTES_MAX = 108;
const MSG_NOSIGNAL = 0x4000;

/**
 * Sends a state, for example `READY=1` or `WATCHDOG=1`; several are separated by line ends. Does nothing where no
 * manager asked for it. Throws `KernelError` if the manager cannot be reached.
 */
export function sdNotify(state: string): void {
  const name = Deno.env.get("NOTIFY_SOCKET");
  if (name === undefined || name === "") return;
  const address = encodeSockaddrUn(name);
  const message = new TextEncoder().encode(state);
  const fd = must(libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "open notify socket");
  try {
    const sent = libc().sendto(fd, message, BigInt(message.length), MSG_NOSIGNAL, address, address.length);
    must(sent, `notify ${name}`);
  } finally {
    closeFd(fd);
  }
}

/**
 * struct sockaddr_un of a path, or of an abstract name where it begins with `@` (unix(7)): that has no closing zero,
 * its length ends it. Pure.
 */
export function encodeSockaddrUn(name: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(name);
  const abstract = name.startsWith("@");
  if (bytes.length + (abstract ? 0 : 1) > PATH_BYTES_MAX) {
    throw new RangeError(`address of Unix socket ${name}: longer than ${PATH_BYTES_MAX} bytes`);
  }
  const out = new Uint8Array(2 + bytes.length + (abstract ? 0 : 1));
  out[0] = AF_UNIX;
  out.set(bytes, 2);
  if (abstract) out[2] = 0;
  return out;
}

/**
 * The time within which the manager wants a `WATCHDOG=1` from this process, in microseconds; null where it wants none.
 * Send one at half of it.
 */
export function watchdogIntervalUs(): number | null {
  const interval = Number(Deno.env.get("WATCHDOG_USEC") ?? "");
  const pid = Deno.env.get("WATCHDOG_PID");
  if (!Number.isSafeInteger(interval) || interval <= 0) return null;
  // Inherited from a parent that was meant.
  if (pid !== undefined && Number(pid) !== libc().getpid()) return null;
  return interval;
}
