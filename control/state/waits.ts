/** Who waits for a write to be as safe as was asked for. Pure but for its timers, which are the caller's. */

export type AckLevel = "local" | "replicated" | "durable";

/** How far a group's writes have come. */
export interface Progress {
  /** On this node's disk. */
  readonly durable: number;
  /** The standby follows: its memory and its disk. Null: it does not, and there is no sense in waiting for it. */
  readonly peer: { readonly received: number; readonly durable: number } | "coming" | null;
}

export interface Outcome {
  /** The standby was away: this node alone has the write. */
  readonly degraded: boolean;
}

interface Waiting {
  readonly lsn: number;
  readonly level: "replicated" | "durable";
  readonly untilUs: number;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (reason: "role" | "disk") => void;
}

/** In order of LSN for each level, so that only the heads are looked at. */
export class Waits {
  readonly #queues: Readonly<Record<"replicated" | "durable", Waiting[]>> = { replicated: [], durable: [] };

  get size(): number {
    return this.#queues.replicated.length + this.#queues.durable.length;
  }

  /** Somebody waits for the disk. */
  get wantsDisk(): boolean {
    return this.#queues.durable.length > 0;
  }

  /** Next time at which somebody gives up on the standby; Infinity if nobody will. Who waits for the own disk alone has done so. */
  nextUs(nowUs: number): number {
    const heads = Object.values(this.#queues).map((queue) => queue[0]?.untilUs ?? Infinity);
    return Math.min(...heads.filter((untilUs) => untilUs > nowUs), Infinity);
  }

  /** Resolves when it is safe enough, or the standby is given up on; rejects where this node may not speak for it any more. */
  add(lsn: number, level: "replicated" | "durable", untilUs: number): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#queues[level].push({ lsn, level, untilUs, resolve, reject });
    });
  }

  /** Something has come further, or time has. */
  settle(progress: Progress, nowUs: number): void {
    for (const queue of Object.values(this.#queues)) {
      while (queue.length > 0) {
        const outcome = outcomeOf(queue[0]!, progress, nowUs);
        if (outcome === null) break;
        queue.shift()!.resolve(outcome);
      }
    }
  }

  /** Nobody knows what becomes of these: another node reigns, or the disk refuses. */
  abandon(reason: "role" | "disk"): void {
    const levels = reason === "disk" ? ["durable"] as const : ["replicated", "durable"] as const;
    for (const level of levels) for (const waiting of this.#queues[level].splice(0)) waiting.reject(reason);
  }
}

/** Null: not yet. */
function outcomeOf({ lsn, level, untilUs }: Waiting, { durable, peer }: Progress, nowUs: number): Outcome | null {
  if (level === "durable" && durable < lsn) return null;
  const alone = peer === null || nowUs >= untilUs;
  if (peer === null || peer === "coming") return alone ? { degraded: true } : null;
  const has = level === "durable" ? peer.durable : peer.received;
  if (has >= lsn) return { degraded: false };
  return alone ? { degraded: true } : null;
}
