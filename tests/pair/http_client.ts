/**
 * A client of a web service, in the client's namespace: asks for `/` over a new connection each time, until SIGTERM; then prints one line
 * of JSON, a `WebReport`. A program of its own: `deno run http_client.ts HOST PORT`.
 */
import { sleep } from "../../control/lab/command.ts";
import { HttpLine } from "./http_line.ts";

export interface WebReport {
  /** How often each text was the answer. */
  readonly answers: Readonly<Record<string, number>>;
  /** Attempts that got none, by why. */
  readonly failures: Readonly<Record<string, number>>;
  /** Attempts in a row that failed, at most. */
  readonly failedInARow: number;
}

const PATIENCE_MS = 500;
const PAUSE_MS = 5;

async function runWebClient(host: string, port: number): Promise<WebReport> {
  let ending = false;
  Deno.addSignalListener("SIGTERM", () => ending = true);
  const answers: Record<string, number> = {}, failures: Record<string, number> = {};
  let failed = 0, failedInARow = 0;
  console.log("started");
  while (!ending) {
    const line = new HttpLine(host, port);
    const { status, body } = await line.ask("GET", "/", PATIENCE_MS);
    line.close();
    const text = status === 0 ? body : status === 200 ? body.trim() : `status ${status}`;
    const among = status === 200 ? answers : failures;
    among[text] = (among[text] ?? 0) + 1;
    failed = status === 200 ? 0 : failed + 1;
    failedInARow = Math.max(failedInARow, failed);
    await sleep(PAUSE_MS);
  }
  return { answers, failures, failedInARow };
}

if (import.meta.main) {
  console.log(JSON.stringify(await runWebClient(Deno.args[0]!, Number(Deno.args[1]))));
  Deno.exit(0);
}
