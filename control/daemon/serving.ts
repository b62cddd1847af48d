/**
 * Carries out the switch thread's orders about services, followers and state, and answers them. On the old node of a switchover services
 * leave first, for they may have last words, and then the table is sealed; on the new one the table is whole before a service starts.
 */
import type { SwitchCommand, SwitchReport } from "../core/messages.ts";
import type { ServiceManager, ServiceStep } from "../services/manager.ts";
import { type Clock, SYSTEM_CLOCK } from "../state/clock.ts";
import type { StateManager } from "../state/manager.ts";

type Order = Extract<SwitchReport, { kind: "serve" }>;
type RoleReport = Extract<SwitchReport, { kind: "role" }>;

export interface ServingParts {
  readonly services: Pick<ServiceManager, "become" | "settled" | "managed">;
  readonly state: Pick<StateManager, "seal" | "lastWords" | "role" | "peerSilent">;
  /** To the switch thread. */
  readonly send: (command: SwitchCommand) => void;
  /** Not given: the system's. */
  readonly clock?: Pick<Clock, "nowUs">;
}

interface Answer {
  readonly ok: boolean;
  readonly reason: string;
}

/** Nobody looks at it; without one each abort would make an exception with a trace of the stack. */
const SUPERSEDED = "a newer order stands";
const DONE: Answer = { ok: true, reason: "" };

export class Serving {
  readonly #p: ServingParts;
  readonly #clock: Pick<Clock, "nowUs">;
  /** The order of each group that stands; a newer one ends it. */
  readonly #orders = new Map<string, AbortController>();
  readonly #managed = new Map<string, { services: boolean; state: boolean; told: boolean }>();

  constructor(parts: ServingParts) {
    this.#p = parts;
    this.#clock = parts.clock ?? SYSTEM_CLOCK;
  }

  /** A switch of the group has to wait for its services, or for its state, or not any more. */
  managed(group: string, what: "services" | "state", on: boolean): void {
    const known = this.#managed.get(group) ?? { services: false, state: false, told: false };
    known[what] = on;
    const now = known.services || known.state;
    this.#managed.set(group, known);
    if (known.told === now) return;
    known.told = now;
    this.#p.send({ kind: "managed", group, on: now });
  }

  /** The switch thread's order; its answer goes when everything is done, or has failed. */
  async order(order: Order): Promise<void> {
    this.#orders.get(order.group)?.abort(SUPERSEDED);
    const standing = new AbortController();
    this.#orders.set(order.group, standing);
    const steps: ServiceStep[] = [];
    const { ok, reason } = order.to === "standby"
      ? await this.#leave(order, standing.signal, steps)
      : await this.#enter(order, standing.signal, steps);
    if (standing.signal.aborted) return;
    this.#p.send({ kind: "served", group: order.group, order: order.order, ok, reason, steps });
  }

  async #leave(order: Order, signal: AbortSignal, steps: ServiceStep[]): Promise<Answer> {
    const left = await this.#become(order, steps);
    if (signal.aborted || !order.planned) return left;
    const lsn = this.#p.state.seal(order.group, order.switchId);
    if (lsn > 0) steps.push({ step: `state sealed at LSN ${lsn}`, atUs: this.#clock.nowUs() });
    // Whatever did not go as it should: the switch goes on.
    return DONE;
  }

  async #enter(order: Order, signal: AbortSignal, steps: ServiceStep[]): Promise<Answer> {
    if (order.planned) {
      const words = await this.#p.state.lastWords(order.group, order.switchId, signal);
      if ("problem" in words) return { ok: false, reason: words.problem };
      if (words.lsn > 0) steps.push({ step: `state whole, LSN ${words.lsn}`, atUs: this.#clock.nowUs() });
    }
    return signal.aborted ? DONE : await this.#become(order, steps);
  }

  async #become({ group, to, planned, epoch }: Order, steps: ServiceStep[]): Promise<Answer> {
    const reason = planned ? "switchover" : "the switch thread's word";
    const result = await this.#p.services.become(group, to, { epoch, planned, reason, deadlineUs: null });
    steps.push(...result.steps);
    return result;
  }

  /** What the group is on this node now. */
  role({ group, role, epoch, alone }: RoleReport): void {
    if (alone) this.#p.state.peerSilent();
    this.#p.state.role(group, role, epoch);
    if (role === "primary" || role === "standby") this.#p.services.settled(group, role, epoch);
  }
}
