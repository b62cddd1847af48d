/** Opens a packet queue as the switch does, in a network namespace of its own: the library and the kernel's side of it. */
import { KernelError } from "../../kernel_ffi/errno.ts";
import { HoldQueue } from "../../kernel_ffi/nfqueue.ts";
import { nfqLibrary } from "../../kernel_ffi/nfqueue_library.ts";
import type { Problem } from "../problem.ts";
import { hostProblem } from "./context.ts";
import { inOwnNamespace } from "./fresh_namespace.ts";
import { mayAdministerNetwork } from "./rights.ts";

export function checkQueue(): readonly Problem[] {
  const library = libraryProblem();
  if (library !== null) return [library];
  // Missing rights, and a namespace that cannot be had, are said by other checks.
  if (!mayAdministerNetwork()) return [];
  return inOwnNamespace(tryQueue) ?? [];
}

function libraryProblem(): Problem | null {
  try {
    nfqLibrary();
    return null;
  } catch (error) {
    const reason = `libnetfilter_queue cannot be opened: ${error instanceof Error ? error.message : String(error)}`;
    return hostProblem("library", reason, "apt-get install libnetfilter-queue1, or use the segue file that carries it");
  }
}

function tryQueue(): Problem[] {
  try {
    new HoldQueue(1, { maxLength: 16 }).close();
    return [];
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const reason = `packets cannot be held: ${error.message}`;
    return [hostProblem("queue", reason, "a kernel with CONFIG_NETFILTER_NETLINK_QUEUE")];
  }
}
