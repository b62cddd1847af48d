/** The daemon that runs on this machine, if one does: what it says about its peer and itself. */
import { join } from "node:path";
import { z } from "zod";
import { SOCKET_NAME } from "../../control/api/socket.ts";
import type { Problem } from "../problem.ts";
import { hostProblem } from "./context.ts";

/** The daemon answers within milliseconds; who waits longer than this asks in vain. */
const PATIENCE_MS = 2_000;

/** What the checks use of `GET /v1/status`; there is more. */
const STATUS = z.object({
  node: z.string(),
  pair: z.string(),
  version: z.string(),
  peer: z.object({ name: z.string().optional(), state: z.string(), version: z.string().nullable().optional() }),
  alarms: z.array(z.object({ kind: z.string(), text: z.string() })).default([]),
});

export type DaemonStatus = z.output<typeof STATUS>;

export type DaemonAnswer =
  /** No socket, or one that nobody listens on any more. */
  | { readonly kind: "none" }
  | { readonly kind: "status"; readonly status: DaemonStatus }
  /** Something listens and gives no status. */
  | { readonly kind: "mute"; readonly reason: string };

export function socketPath(runDir: string): string {
  return join(runDir, SOCKET_NAME);
}

/**
 * Asks the daemon of `runDir`. Never throws, and gives up on one that is stopped, which is why this is not the client of
 * the other commands: those wait for as long as their user does.
 */
export async function askDaemon(runDir: string, patienceMs = PATIENCE_MS): Promise<DaemonAnswer> {
  const path = socketPath(runDir);
  try {
    // A connection of its own first: fetch tells a missing socket and a broken answer apart by text only.
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) {
      return { kind: "none" };
    }
    return { kind: "mute", reason: messageOf(error) };
  }
  try {
    using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
    const response = await fetch("http://127.0.0.1/v1/status", { client, signal: AbortSignal.timeout(patienceMs) });
    const parsed = STATUS.safeParse(await response.json());
    if (parsed.success) return { kind: "status", status: parsed.data };
    return { kind: "mute", reason: `its answer (HTTP ${response.status}) is not a status` };
  } catch (error) {
    return { kind: "mute", reason: messageOf(error) };
  }
}

/** What is wrong with the running pair. */
export function judgeDaemon(answer: DaemonAnswer, pair: string, node: string, runDir: string): readonly Problem[] {
  if (answer.kind === "none") return [];
  if (answer.kind === "mute") {
    const reason = `${socketPath(runDir)} is there, but gives no status: ${answer.reason}`;
    return [hostProblem("daemon", reason, "systemctl status segue", "warning")];
  }
  const { status } = answer;
  const problems: Problem[] = [];
  if (status.pair !== pair || status.node !== node) {
    const reason = `the segue that runs here is node "${status.node}" of pair "${status.pair}", ` +
      `the file's is node "${node}" of pair "${pair}"`;
    problems.push(hostProblem("daemon", reason, "restart it to make the file's values count", "warning"));
  }
  if (status.peer.state === "incompatible") {
    const theirs = status.peer.version === null || status.peer.version === undefined
      ? ""
      : ` (it is ${status.peer.version})`;
    const reason =
      `the peer${theirs} and this node (${status.version}) do not agree, and neither takes over for the other`;
    const hint = "compare the digests that segue check prints on both nodes: the file must be the same";
    problems.push(hostProblem("peer", reason, hint));
  }
  for (const { kind, text } of status.alarms) {
    if (kind === status.peer.state) continue;
    problems.push(hostProblem(`alarm.${kind}`, text, "", "warning"));
  }
  return problems;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
