/** A service that is a unit of systemd, by systemctl(1). */
import type { StopOutcome } from "./child.ts";
import { runCommand } from "./run_command.ts";
import type { Instance, Runner } from "./runner.ts";
import { pause } from "./waiting.ts";

/** Between two looks at whether the unit is still active. */
const LOOK_US = 500_000;
/** For an answer of systemd that starts and stops nothing. */
const ANSWER_US = 2_000_000;

/** What `systemctl is-active` prints of a unit that runs, or is about to. */
const RUNS = ["active", "reloading", "refreshing"];
const COMES = ["activating"];

export interface UnitParts {
  readonly unit: string;
  /** The program; `systemctl` by its name. */
  readonly systemctl: string;
  readonly startTimeoutUs: number;
  readonly lookUs?: number;
}

export class UnitRunner implements Runner {
  readonly #p: UnitParts;

  constructor(parts: UnitParts) {
    this.#p = parts;
  }

  async start(signal: AbortSignal): Promise<Instance> {
    if (!RUNS.includes(await this.#state(signal))) {
      // Waits for the unit's own readiness, where it has a word for that (Type=notify).
      const problem = await this.#systemctl(["start", this.#p.unit], this.#p.startTimeoutUs, signal);
      if (problem !== null) throw new Error(`systemctl start ${this.#p.unit}: ${problem}`);
    }
    const watching = new AbortController();
    return {
      ended: this.#watch(watching.signal),
      stop: (timeoutUs) => {
        watching.abort();
        return this.#stop(timeoutUs);
      },
      leave: () => watching.abort(),
    };
  }

  async clear(): Promise<void> {
    if ([...RUNS, ...COMES].includes(await this.#state())) await this.#stop(ANSWER_US);
  }

  /** Resolves when the unit is neither active nor about to be; never where it was told to stop. */
  async #watch(signal: AbortSignal): Promise<string> {
    for (;;) {
      await pause(this.#p.lookUs ?? LOOK_US, signal);
      if (signal.aborted) return await new Promise<never>(() => {});
      const state = await this.#state(signal);
      if (signal.aborted || state === "" || RUNS.includes(state) || COMES.includes(state)) continue;
      return `systemd says that ${this.#p.unit} is ${state}`;
    }
  }

  async #stop(timeoutUs: number): Promise<StopOutcome> {
    const problem = await this.#systemctl(["stop", this.#p.unit], timeoutUs);
    if (problem === null) return "ended";
    await this.#systemctl(["kill", "--signal=SIGKILL", this.#p.unit], ANSWER_US);
    return "killed";
  }

  /** One word; empty if systemd gave no answer. Its exit code says less than the word. */
  async #state(signal?: AbortSignal): Promise<string> {
    let word = "";
    await this.#systemctl(["is-active", this.#p.unit], ANSWER_US, signal, (line) => word ||= line.trim());
    return /^[a-z-]{1,32}$/.test(word) ? word : "";
  }

  #systemctl(
    args: readonly string[],
    timeoutUs: number,
    signal?: AbortSignal,
    onLine?: (line: string) => void,
  ): Promise<string | null> {
    return runCommand([this.#p.systemctl, ...args], {
      timeoutUs,
      ...(signal === undefined ? {} : { signal }),
      ...(onLine === undefined ? {} : { onLine }),
    });
  }
}
