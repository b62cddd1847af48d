/** Everything that the console knows: what the daemons said, and where the operator is. Pure data. */
import type { EntryJson, ReceiptJson, StatusJson } from "../api/json.ts";
import type { PathHistory } from "./history.ts";
import type { Rehearsal } from "./rehearsal.ts";

/** Several daemons on this machine may be watched at once. */
export interface Daemon {
  readonly runDir: string;
  /** What it said last; stale once `lost` is set. */
  readonly status: StatusJson | null;
  /** Why nothing is heard of it; null while it answers, or before the first try. */
  readonly lost: string | null;
  /** Milliseconds of the wall clock; null while it answers. */
  readonly lostAtMs: number | null;
  /** By `pathKey`. */
  readonly histories: ReadonlyMap<string, PathHistory>;
}

/** One line of the timeline. `node` wrote it; the console itself or the lab may say something too. */
export type Happening =
  | {
    readonly id: string;
    readonly at: string;
    readonly node: string;
    readonly type: "entry";
    readonly entry: EntryJson;
  }
  | { readonly id: string; readonly at: string; readonly node: string; readonly type: "said"; readonly text: string };

export interface Plan {
  readonly group: string;
  readonly pair: string;
  readonly from: string | null;
  readonly to: string | null;
  /** The daemon that is asked. */
  readonly daemon: number;
}

/** Where the operator is. */
export type Mode =
  | { readonly kind: "dashboard" }
  | { readonly kind: "filter" }
  | { readonly kind: "help"; readonly offset: number }
  /** `node`: whose output of a service the operator chose. */
  | { readonly kind: "detail"; readonly item: string; readonly offset: number; readonly node?: string }
  | { readonly kind: "plan"; readonly plan: Plan; readonly stage: PlanStage; readonly offset: number }
  | { readonly kind: "maintenance"; readonly daemon: number; readonly on: boolean; readonly stage: MaintenanceStage };

export type PlanStage =
  | { readonly kind: "asking" }
  /** `rehearsal` is null where the daemon has none; `remark` says why. */
  | { readonly kind: "planned"; readonly rehearsal: Rehearsal | null; readonly remark: string }
  | { readonly kind: "moving"; readonly sinceMs: number }
  /** `shown` steps of the receipt have been played. */
  | { readonly kind: "played"; readonly receipt: ReceiptJson; readonly shown: number }
  | { readonly kind: "failed"; readonly text: string };

export type MaintenanceStage =
  | { readonly kind: "asking" }
  | { readonly kind: "ordered" }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly text: string };

/** The last output of a service, as far as its daemon gives it. */
export type ServiceOutput =
  | { readonly kind: "lines"; readonly lines: readonly string[] }
  | { readonly kind: "none"; readonly text: string };

/** What somebody who embeds the console adds to it: the lab shows its client and its faults. */
export interface Extra {
  /** Keys that it takes, with what they do at the moment. */
  readonly keys: readonly { readonly key: string; readonly label: string }[];
  /** Shown above the footer. */
  readonly lines: readonly string[];
}

export interface ConsoleState {
  readonly columns: number;
  readonly rows: number;
  /** Milliseconds of the wall clock. */
  readonly nowMs: number;
  readonly daemons: readonly Daemon[];
  /** Groups (`groupKey`) with no owner, or two, as far as is heard, and since when: the daemons speak at different moments. */
  readonly doubts: ReadonlyMap<string, number>;
  /** Newest first. */
  readonly timeline: readonly Happening[];
  readonly mode: Mode;
  /** Id of the item under the cursor; may have gone meanwhile. */
  readonly selected: string | null;
  readonly filter: string;
  /** By `outputKey`. */
  readonly outputs: ReadonlyMap<string, ServiceOutput>;
  readonly extra: Extra;
  readonly colours: boolean;
}

export const TIMELINE_MAX = 500;

export function initialState(runDirs: readonly string[], columns: number, rows: number, nowMs: number): ConsoleState {
  return {
    columns,
    rows,
    nowMs,
    daemons: runDirs.map((runDir) => ({ runDir, status: null, lost: null, lostAtMs: null, histories: new Map() })),
    doubts: new Map(),
    timeline: [],
    mode: { kind: "dashboard" },
    selected: null,
    filter: "",
    outputs: new Map(),
    extra: { keys: [], lines: [] },
    colours: true,
  };
}

/** Whether a daemon's words are of now. */
export function answers(daemon: Daemon): daemon is Daemon & { readonly status: StatusJson } {
  return daemon.status !== null && daemon.lost === null;
}
