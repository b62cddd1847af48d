/**
 * Clients of the counter, in the client's namespace: each increments without pause, one request at a time, and asks again with the same
 * id until it has its number. A program of its own: `deno run client.ts JSON`; SIGTERM ends it when the last requests are answered.
 */
import { sleep } from "../../../control/lab/command.ts";
import { HttpLine } from "../http_line.ts";

export interface CounterClientOptions {
  readonly host: string;
  readonly port: number;
  readonly clients: number;
  /** An attempt without an answer is given up after this time, and made again over a new connection. */
  readonly patienceMs: number;
  /** Where each answered request becomes a line of JSON, a `Request`. */
  readonly file: string;
}

/** One request from its first attempt to its answer. */
export interface Request {
  readonly id: string;
  /** What the service said. */
  readonly count: number;
  readonly attempts: number;
  /** Milliseconds of the wall clock. */
  readonly askedAt: number;
  readonly answeredAt: number;
}

/** Its last words, one line of JSON. */
export interface CounterClientReport {
  readonly acknowledged: number;
  /** Attempts that a later one had to mend, by what they met. */
  readonly failures: Readonly<Record<string, number>>;
  /** Requests that were asked a second time after their answer, and those among them that were answered otherwise. */
  readonly askedTwice: number;
  readonly answeredOtherwise: readonly string[];
  /** Requests without an answer at the end. */
  readonly unanswered: readonly string[];
}

const PAUSE_MS = 5;
/** How long requests may go on after the end was asked for. */
const END_MS = 20_000;
const ASK_TWICE_EVERY = 16;

async function runClients(o: CounterClientOptions): Promise<CounterClientReport> {
  const failures: Record<string, number> = {};
  const answeredOtherwise: string[] = [], unanswered: string[] = [];
  let acknowledged = 0, askedTwice = 0, ending = false, endBy = Infinity;
  Deno.addSignalListener("SIGTERM", () => {
    ending = true;
    endBy = Date.now() + END_MS;
  });
  const file = Deno.openSync(o.file, { write: true, create: true, append: true });
  const encoder = new TextEncoder();

  const ask = async (line: HttpLine, id: string): Promise<{ count: number; attempts: number } | null> => {
    for (let attempts = 1; Date.now() < endBy; attempts++) {
      const answer = await line.ask("POST", `/increment?id=${id}`, o.patienceMs);
      if (answer.status === 200) return { count: JSON.parse(answer.body).count, attempts };
      const what = answer.status === 0 ? answer.body : `status ${answer.status}`;
      failures[what] = (failures[what] ?? 0) + 1;
      await sleep(PAUSE_MS);
    }
    return null;
  };

  const client = async (index: number) => {
    const line = new HttpLine(o.host, o.port);
    for (let n = 0; !ending; n++) {
      const id = `${index}-${n}`, askedAt = wallMs();
      const answer = await ask(line, id);
      if (answer === null) {
        unanswered.push(id);
        break;
      }
      const request: Request = { id, ...answer, askedAt, answeredAt: wallMs() };
      file.writeSync(encoder.encode(JSON.stringify(request) + "\n"));
      acknowledged++;
      if (n % ASK_TWICE_EVERY !== 0) continue;
      const again = await ask(line, id);
      askedTwice++;
      if (again?.count !== answer.count) answeredOtherwise.push(`${id}: ${answer.count}, then ${again?.count}`);
    }
    line.close();
  };
  console.log("started");
  await Promise.all(Array.from({ length: o.clients }, (_, index) => client(index)));
  file.close();
  return { acknowledged, failures, askedTwice, answeredOtherwise, unanswered };
}

function wallMs(): number {
  return performance.timeOrigin + performance.now();
}

if (import.meta.main) {
  console.log(JSON.stringify(await runClients(JSON.parse(Deno.args[0]!))));
  Deno.exit(0);
}
