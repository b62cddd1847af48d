/**
 * Keeps this node's lease in the arbiter's store, so that a claim is one transaction; claims the key when the core says so, tells it of every
 * answer, and gives the key back.
 *
 * Each claim has a lease of its own. Giving it back ends that lease: a transaction that is still under way somewhere then fails, however
 * late it arrives. Times that the core gets are counted from before the request left.
 */
import type { ArbiterWord } from "../core/arbiter.ts";
import { RATE_MARGIN } from "../core/entitled.ts";
import type { Clock } from "../state/clock.ts";
import type { Store, StoreLease } from "./store.ts";

export interface KeeperParts {
  readonly store: Store;
  readonly clock: Pick<Clock, "nowUs" | "after">;
  readonly node: string;
  readonly run: string;
  /** Between two renewals. */
  readonly renewUs: () => number;
  /** To the core. */
  readonly tell: (order: number, word: ArbiterWord) => void;
  /** Why the arbiter cannot be used; null: it can. Each time that this is learnt. */
  readonly health: (reason: string | null) => void;
}

export interface KeeperStatus {
  /** Null before the first answer. */
  readonly reachable: boolean | null;
  readonly reason: string | null;
  /** How long the last answer took. */
  readonly answer_ms: number | null;
  /** The key is wanted, as the peer is not heard. */
  readonly asked: boolean;
  readonly ours: boolean;
  /** Why it is not, if it is wanted. */
  readonly refused: string | null;
}

interface Held extends StoreLease {
  /** It lives until then at least. */
  untilUs: number;
}

/** After a refusal or a failure. The core counts in hundreds of milliseconds. */
const RETRY_US = 100_000;
/** While the nodes hear each other nobody waits for it. */
const KEEP_RETRY_US = 1_000_000;

export class Keeper {
  readonly #p: KeeperParts;
  #lease: Held | null = null;
  /** Of claims that were given back; they are ended as soon as somebody answers, or end by themselves. */
  #retired: Held[] = [];
  #order: number | null = null;
  #ours = false;
  #refused: string | null = null;
  #reachable: boolean | null = null;
  #reason: string | null = null;
  #answerUs: number | null = null;
  #closed = false;
  #pauses: (() => void)[] = [];

  constructor(parts: KeeperParts) {
    this.#p = parts;
  }

  start(): void {
    void this.#keep();
  }

  /** Asks until it is released, or another order comes. */
  claim(order: number): void {
    this.#order = order;
    this.#ours = false;
    this.#refused = null;
    void this.#pursue(order);
  }

  /** The core counts on nothing of it any more. */
  release(order: number): void {
    if (this.#order === order) this.#letGo();
  }

  #letGo(): void {
    this.#order = null;
    this.#ours = false;
    this.#refused = null;
    if (this.#lease !== null) this.#retired.push(this.#lease);
    this.#lease = null;
    this.#wake();
  }

  /** The lease is ended, if somebody answers soon enough, so that the peer need not wait for its end. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#letGo();
    await this.#retire();
  }

  status(): KeeperStatus {
    return {
      reachable: this.#reachable,
      reason: this.#reason,
      answer_ms: this.#answerUs === null ? null : Math.round(this.#answerUs / 100) / 10,
      asked: this.#order !== null,
      ours: this.#ours,
      refused: this.#refused,
    };
  }

  // ---- while the nodes hear each other

  async #keep(): Promise<void> {
    while (!this.#closed) {
      if (this.#order === null) {
        try {
          await this.#retire();
          await this.#renewed();
          this.#well();
        } catch (error) {
          this.#ill(error);
        }
      }
      await this.#pause(this.#reachable === false ? Math.min(this.#p.renewUs(), KEEP_RETRY_US) : this.#p.renewUs());
    }
  }

  async #retire(): Promise<void> {
    const now = this.#p.clock.nowUs();
    for (const lease of this.#retired.filter(({ untilUs }) => untilUs > now)) {
      try {
        await this.#p.store.revoke(lease.id);
      } catch {
        // It ends by itself, and until then it is tried again.
        continue;
      }
      this.#retired = this.#retired.filter((one) => one !== lease);
    }
    this.#retired = this.#retired.filter(({ untilUs }) => untilUs > now);
  }

  /** A lease whose time begins now: the one that there is, or a new one. */
  async #renewed(): Promise<Held> {
    const lease = this.#lease;
    if (lease === null) return await this.#granted();
    const sentUs = this.#p.clock.nowUs();
    const ttlUs = await this.#p.store.renew(lease.id);
    if (ttlUs === null) {
      if (this.#lease === lease) this.#lease = null;
      return await this.#granted();
    }
    lease.untilUs = Math.max(lease.untilUs, sentUs + lifeOf(ttlUs));
    return lease;
  }

  async #granted(): Promise<Held> {
    const sentUs = this.#p.clock.nowUs();
    const lease = await this.#p.store.grant();
    const held = { ...lease, untilUs: sentUs + lifeOf(lease.ttlUs) };
    if (this.#lease !== null) return this.#lease;
    return this.#lease = held;
  }

  // ---- while the key is wanted

  async #pursue(order: number): Promise<void> {
    for (let first = true; this.#order === order; first = false) {
      const word = await this.#ask(order, first);
      if (this.#order !== order) return;
      this.#ours = word.word === "held" || (word.word === "failed" && this.#ours);
      this.#refused = word.word === "held" ? null : word.reason;
      this.#p.tell(order, word);
      // What was held at once stood under a lease that has been alive for a while.
      if (word.word === "held" && first) continue;
      await this.#pause(word.word === "held" ? this.#p.renewUs() : RETRY_US);
    }
  }

  async #ask(order: number, first: boolean): Promise<ArbiterWord> {
    const { store, clock, node, run } = this.#p, sentUs = clock.nowUs();
    try {
      const ready = this.#lease;
      const young = ready !== null && ready.untilUs - sentUs > ready.ttlUs / 2;
      const lease = first && young ? ready : await this.#renewed();
      const claimed = await store.claim(lease.id, { node, run, order });
      this.#answerUs = clock.nowUs() - sentUs;
      this.#well();
      switch (claimed.kind) {
        case "ours":
          return { word: "held", untilUs: lease.untilUs };
        case "taken":
          return { word: "taken", reason: claimed.by };
        case "leaseGone":
          if (this.#lease === lease) this.#lease = null;
          return { word: "taken", reason: "our lease had run out" };
        default:
          return claimed satisfies never;
      }
    } catch (error) {
      return { word: "failed", reason: this.#ill(error) };
    }
  }

  // ---- both

  #well(): void {
    this.#reachable = true;
    this.#reason = null;
    this.#p.health(null);
  }

  #ill(error: unknown): string {
    this.#reachable = false;
    this.#reason = error instanceof Error ? error.message : String(error);
    if (!this.#closed) this.#p.health(this.#reason);
    return this.#reason;
  }

  #pause(us: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        this.#pauses = this.#pauses.filter((one) => one !== end);
        resolve();
      };
      const cancel = this.#p.clock.after(us, end);
      this.#pauses.push(end);
    });
  }

  /** Who waits, looks again. */
  #wake(): void {
    for (const end of [...this.#pauses]) end();
  }
}

/** By this machine's clock, which may be the faster one. */
function lifeOf(ttlUs: number): number {
  return Math.floor(ttlUs * (1 - RATE_MARGIN));
}
