/** Answer of `GET /v1/groups/GROUP/rehearsal`: what a switchover would cost now. Pure. */

export interface Rehearsal {
  readonly group: string;
  readonly from: string;
  readonly to: string;
  readonly possible: boolean;
  readonly predictedGapUs: number | null;
  readonly predictedUs: number | null;
  /** What the numbers come from. */
  readonly basis: string;
  /** Since the beginning of the switch. */
  readonly steps: readonly { readonly step: string; readonly us: number }[];
  readonly survives: readonly string[];
  readonly doesNot: readonly { readonly what: string; readonly why: string }[];
  readonly notReady: readonly string[];
}

/** Reads the answer of a daemon that may be of another version: what is missing is empty, what is no rehearsal is null. */
export function readRehearsal(value: unknown): Rehearsal | null {
  if (!isObject(value) || typeof value["possible"] !== "boolean") return null;
  return {
    group: text(value["group"]),
    from: text(value["from"]),
    to: text(value["to"]),
    possible: value["possible"],
    predictedGapUs: number(value["predicted_gap_us"]),
    predictedUs: number(value["predicted_us"]),
    basis: text(value["basis"]),
    steps: list(value["steps"]).filter(isObject).map((step) => ({
      step: text(step["step"]),
      us: number(step["us"]) ?? 0,
    })),
    survives: list(value["survives"]).map(text),
    doesNot: list(value["does_not"]).filter(isObject).map((it) => ({ what: text(it["what"]), why: text(it["why"]) })),
    notReady: list(value["not_ready"]).map(text),
  };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** No daemon has a reason for more, and a screen has no room for it. */
const LIST_MAX = 200;

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, LIST_MAX) : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value);
}

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/**
 * What the node that would take over says, with what the one that serves knows better: who depends on it. Both are asked where both can be.
 */
export function withServing(taking: Rehearsal, serving: Rehearsal | null): Rehearsal {
  if (serving === null) return taking;
  return {
    ...taking,
    possible: taking.possible && serving.possible,
    doesNot: serving.doesNot,
    notReady: [...new Set([...taking.notReady, ...serving.notReady])],
  };
}
