/** The kernel's release: the lease lives on the egress hook, and that is there since 5.16. */
import { readSmallFile } from "../../kernel_ffi/small_file.ts";
import type { Problem } from "../problem.ts";
import { hostProblem } from "./context.ts";

const NEEDED = [5, 16] as const;

export function checkKernelVersion(): readonly Problem[] {
  return judgeRelease(readSmallFile("/proc/sys/kernel/osrelease").trim());
}

/** Pure part; exported for tests. A release that is not understood is no reason to refuse: the trial of the rules tells. */
export function judgeRelease(release: string): readonly Problem[] {
  const numbers = /^([0-9]+)\.([0-9]+)/.exec(release);
  if (!numbers) return [];
  const [major, minor] = [Number(numbers[1]), Number(numbers[2])];
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return [];
  return [hostProblem(
    "kernel",
    `Linux ${release} has no egress hook for nf_tables; ${NEEDED.join(".")} is the first that has`,
    "a newer kernel, for example that of Debian 12 (6.1)",
  )];
}
