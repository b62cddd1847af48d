/** One order to bring a group to a role: its steps, its deadline, and what may call it off. */
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import type { ServiceRole } from "./plan.ts";

export interface ServiceStep {
  readonly step: string;
  /** Of the monotonic clock, the switch thread's. */
  readonly atUs: number;
}

export interface BecomeResult {
  readonly ok: boolean;
  /** Why not; empty if it went well. */
  readonly reason: string;
  readonly steps: readonly ServiceStep[];
}

export interface BecomeContext {
  readonly epoch: number;
  /** A switchover that somebody asked for, not a failover. */
  readonly planned: boolean;
  readonly reason: string;
  /** Of the monotonic clock; null: none. */
  readonly deadlineUs: number | null;
}

export class Errand {
  readonly role: ServiceRole;
  readonly context: BecomeContext;
  readonly #steps: ServiceStep[] = [];
  readonly #off = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  #why = "";

  constructor(role: ServiceRole, context: BecomeContext) {
    this.role = role;
    this.context = context;
    if (context.deadlineUs === null) return;
    const leftUs = context.deadlineUs - monotonicUs();
    if (leftUs <= 0) this.callOff("too late");
    else this.#timer = setTimeout(() => this.callOff("too late"), leftUs / 1000);
  }

  get signal(): AbortSignal {
    return this.#off.signal;
  }

  step(step: string): void {
    this.#steps.push({ step, atUs: monotonicUs() });
  }

  callOff(why: string): void {
    if (this.#why === "") this.#why = why;
    this.#off.abort();
  }

  /** @param problem null if everything went well; what called it off comes before what went wrong by that */
  result(problem: string | null): BecomeResult {
    clearTimeout(this.#timer);
    const off = this.#why === "superseded" ? this.#why : [this.#why, problem].filter(Boolean).join(": ");
    const reason = this.#why === "" ? problem ?? "" : off;
    return { ok: reason === "", reason, steps: this.#steps };
  }
}
