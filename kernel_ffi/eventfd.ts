/** A descriptor with which one thread wakes another that waits in ppoll (eventfd(2)). */
import { EAGAIN, KernelError } from "./errno.ts";
import { errno, libc, must } from "./libc.ts";

const EFD_CLOEXEC = 0x80000;
const EFD_NONBLOCK = 0x800;

/** The counter's bytes: what is added, and where the sum is read to. */
const one = new Uint8Array(new BigUint64Array([1n]).buffer);
const sum = new Uint8Array(8);

/** Opens one; it becomes readable when signalled, for every thread of the process. Close it with `closeFd`. */
export function openEventFd(): number {
  return must(libc().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "open eventfd");
}

/** Makes it readable. Signals that nobody has cleared yet melt into one. */
export function signalEventFd(fd: number): void {
  if (libc().write32(fd, one, 8) >= 0) return;
  const failure = errno();
  // EAGAIN: the counter is full, so it has been readable for 2^64 signals already.
  if (failure !== EAGAIN) throw new KernelError("signal eventfd", failure);
}

/** Takes every signal so far. Clear first, then look at what was signalled: the other order can lose one. */
export function clearEventFd(fd: number): void {
  if (libc().read32(fd, sum, 8) >= 0) return;
  const failure = errno();
  if (failure !== EAGAIN) throw new KernelError("clear eventfd", failure);
}
