/** Whether this node may be primary of a group: tracks, services and its copy of the state have a say each, and all must agree. Pure. */

/** Who has a say. */
export type EligibilitySource = "tracks" | "services" | "state";

export interface Verdict {
  readonly ok: boolean;
  /** Empty if it is. */
  readonly reason: string;
}

/** What all say together. */
export interface JointVerdict extends Verdict {
  /** Something is amiss that somebody has to look at: a copy of the state that is not whole yet mends itself. */
  readonly alarming: boolean;
}

const FIT: JointVerdict = { ok: true, reason: "", alarming: false };

export class Eligibility {
  readonly #said: Readonly<Record<EligibilitySource, Map<string, Verdict>>> = {
    tracks: new Map(),
    services: new Map(),
    state: new Map(),
  };
  readonly #told = new Map<string, JointVerdict>();
  readonly #tell: (group: string, verdict: JointVerdict) => void;
  #suspended: boolean;

  /**
   * @param tell what holds for a group, when it has changed; a group that was never told may be served
   * @param suspended from the beginning
   */
  constructor(tell: (group: string, verdict: JointVerdict) => void, suspended = false) {
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

  /** While it is suspended nothing moves a group but a copy of the state that must not be served; what was said meanwhile counts afterwards. */
  suspend(on: boolean): void {
    this.#suspended = on;
    for (const group of new Set(Object.values(this.#said).flatMap((said) => [...said.keys()]))) this.#judge(group);
  }

  #judge(group: string): void {
    const sources: readonly EligibilitySource[] = this.#suspended ? ["state"] : ["tracks", "services", "state"];
    const against = sources.filter((source) => !(this.#said[source].get(group) ?? FIT).ok);
    const reason = against.map((source) => this.#said[source].get(group)!.reason).join("; ");
    const alarming = against.some((source) => source !== "state");
    const verdict = against.length === 0 ? FIT : { ok: false, reason, alarming };
    const before = this.#told.get(group) ?? FIT;
    if (before.ok === verdict.ok && before.reason === verdict.reason) return;
    this.#told.set(group, verdict);
    this.#tell(group, verdict);
  }
}
