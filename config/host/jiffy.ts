/** The kernel's tick: leases have its grain, and the file's times were checked for 4ms (HZ=250). */
import { JIFFY_US } from "../../control/core/limits.ts";
import { libc, must } from "../../kernel_ffi/libc.ts";
import { formatDuration as t } from "../duration.ts";
import type { Timing } from "../model.ts";
import type { Problem } from "../problem.ts";
import { type HostContext, placedProblem } from "./context.ts";

/** linux/time.h; its resolution is one tick (kernel/time/posix-timers.c). */
const CLOCK_MONOTONIC_COARSE = 6;

export function checkJiffy(context: HostContext): readonly Problem[] {
  const complaint = judgeJiffy(context.config.timing, jiffyUs());
  return complaint === null ? [] : [placedProblem(context, ["timing", "lease"], complaint.reason, complaint.hint)];
}

/** Microseconds of one tick of this kernel. */
export function jiffyUs(): number {
  const resolution = new BigInt64Array(2);
  must(libc().clock_getres(CLOCK_MONOTONIC_COARSE, resolution), "read the kernel's tick");
  return Number(resolution[0]) * 1e6 + Number(resolution[1]) / 1e3;
}

/** Pure part; exported for tests. The file check has assured the same for the usual tick. */
export function judgeJiffy(timing: Timing, jiffy: number): { readonly reason: string; readonly hint: string } | null {
  const least = 3 * timing.heartbeatUs + jiffy;
  if (jiffy <= JIFFY_US || timing.leaseUs >= least) return null;
  return {
    reason: `this kernel's tick is ${t(jiffy)} (HZ=${Math.round(1e6 / jiffy)}): a lease of ${t(timing.leaseUs)} is ` +
      `shorter than 3 × ${t(timing.heartbeatUs)} + ${t(jiffy)} = ${t(least)}`,
    hint: `lease = "${t(least)}" or more, or a kernel with HZ=250 or higher`,
  };
}
