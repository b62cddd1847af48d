/** Programs that follow their group's role by themselves: they are told, may say no, and are waited for as long as they said. */
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import type { ServiceRole } from "./plan.ts";

/** Of all groups together. */
export const FOLLOWERS_MAX = 64;
/** A switch waits no longer than this for a follower. */
export const PATIENCE_MAX_US = 10_000_000;
export const PATIENCE_DEFAULT_US = 1_000_000;
export const FOLLOWER_NAME = /^[A-Za-z0-9._-]{1,64}$/;

export type RoleEventKind = "hello" | "becoming-primary" | "primary" | "becoming-standby" | "standby";

export interface RoleEvent {
  readonly kind: RoleEventKind;
  readonly group: string;
  /** The role that is, or that comes. */
  readonly role: ServiceRole;
  readonly epoch: number;
  /** To be named in the acknowledgement; 0 where none is waited for. */
  readonly order: number;
  /** How long it is waited for; null where it is not. */
  readonly deadlineUs: number | null;
  /** Who this follower is, in `hello` alone. */
  readonly follower?: string;
}

export interface FollowerRequest {
  readonly name: string;
  readonly patienceUs: number;
  readonly send: (event: RoleEvent) => void;
}

export interface Acknowledgement {
  readonly follower: string;
  readonly order: number;
  readonly ok: boolean;
  readonly reason: string;
}

/** What became of an acknowledgement. */
export type AckOutcome = "taken" | "noSuchFollower" | "notAsked";

export interface FollowerAnswer {
  readonly name: string;
  readonly kind: "yes" | "no" | "late" | "gone";
  readonly reason: string;
}

interface Follower extends FollowerRequest {
  readonly id: string;
  readonly group: string;
}

interface Question {
  readonly order: number;
  /** Called once, with what came of it. */
  readonly answer: (kind: FollowerAnswer["kind"], reason: string) => void;
}

export class Followers {
  readonly #followers = new Map<string, Follower>();
  readonly #questions = new Map<string, Question>();
  readonly #changed: (group: string) => void;
  #nextOrder = 1;

  /** @param changed a group has followers now, or none any more */
  constructor(changed: (group: string) => void) {
    this.#changed = changed;
  }

  names(group: string): readonly string[] {
    return this.#of(group).map(({ name }) => name);
  }

  /** Null where there are too many. Else what ends it; `hello` has been sent. */
  add(group: string, now: { readonly role: ServiceRole; readonly epoch: number }, request: FollowerRequest) {
    if (this.#followers.size >= FOLLOWERS_MAX) return null;
    const id = crypto.randomUUID();
    this.#followers.set(id, { ...request, id, group });
    request.send({ kind: "hello", group, ...now, order: 0, deadlineUs: null, follower: id });
    this.#changed(group);
    return () => this.#remove(id, group);
  }

  acknowledge(group: string, ack: Acknowledgement): AckOutcome {
    if (this.#followers.get(ack.follower)?.group !== group) return "noSuchFollower";
    const question = this.#questions.get(ack.follower);
    if (question?.order !== ack.order) return "notAsked";
    question.answer(ack.ok ? "yes" : "no", ack.reason);
    return "taken";
  }

  /** Word that nobody waits for. */
  tell(group: string, role: ServiceRole, epoch: number): void {
    for (const follower of this.#of(group)) {
      follower.send({ kind: role, group, role, epoch, order: 0, deadlineUs: null });
    }
  }

  /** Asks all followers of the group at once; resolves when each has answered, gone, or let its time pass. */
  async ask(
    group: string,
    role: ServiceRole,
    epoch: number,
    limits: { readonly deadlineUs: number | null; readonly signal: AbortSignal },
  ): Promise<readonly FollowerAnswer[]> {
    const order = this.#nextOrder++;
    const leftUs = limits.deadlineUs === null ? Infinity : limits.deadlineUs - monotonicUs();
    return await Promise.all(
      this.#of(group).map((follower) => {
        const deadlineUs = Math.max(0, Math.min(follower.patienceUs, leftUs));
        const answer = this.#question(follower, order, deadlineUs, limits.signal);
        follower.send({ kind: `becoming-${role}`, group, role, epoch, order, deadlineUs });
        return answer;
      }),
    );
  }

  #question(follower: Follower, order: number, patienceUs: number, signal: AbortSignal): Promise<FollowerAnswer> {
    // Who has not answered the order before this one will not be heard about it any more.
    this.#questions.get(follower.id)?.answer("late", "");
    return new Promise((resolve) => {
      const answer = (kind: FollowerAnswer["kind"], reason: string) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        if (this.#questions.get(follower.id)?.order === order) this.#questions.delete(follower.id);
        resolve({ name: follower.name, kind, reason });
      };
      const abort = () => answer("late", "");
      const timer = setTimeout(abort, patienceUs / 1000);
      signal.addEventListener("abort", abort);
      this.#questions.set(follower.id, { order, answer });
    });
  }

  #of(group: string): Follower[] {
    return [...this.#followers.values()].filter((one) => one.group === group);
  }

  #remove(id: string, group: string): void {
    if (!this.#followers.delete(id)) return;
    this.#questions.get(id)?.answer("gone", "");
    this.#changed(group);
  }
}
