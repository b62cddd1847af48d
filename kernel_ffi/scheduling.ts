/** What makes a thread wake in time: real-time scheduling, memory that stays, mercy from the out-of-memory killer. */
import { errnoName } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import { writeSmallFile } from "./small_file.ts";

// linux/sched.h
const SCHED_FIFO = 1;
/** Children of the thread start with ordinary scheduling. */
const SCHED_RESET_ON_FORK = 0x40000000;
// linux/prctl.h
const PR_SET_TIMERSLACK = 29;

export interface Realtime {
  readonly fifo: boolean;
  /** What was done, or why not, in words. */
  readonly reason: string;
}

/**
 * Puts the calling thread under SCHED_FIFO (needs CAP_SYS_NICE or RLIMIT_RTPRIO). Where that is refused, timers of the
 * thread at least fire without slack: 1 ns instead of 50 µs.
 *
 * A FIFO thread that spins is stopped for 50 ms of every second (kernel.sched_rt_runtime_us).
 *
 * @param priority 1…99; above 50 it would come before the kernel's own interrupt threads
 */
export function makeRealtime(priority = 50): Realtime {
  const parameter = new Int32Array([priority]);
  if (libc().sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, parameter) === 0) {
    return { fifo: true, reason: `SCHED_FIFO ${priority}` };
  }
  const refusal = errnoName(errno());
  const slack = preciseTimers();
  return {
    fifo: false,
    reason: `SCHED_FIFO refused (${refusal}), ${slack ? "timer slack 1 ns instead" : "timer slack unchanged"}`,
  };
}

/** Gives what the start has allocated and freed back to the system, of all threads. Takes about a millisecond. */
export function trimMemory(): void {
  libc().malloc_trim(0n);
}

/** Lets timers of the calling thread fire without slack: 1 ns instead of 50 µs. False where that is refused. */
export function preciseTimers(): boolean {
  return libc().prctl(PR_SET_TIMERSLACK, 1n, 0n, 0n, 0n) === 0;
}

/**
 * Keeps one buffer in memory (mlock). False where the limit RLIMIT_MEMLOCK forbids it. Never `mlockall`: V8 reserves
 * far more address space than there is memory, and dies of it.
 */
export function lockBuffer(buffer: Uint8Array<ArrayBuffer>): boolean {
  return libc().mlock(buffer, BigInt(buffer.byteLength)) === 0;
}

/**
 * How gladly the out-of-memory killer takes this process: -1000 never … 1000 first. Less than before needs
 * CAP_SYS_RESOURCE; false where it was refused.
 */
export function setOomScoreAdj(value: number): boolean {
  try {
    writeSmallFile("/proc/self/oom_score_adj", `${value}`);
    return true;
  } catch {
    return false;
  }
}
