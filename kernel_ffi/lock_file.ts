/** One process at a time: a file that the kernel unlocks when its holder ends, however it ends (flock(2)). */
import { EAGAIN, KernelError } from "./errno.ts";
import { closeFd, cString, errno, libc, must } from "./libc.ts";
import { readSmallFile } from "./small_file.ts";

const O_RDWR = 2;
const O_CREAT = 0x40;
const O_NOFOLLOW = 0x20000;
const O_CLOEXEC = 0x80000;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** Another process holds the lock. */
export class LockHeldError extends Error {
  readonly path: string;
  /** As it wrote into the file; null where it has not done so yet. */
  readonly pid: number | null;

  constructor(path: string, pid: number | null) {
    super(`lock ${path}: held by ${pid === null ? "another process" : `process ${pid}`}`);
    this.name = "LockHeldError";
    this.path = path;
    this.pid = pid;
  }
}

/**
 * Takes the lock and writes this process's id into the file, which is made if need be. Throws `LockHeldError` at once
 * if somebody else has it. The file stays when the lock goes: removing it would let two hold "it" at once.
 */
export function lockFile(path: string): { close(): void } {
  const fd = must(libc().open(cString(path), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644), `open ${path}`);
  try {
    if (libc().flock(fd, LOCK_EX | LOCK_NB) !== 0) {
      const failure = errno();
      throw failure === EAGAIN ? new LockHeldError(path, readPid(path)) : new KernelError(`lock ${path}`, failure);
    }
    const text = new TextEncoder().encode(`${libc().getpid()}\n`);
    must(libc().ftruncate(fd, 0n), `empty ${path}`);
    must(libc().write32(fd, text, text.length), `write ${path}`);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
  return { close: () => closeFd(fd) };
}

function readPid(path: string): number | null {
  const pid = Number(readSmallFile(path).trim());
  return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
}
