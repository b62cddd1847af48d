/** Asks a service once whether it works. */
import type { HealthCheck } from "../../config/model.ts";
import { runCommand } from "./run_command.ts";

/** Null if it is well, else what is wrong. Takes no longer than the check's time-out. */
export function checkHealth(
  check: HealthCheck,
  env: Readonly<Record<string, string>>,
  stop: AbortSignal,
): Promise<string | null> {
  switch (check.kind) {
    case "tcp":
      return asked(check, stop, async (signal) => {
        const { host: hostname, port } = check.target;
        (await Deno.connect({ hostname, port, signal })).close();
        return null;
      });
    case "http":
      return asked(check, stop, (signal) => askHttp(check.url, signal));
    case "exec":
      return runCommand(check.exec, { timeoutUs: check.timeoutUs, signal: stop, env });
    default:
      return check satisfies never;
  }
}

async function asked(
  { timeoutUs }: HealthCheck,
  stop: AbortSignal,
  ask: (signal: AbortSignal) => Promise<string | null>,
): Promise<string | null> {
  const timeout = AbortSignal.timeout(timeoutUs / 1000);
  try {
    return await ask(AbortSignal.any([stop, timeout]));
  } catch (error) {
    if (timeout.aborted) return `no answer within ${timeoutUs / 1000} ms`;
    return reasonOf(error);
  }
}

/** `fetch` itself says only that it failed; what stands behind its URL is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message.replace(/^.*\): /, "") : error.message;
}

/** A connection of its own each time: one that was kept would say nothing of a program that takes no new ones. */
async function askHttp(url: string, signal: AbortSignal): Promise<string | null> {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const response = await fetch(url, { client, signal, redirect: "manual" });
  await response.body?.cancel();
  const { status } = response;
  return status >= 200 && status < 400 ? null : `HTTP status ${status}`;
}
