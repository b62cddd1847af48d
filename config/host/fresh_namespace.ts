/** A network namespace of our own, in which a check may try things without touching the rules of this machine. */
import { closeFd, cString, libc, must } from "../../kernel_ffi/libc.ts";

const CLONE_NEWNET = 0x4000_0000;
const O_RDONLY = 0;
const O_CLOEXEC = 0x80000;

/**
 * Calls `body` with this thread in a new network namespace (only `lo`, down) and comes back. `body` must not await: what
 * else runs on this thread would run in there. Null where this process may not make one.
 */
export function inOwnNamespace<T>(body: () => T): T | null {
  const home = must(libc().open(cString("/proc/thread-self/ns/net"), O_RDONLY | O_CLOEXEC, 0), "open own namespace");
  try {
    if (libc().unshare(CLONE_NEWNET) < 0) return null;
    try {
      return body();
    } finally {
      must(libc().setns(home, CLONE_NEWNET), "return to own namespace");
    }
  } finally {
    closeFd(home);
  }
}
