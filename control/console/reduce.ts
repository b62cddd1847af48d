/** From what happens to what is known: the console's only way to change its state. Pure. */
import type { EntryJson, ReceiptJson, StatusJson } from "../api/json.ts";
import { addSample, type PathHistory } from "./history.ts";
import type { Key } from "./keys.ts";
import { outputOrder, pressKey } from "./key_press.ts";
import { doubtsOf, pathKey } from "./pair.ts";
import type { Rehearsal } from "./rehearsal.ts";
import {
  type ConsoleState,
  type Daemon,
  type Extra,
  type Happening,
  type ServiceOutput,
  TIMELINE_MAX,
} from "./state.ts";

export type ConsoleEvent =
  | { readonly kind: "keys"; readonly keys: readonly Key[] }
  | { readonly kind: "size"; readonly columns: number; readonly rows: number }
  /** Time goes on. */
  | { readonly kind: "tick"; readonly nowMs: number }
  | { readonly kind: "status"; readonly daemon: number; readonly status: StatusJson; readonly nowMs: number }
  | { readonly kind: "lost"; readonly daemon: number; readonly reason: string; readonly nowMs: number }
  | { readonly kind: "entry"; readonly daemon: number; readonly entry: EntryJson }
  /** Said by the console or by who embeds it. */
  | { readonly kind: "said"; readonly id: string; readonly at: string; readonly node: string; readonly text: string }
  | { readonly kind: "extra"; readonly extra: Extra }
  /** Of the group that was asked about: another one may have been chosen meanwhile. */
  | {
    readonly kind: "rehearsed";
    readonly group: string;
    readonly rehearsal: Rehearsal | null;
    readonly remark: string;
  }
  | { readonly kind: "switched"; readonly receipt: ReceiptJson }
  | { readonly kind: "refused"; readonly text: string }
  | { readonly kind: "maintained" }
  | { readonly kind: "output"; readonly key: string; readonly output: ServiceOutput };

/** What is to be done outside. */
export type Order =
  /** `beside`: the daemon that serves, if it is another one: it can count what will not survive. */
  | { readonly kind: "rehearse"; readonly daemon: number; readonly beside: number | null; readonly group: string }
  | { readonly kind: "switchover"; readonly daemon: number; readonly group: string; readonly to: string | null }
  | { readonly kind: "maintenance"; readonly daemon: number; readonly on: boolean }
  | {
    readonly kind: "output";
    readonly daemon: number;
    readonly key: string;
    readonly group: string;
    readonly service: string;
  }
  | { readonly kind: "extra"; readonly key: string }
  | { readonly kind: "quit"; readonly code: number };

export interface Reduced {
  readonly state: ConsoleState;
  readonly orders: readonly Order[];
}

/** A step of a switch that is played is shown for this long. */
export const PLAY_STEP_MS = 120;

export function reduce(state: ConsoleState, event: ConsoleEvent): Reduced {
  switch (event.kind) {
    case "keys": {
      const orders: Order[] = [];
      let now = state;
      for (const key of event.keys) {
        const after = pressKey(now, key);
        now = after.state;
        orders.push(...after.orders);
      }
      return { state: now, orders };
    }
    case "size":
      return same({ ...state, columns: event.columns, rows: event.rows });
    case "tick":
      return same(playOn(doubting({ ...state, nowMs: event.nowMs })));
    case "status":
      return outputAgain(doubting(heard(state, event)), event.daemon);
    case "lost":
      return same(doubting(lose(state, event)));
    case "entry":
      return same(remember(state, entryHappening(state, event.daemon, event.entry)));
    case "said":
      return same(remember(state, { type: "said", id: event.id, at: event.at, node: event.node, text: event.text }));
    case "extra":
      return same({ ...state, extra: event.extra });
    case "output":
      return same({ ...state, outputs: new Map([...state.outputs, [event.key, event.output]]) });
    case "rehearsed":
    case "switched":
    case "refused":
    case "maintained":
      return same(answered(state, event));
    default:
      return event satisfies never;
  }
}

function same(state: ConsoleState): Reduced {
  return { state, orders: [] };
}

function doubting(state: ConsoleState): ConsoleState {
  const doubts = doubtsOf(state);
  return doubts.size === 0 && state.doubts.size === 0 ? state : { ...state, doubts };
}

