/** What makes a thread wake in time: real-time scheduling, memory that stays, mercy from the out-of-memory killer. */
import { errnoName } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import { writeSmallFile } from "./small_file.ts";

// linux/sched.h
const SCHED_FIFO = 1;
const SCHED_DEADLINE = 6;
/** Children of the thread start with ordinary scheduling. */
const SCHED_RESET_ON_FORK = 0x40000000;
const SCHED_FLAG_RESET_ON_FORK = 0x01n;
/** What other deadline threads leave unused may be used: the reserve is no ceiling (GRUB). */
const SCHED_FLAG_RECLAIM = 0x02n;
/** struct sched_attr, version 0 (linux/sched/types.h). */
const SCHED_ATTR_BYTES = 48;
/** sched_setattr(2), which the C library of Debian 12 does not have as a function. */
const SYS_SCHED_SETATTR = { x86_64: 314, aarch64: 274 }[Deno.build.arch as "x86_64" | "aarch64"];
// linux/prctl.h
const PR_SET_TIMERSLACK = 29;

/** A fifth of a core is promised, in slices short enough for the shortest lease. */
const RUNTIME_NS = 1_000_000n;
const PERIOD_NS = 5_000_000n;

export interface Realtime {
  readonly policy: "deadline" | "fifo" | "ordinary";
  /** What was done, or why not, in words. */
  readonly reason: string;
}

/**
 * Lets the calling thread run when it wakes, whatever else the machine does: SCHED_DEADLINE, where that is refused SCHED_FIFO (both
 * need CAP_SYS_NICE; SCHED_FIFO may have RLIMIT_RTPRIO instead), where that is refused as well timers without slack: 1 ns instead of 50 µs.
 *
 * Why not SCHED_FIFO first: since Linux 6.8 the kernel keeps 50 ms of each second for ordinary threads by a deadline server, which comes before
 * every FIFO thread. On two busy cores a FIFO thread that sleeps for 1 ms at a time was stopped for 50 to 210 ms a few times a minute, one
 * under SCHED_DEADLINE never for more than 10 ms (kernel 6.18; `tests/bench/wakes.ts` asks the machine at hand).
 *
 * SCHED_DEADLINE is refused where its reserve does not fit beside others' (EBUSY) or the thread may not run on all processors (EPERM:
 * CPUAffinity=, a cpuset).
 */
export function makeRealtime(): Realtime {
  const deadline = becomeDeadline();
  if (deadline === "") return { policy: "deadline", reason: "SCHED_DEADLINE 1 ms of 5 ms" };
  return becomeFifo(50, `SCHED_DEADLINE refused (${deadline})`);
}

/** "" or the error's name. */
function becomeDeadline(): string {
  if (SYS_SCHED_SETATTR === undefined) return `not known on ${Deno.build.arch}`;
  const attributes = new DataView(new ArrayBuffer(SCHED_ATTR_BYTES));
  attributes.setUint32(0, SCHED_ATTR_BYTES, true);
  attributes.setUint32(4, SCHED_DEADLINE, true);
  attributes.setBigUint64(8, SCHED_FLAG_RESET_ON_FORK | SCHED_FLAG_RECLAIM, true);
  [RUNTIME_NS, PERIOD_NS, PERIOD_NS].forEach((ns, i) => attributes.setBigUint64(24 + 8 * i, ns, true));
  return libc().sched_setattr(BigInt(SYS_SCHED_SETATTR), 0, attributes, 0) === 0n ? "" : errnoName(errno());
}

/**
 * A FIFO thread that spins is stopped for 50 ms of every second (kernel.sched_rt_runtime_us).
 *
 * @param priority 1…99; above 50 it would come before the kernel's own interrupt threads
 * @param before what was tried already
 */
export function becomeFifo(priority: number, before: string): Realtime {
  const parameter = new Int32Array([priority]);
  if (libc().sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, parameter) === 0) {
    return { policy: "fifo", reason: `${before}, SCHED_FIFO ${priority} instead` };
  }
  const refusal = errnoName(errno());
  const slack = preciseTimers() ? "timer slack 1 ns instead" : "timer slack unchanged";
  return { policy: "ordinary", reason: `${before}, SCHED_FIFO refused (${refusal}), ${slack}` };
}

/** Gives what the start has allocated and freed back to the system, of all threads. Takes about a millisecond. */
export function trimMemory(): void {
  libc().malloc_trim(0n);
}

/** A nice value for the calling thread and those it makes: -20 first … 19 last. Less than before needs CAP_SYS_NICE; false where refused. */
export function setNice(value: number): boolean {
  return libc().setpriority(0, 0, value) === 0;
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
