/**
 * One child process in a session of its own (setsid(2), by `detached`), so that it can be ended with everything that it
 * has started. Its input is empty; its output comes as lines.
 */
import { LineSplitter } from "./lines.ts";
import { within } from "./waiting.ts";

/** For the last lines of a child that has ended: what holds its output open besides may live on. */
const LAST_LINES_US = 100_000;

export type StopOutcome = "ended" | "killed";

export class Child {
  readonly pid: number;
  /** Why it has ended, in words; its session is gone then too. */
  readonly ended: Promise<string>;
  readonly #process: Deno.ChildProcess;
  #isOver = false;

  /** Throws what `Deno.Command` throws where the program cannot be started. */
  constructor(command: readonly string[], env: Readonly<Record<string, string>>, onLine: (line: string) => void) {
    const [program = "", ...args] = command;
    this.#process = new Deno.Command(program, {
      args,
      env,
      clearEnv: true,
      cwd: "/",
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
    this.pid = this.#process.pid;
    giveUpProtection(this.pid);
    this.ended = this.#watch([readLines(this.#process.stdout, onLine), readLines(this.#process.stderr, onLine)]);
  }

  async #watch(outputs: readonly LineReader[]): Promise<string> {
    const { code, signal } = await this.#process.status;
    this.#isOver = true;
    // The number stays taken while anybody of the session lives, so this hits nobody else.
    signalSession(this.pid, "SIGKILL");
    await within(Promise.all(outputs.map((output) => output.done)), LAST_LINES_US);
    await Promise.all(outputs.map((output) => output.stop()));
    return signal === null ? `exit code ${code}` : `ended by ${signal}`;
  }

  /** SIGTERM to its session, and SIGKILL when it has not ended in time. */
  async stop(timeoutUs: number): Promise<StopOutcome> {
    if (this.#isOver) return "ended";
    signalSession(this.pid, "SIGTERM");
    if (await within(this.ended, timeoutUs) !== null) return "ended";
    await this.kill();
    return "killed";
  }

  /** Nothing watches it but its end, which it has to report in any case. */
  leave(): void {}

  async kill(): Promise<void> {
    if (!this.#isOver) signalSession(this.pid, "SIGKILL");
    await this.ended;
  }
}

const OWN_SCORE = "/proc/self/oom_score_adj";

/** The daemon may be the last that a machine out of memory ends (proc(5), oom_score_adj); what it starts is one of many. */
function giveUpProtection(pid: number): void {
  try {
    if (Number(Deno.readTextFileSync(OWN_SCORE)) < 0) Deno.writeTextFileSync(`/proc/${pid}/oom_score_adj`, "0");
  } catch {
    // It has ended already.
  }
}

/** To every process of the group that a session's first process leads. Nobody left is fine, or nobody within our reach. */
export function signalSession(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) throw error;
  }
}

interface LineReader {
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): LineReader {
  const reader = stream.getReader();
  const splitter = new LineSplitter(onLine);
  const read = async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) splitter.push(part.value);
    splitter.end();
  };
  const done = read().catch(() => splitter.end());
  return {
    done,
    stop: async () => {
      await reader.cancel().catch(() => {});
      await done;
    },
  };
}
