/**
 * The guard: a small process that keeps the queues' descriptors, so that packets held by a daemon that dies are let go in
 * place of being dropped. It does nothing while the daemon lives (packaging/guard.c).
 */
import { libc, must } from "./libc.ts";

const F_SETFD = 2;
const FD_CLOEXEC = 1;

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
): Guard {
  const args = [String(Deno.pid), ...queueFds.flatMap(({ fd, queue }) => [String(fd), String(queue)])];
  const command = new Deno.Command(path, { args, stdin: "null", stdout: "null", stderr: "inherit", clearEnv: true });
  let child: Deno.ChildProcess;
  try {
    for (const { fd } of queueFds) must(libc().fcntl(fd, F_SETFD, 0n), "let the guard inherit a queue");
    child = command.spawn();
  } finally {
    for (const { fd } of queueFds) {
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
