/**
 * The guard of a run that died keeps the queues for up to three seconds, so that packets held by it are let go and not
 * dropped (packaging/guard.c). The next run waits for that; to bind the queues earlier would fail.
 */
import { ENOENT, KernelError } from "../../kernel_ffi/errno.ts";
import { readSmallFile } from "../../kernel_ffi/small_file.ts";
import { isOwnQueue } from "../switch/ruleset_spec.ts";
import type { Log } from "./log.ts";

/** One line for each queue of this network namespace that somebody has bound; its first number is the queue's. */
const QUEUES = "/proc/net/netfilter/nfnetlink_queue";
const LOOK_EVERY_MS = 10;
const WAIT_MS_MAX = 5000;

/** Numbers of the queues that are bound, by the kernel's list of them. Pure. */
export function boundQueues(list: string): number[] {
  return list.split("\n").filter((line) => line.trim() !== "").map((line) => parseInt(line, 10));
}

/** Returns when all queues are free, or it has taken too long: then binding them says what is wrong. */
export async function awaitFormerGuard(log: Log): Promise<void> {
  const end = performance.now() + WAIT_MS_MAX;
  for (let said = false; isBound(); said = true) {
    if (performance.now() > end) return;
    if (!said) log.write("notice", "waiting until the guard of the last run has let go what that run held");
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function isBound(): boolean {
  try {
    return boundQueues(readSmallFile(QUEUES)).some(isOwnQueue);
  } catch (error) {
    // The kernel's module is loaded with the first queue.
    if (error instanceof KernelError && error.errno === ENOENT) return false;
    throw error;
  }
}
