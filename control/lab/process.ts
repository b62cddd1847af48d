/** A child process in a network namespace, with everything that it prints kept. Its own process group. */
import { libc } from "../../kernel_ffi/libc.ts";
import { selfCommand } from "../entry.ts";

const SIGNALS = { SIGKILL: 9, SIGTERM: 15, SIGCONT: 18, SIGSTOP: 19 } as const;

/** Name of the variable that tells a child which part of the lab it is. */
export const INNER = "SEGUE_LAB_INNER";

/** This same program with these arguments. */
export function segueCommand(...args: string[]): string[] {
  const self = selfCommand();
  return [self.command, ...self.args, ...args];
}

export class LabProcess {
  readonly name: string;
  readonly #child: Deno.ChildProcess;
  readonly #lines: string[] = [];
  readonly #readers: Promise<void>[];
  readonly #waiting = new Set<() => void>();
  /** Resolves with the exit code when it has ended, whoever ended it. */
  readonly ended: Promise<number>;
  running = true;

  /** @param onLine told of each line; one that it returns true for is not kept */
  constructor(
    name: string,
    namespace: string,
    command: readonly string[],
    env: Readonly<Record<string, string>>,
    onLine?: (line: string) => boolean,
  ) {
    this.name = name;
    this.#child = new Deno.Command("ip", {
      args: ["netns", "exec", namespace, ...command],
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
    this.#readers = [this.#child.stdout, this.#child.stderr].map((stream) => this.#read(stream, onLine));
    this.ended = this.#child.status.then(async (status) => {
      this.running = false;
      await Promise.all(this.#readers);
      for (const wake of this.#waiting) wake();
      return status.code;
    });
  }

  /** A part of the lab itself, told by JSON what to do. */
  static inner(
    namespace: string,
    what: { readonly part: string } & Readonly<Record<string, unknown>>,
    onLine?: (line: string) => boolean,
  ): LabProcess {
    return new LabProcess(what.part, namespace, segueCommand("lab"), { [INNER]: JSON.stringify(what) }, onLine);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Everything printed so far. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  async #read(stream: ReadableStream<Uint8Array>, onLine?: (line: string) => boolean): Promise<void> {
    let rest = "";
    for await (
      const chunk of stream.pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
    ) {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop()!;
      for (const line of parts) if (onLine?.(line) !== true) this.#lines.push(line);
      for (const wake of this.#waiting) wake();
    }
    if (rest !== "") this.#lines.push(rest);
  }

  /** The first line that matches; throws with everything printed if it ends or time runs out before. */
  async line(match: (line: string) => boolean, timeoutMs: number): Promise<string> {
    const end = Date.now() + timeoutMs;
    for (let seen = 0;;) {
      for (; seen < this.#lines.length; seen++) if (match(this.#lines[seen]!)) return this.#lines[seen]!;
      if (!this.running || Date.now() > end) {
        throw new Error(
          `${this.name}: ${this.running ? `nothing within ${timeoutMs} ms` : "ended too early"}; it said:\n${
            this.#lines.slice(-20).join("\n")
          }`,
        );
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, 100);
        this.#waiting.add(wake);
      });
    }
  }

  /** To the whole process group. A process that has ended is left alone. */
  signal(signal: keyof typeof SIGNALS): void {
    if (this.running) libc().kill(-this.pid, SIGNALS[signal]);
  }

  /** Ends it, gently first. */
  async stop(graceMs = 6000): Promise<number> {
    this.signal("SIGCONT");
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), graceMs);
    const code = await this.ended;
    clearTimeout(timer);
    return code;
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }
}
