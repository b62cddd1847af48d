/**
 * The arbiter's store, played: one key and its leases on a machine of its own, with a clock of its own; what is between it and each node; and
 * all that a network and retries may do to a question: it comes late, twice, or has no answer.
 */
import { type Claim, type Claimed, type Store, StoreError } from "../../control/arbiter/store.ts";
import type { NodeIndex } from "./network.ts";
import type { ProcessClock } from "./node.ts";
import type { Random } from "./random.ts";

const MS = 1000;
export const TTL_US = 5_000 * MS;
/** After so long the client gives up; what it has asked may happen all the same. */
const REQUEST_US = 1_000 * MS;
const STALE_US = 4_000 * MS;

export class SimEtcd {
  /** Both directions, by node. */
  readonly reach = [true, true];
  /** Stopped: it answers nobody, and does what has arrived when it goes on. */
  stopped = false;
  /** Of answers that are lost though the question has had its effect; of questions that are asked twice. */
  loss = 0;
  doubled = 0;
  slowUs = 5 * MS;
  key: (Claim & { readonly lease: string }) | null = null;
  readonly #leases = new Map<string, number>();
  #next = 0;
  #waiting: (() => void)[] = [];
  /** Against the world's clock; set before anything happens. */
  rate = 1;
  readonly #random: Random;
  readonly #now: () => number;
  readonly #at: (worldUs: number, act: () => void) => void;

  constructor(random: Random, now: () => number, at: (worldUs: number, act: () => void) => void) {
    this.#random = random;
    this.#now = now;
    this.#at = at;
  }

  heal(): void {
    this.reach.fill(true);
    this.loss = this.doubled = 0;
    this.slowUs = 5 * MS;
    this.go();
  }

  go(): void {
    this.stopped = false;
    for (const act of this.#waiting.splice(0)) act();
  }

  // ---- what it does

  get #clock(): number {
    return this.#now() * this.rate;
  }

  #expire(): void {
    for (const [id, until] of this.#leases) if (until <= this.#clock) this.#end(id);
  }

  #end(id: string): void {
    this.#leases.delete(id);
    if (this.key?.lease === id) this.key = null;
  }

  grant(): { readonly id: string; readonly ttlUs: number } {
    const id = `${++this.#next}`;
    this.#leases.set(id, this.#clock + TTL_US);
    return { id, ttlUs: TTL_US };
  }

  renew(id: string): number | null {
    this.#expire();
    if (!this.#leases.has(id)) return null;
    this.#leases.set(id, this.#clock + TTL_US);
    return TTL_US;
  }

  revoke(id: string): void {
    this.#end(id);
  }

  claim(id: string, claim: Claim): Claimed {
    this.#expire();
    if (!this.#leases.has(id)) return { kind: "leaseGone" };
    if (this.key !== null && this.key.node !== claim.node) {
      return { kind: "taken", by: `${this.key.node} has the arbiter's key` };
    }
    if (this.key?.lease !== id) this.key = { ...claim, lease: id };
    return { kind: "ours" };
  }

  // ---- what is between it and a process

  storeFor(index: NodeIndex, clock: ProcessClock): Store {
    const ask = <T>(act: () => T) => this.#ask(index, clock, act);
    return {
      grant: () => ask(() => this.grant()),
      renew: (id) => ask(() => this.renew(id)),
      revoke: (id) => ask(() => this.revoke(id)),
      claim: (id, claim) => ask(() => this.claim(id, claim)),
    };
  }

  #ask<T>(index: NodeIndex, clock: ProcessClock, act: () => T): Promise<T> {
    const random = this.#random;
    return new Promise((resolve, reject) => {
      const giveUp = clock.after(REQUEST_US, () => reject(new StoreError("no answer")));
      if (!this.reach[index]) return;
      const delay = () => this.#now() + random.int(100, this.slowUs);
      if (random.chance(this.doubled)) this.#at(this.#now() + random.int(0, STALE_US), () => this.#arrive(act));
      this.#at(delay(), () =>
        this.#arrive(() => {
          const result = act();
          if (random.chance(this.loss)) return;
          this.#at(delay(), () => {
            if (!this.reach[index]) return;
            clock.run(() => {
              giveUp();
              resolve(result);
            });
          });
        }));
    });
  }

  #arrive(act: () => void): void {
    if (this.stopped) this.#waiting.push(act);
    else act();
  }
}
