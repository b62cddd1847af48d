/** Whether this node may be primary of a group: tracks and services have a say each, and all of them must agree. Pure. */

/** Who has a say. */
export type EligibilitySource = "tracks" | "services";

export interface Verdict {
  readonly ok: boolean;
  /** Empty if it is. */
  readonly reason: string;
}

const FIT: Verdict = { ok: true, reason: "" };

export class Eligibility {
  readonly #said: Readonly<Record<EligibilitySource, Map<string, Verdict>>> = {
    tracks: new Map(),
    services: new Map(),
  };
  readonly #told = new Map<string, Verdict>();
  readonly #tell: (group: string, verdict: Verdict) => void;
  #suspended: boolean;

  /**
   * @param tell what holds for a group, when it has changed; a group that was never told may be served
   * @param suspended from the beginning
   */
  constructor(tell: (group: string, verdict: Verdict) => void, suspended = false) {
    this.#tell = tell;
    this.#suspended = suspended;
  }

  say(source: EligibilitySource, group: string, verdict: Verdict): void {
    this.#said[source].set(group, verdict);
    this.#judge(group);
  }

  /** What one source has said of each group. */
  saidBy(source: EligibilitySource): ReadonlyMap<string, Verdict> {
    return this.#said[source];
  }

  /** While it is suspended nothing moves a group; what was said meanwhile counts afterwards. */
  suspend(on: boolean): void {
    this.#suspended = on;
    for (const group of new Set(Object.values(this.#said).flatMap((said) => [...said.keys()]))) this.#judge(group);
  }

  #judge(group: string): void {
    const against = Object.values(this.#said).map((said) => said.get(group) ?? FIT).filter(({ ok }) => !ok);
    const verdict = this.#suspended || against.length === 0
      ? FIT
      : { ok: false, reason: against.map(({ reason }) => reason).join("; ") };
    const before = this.#told.get(group) ?? FIT;
    if (before.ok === verdict.ok && before.reason === verdict.reason) return;
    this.#told.set(group, verdict);
    this.#tell(group, verdict);
  }
}