function withDaemon(state: ConsoleState, index: number, change: (daemon: Daemon) => Daemon): ConsoleState {
  return { ...state, daemons: state.daemons.map((daemon, i) => i === index ? change(daemon) : daemon) };
}

/** What a service prints is looked at again with each status while its page is open. */
function outputAgain(state: ConsoleState, daemon: number): Reduced {
  const order = outputOrder(state);
  return { state, orders: order !== null && order.daemon === daemon ? [order] : [] };
}

function lose(state: ConsoleState, { daemon: index, reason, nowMs }: Extract<ConsoleEvent, { kind: "lost" }>) {
  // Where nobody answers, time goes on all the same.
  return withDaemon(
    { ...state, nowMs: Math.max(state.nowMs, nowMs) },
    index,
    (daemon) => ({ ...daemon, lost: reason, lostAtMs: daemon.lostAtMs ?? nowMs }),
  );
}

function heard(state: ConsoleState, event: Extract<ConsoleEvent, { kind: "status" }>): ConsoleState {
  const { status, nowMs } = event;
  return withDaemon({ ...state, nowMs: Math.max(state.nowMs, nowMs) }, event.daemon, (daemon) => {
    // Paths that are gone take their history along.
    const histories = new Map<string, PathHistory>();
    for (const path of status.paths) {
      const key = pathKey(path);
      histories.set(key, addSample(daemon.histories.get(key) ?? [], path, nowMs));
    }
    return { ...daemon, status, lost: null, lostAtMs: null, histories };
  });
}

function entryHappening(state: ConsoleState, daemon: number, entry: EntryJson): Happening {
  const node = entry.type === "switch" ? entry.node : state.daemons[daemon]?.status?.node ?? "";
  return { type: "entry", id: `entry:${daemon}/${entry.id}`, at: entry.at, node, entry };
}

/** Newest first, by the time of day that each carries; what is known already, after a new connection, is not added twice. */
function remember(state: ConsoleState, it: Happening): ConsoleState {
  const { timeline } = state;
  if (timeline.some(({ id }) => id === it.id)) return state;
  const at = timeline.findIndex((other) => other.at <= it.at);
  const place = at < 0 ? timeline.length : at;
  return { ...state, timeline: [...timeline.slice(0, place), it, ...timeline.slice(place)].slice(0, TIMELINE_MAX) };
}

/** An answer to an order changes the dialog that gave it; one that comes after it was closed changes nothing. */
function answered(
  state: ConsoleState,
  event: Extract<ConsoleEvent, { kind: "rehearsed" | "switched" | "refused" | "maintained" }>,
): ConsoleState {
  const { mode } = state;
  if (mode.kind === "plan") {
    if (event.kind === "rehearsed" && mode.stage.kind === "asking" && mode.plan.group === event.group) {
      const { rehearsal, remark } = event;
      return { ...state, mode: { ...mode, stage: { kind: "planned", rehearsal, remark } } };
    }
    if (mode.stage.kind !== "moving") return state;
    if (event.kind === "switched") {
      return { ...state, mode: { ...mode, stage: { kind: "played", receipt: event.receipt, shown: 0 } } };
    }
    if (event.kind === "refused") return { ...state, mode: { ...mode, stage: { kind: "failed", text: event.text } } };
  }
  if (mode.kind === "maintenance" && mode.stage.kind === "ordered") {
    if (event.kind === "maintained") return { ...state, mode: { ...mode, stage: { kind: "done" } } };
    if (event.kind === "refused") return { ...state, mode: { ...mode, stage: { kind: "failed", text: event.text } } };
  }
  return state;
}

/** The next step of a receipt that is being played. */
function playOn(state: ConsoleState): ConsoleState {
  const { mode } = state;
  if (mode.kind !== "plan" || mode.stage.kind !== "played") return state;
  const { receipt, shown } = mode.stage;
  if (shown >= receipt.steps.length) return state;
  return { ...state, mode: { ...mode, stage: { kind: "played", receipt, shown: shown + 1 } } };
}

/** Whether a receipt is being played: ticks are wanted every `PLAY_STEP_MS`. */
export function isPlaying({ mode }: ConsoleState): boolean {
  return mode.kind === "plan" && mode.stage.kind === "played" && mode.stage.shown < mode.stage.receipt.steps.length;
}
