/** Many TCP connections that talk all the time: what a stall looks like to them. */
import { sleep } from "./command.ts";
import { SLICE_US, type Timeline } from "./measurement.ts";
import { TCP_PORT } from "./services.ts";

export interface CrowdOptions {
  readonly remote: string;
  readonly connections: number;
  /** Between an answer and the next message of a connection. */
  readonly everyMs: number;
  readonly durationMs: number;
}

export interface CrowdMeasurement {
  readonly connections: number;
  /** Connections that ended before their time. */
  readonly broken: number;
  readonly messages: number;
  /** Longest wait for an answer of each connection: at the median, at p99 and of all. */
  readonly stallP50Ms: number;
  readonly stallP99Ms: number;
  readonly stallMaxMs: number;
  /** Wall clock, milliseconds, of the timeline's beginning; waits by when the message left. */
  readonly startedAt: number;
  readonly timeline: Timeline;
}

/** What is not answered for this long is not answered at all: well above TCP's retransmission timer, which begins at 200 ms. */
const PATIENCE_MS = 5000;

/** Prints `started` when all are connected, and at the end the measurement as one line of JSON. */
export async function runCrowd(options: CrowdOptions): Promise<void> {
  const opened = await Promise.all(
    Array.from({ length: options.connections }, () => Deno.connect({ hostname: options.remote, port: TCP_PORT })),
  );
  const start = performance.now(), end = start + options.durationMs;
  const startedAt = Date.now();
  const slices = Math.ceil((options.durationMs * 1000) / SLICE_US) + 1;
  const maxUs = new Array<number>(slices).fill(0), lost = new Array<number>(slices).fill(0);
  const stalls: number[] = [];
  let broken = 0, messages = 0;
  const talk = async (connection: Deno.TcpConn, delayMs: number) => {
    connection.setNoDelay(true);
    const byte = new Uint8Array(1);
    let stallMs = 0;
    await sleep(delayMs);
    while (performance.now() < end) {
      const askedMs = performance.now(), slice = Math.floor(((askedMs - start) * 1000) / SLICE_US);
      const answered = await answer(connection, byte);
      const waitedMs = performance.now() - askedMs;
      messages++;
      if (!answered) {
        broken++;
        lost[slice]!++;
        stallMs = PATIENCE_MS;
        break;
      }
      stallMs = Math.max(stallMs, waitedMs);
      maxUs[slice] = Math.max(maxUs[slice]!, Math.round(waitedMs * 1000));
      await sleep(options.everyMs);
    }
    stalls.push(stallMs);
    connection.close();
  };
  console.log("started");
  await Promise.all(opened.map((connection, i) => talk(connection, (i * options.everyMs) / opened.length)));
  const sorted = stalls.toSorted((a, b) => a - b);
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]! * 10) / 10;
  console.log(JSON.stringify(
    {
      connections: opened.length,
      broken,
      messages,
      stallP50Ms: at(0.5),
      stallP99Ms: at(0.99),
      stallMaxMs: at(1),
      startedAt,
      timeline: { sliceMs: SLICE_US / 1000, maxUs, lost },
    } satisfies CrowdMeasurement,
  ));
}

async function answer(connection: Deno.TcpConn, byte: Uint8Array<ArrayBuffer>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<null>((resolve) => timer = setTimeout(() => resolve(null), PATIENCE_MS));
  try {
    await connection.write(byte);
    return await Promise.race([connection.read(byte), patience]) === 1;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
