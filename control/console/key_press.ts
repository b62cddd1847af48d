/** What a key does, depending on where the operator is. Pure. */
import { itemsOf, selectedItem } from "./dashboard.ts";
import type { Key } from "./keys.ts";
import { groupsOf, type GroupView } from "./pair.ts";
import type { Order, Reduced } from "./reduce.ts";
import { pageOf } from "./screen.ts";
import { nextNode, outputKey, serviceOf } from "./service_page.ts";
import { answers, type ConsoleState, type Mode, type Plan } from "./state.ts";
import { maintenanceOf, serviceId } from "./troubles.ts";

/** As if Ctrl-C had ended it. */
const INTERRUPTED = 130;
const FILTER_MAX = 40;
const PAGE = 10;

export function pressKey(state: ConsoleState, key: Key): Reduced {
  if (key === "interrupt") return { state, orders: [{ kind: "quit", code: INTERRUPTED }] };
  const { mode } = state;
  switch (mode.kind) {
    case "dashboard":
      return pressOnDashboard(state, key);
    case "filter":
      return still(pressInFilter(state, key));
    case "help":
    case "detail":
      return pressOnPage(state, mode, key);
    case "plan":
      return pressInPlan(state, mode, key);
    case "maintenance":
      return pressInMaintenance(state, mode, key);
    default:
      return mode satisfies never;
  }
}

function still(state: ConsoleState): Reduced {
  return { state, orders: [] };
}

function back(state: ConsoleState): Reduced {
  return still({ ...state, mode: { kind: "dashboard" } });
}

/** A printable key as its letter, others by their name in brackets: no letter can be taken for one. */
function name(key: Key): string {
  return typeof key === "string" ? `<${key}>` : key.text;
}

function pressOnDashboard(state: ConsoleState, key: Key): Reduced {
  const word = name(key);
  if (state.extra.keys.some((it) => it.key === word)) return { state, orders: [{ kind: "extra", key: word }] };
  const moved = move(state, word);
  if (moved !== null) return still(moved);
  switch (word) {
    case "q":
      return { state, orders: [{ kind: "quit", code: 0 }] };
    case "?":
    case "h":
      return still({ ...state, mode: { kind: "help", offset: 0 } });
    case "/":
      return still({ ...state, mode: { kind: "filter" } });
    case "<escape>":
      return still({ ...state, filter: "" });
    case "<enter>":
    case "<right>":
      return openDetails(state);
    case "s":
      return planSwitchover(state);
    case "m":
      return planMaintenance(state);
    default:
      return still(state);
  }
}

/** Where a key moves the cursor; null for keys that do not. */
function move(state: ConsoleState, word: string): ConsoleState | null {
  const sections = itemsOf(state).filter((ids) => ids.length > 0), ids = sections.flat();
  const selected = selectedItem(state), at = selected === null ? 0 : ids.indexOf(selected);
  const to = (index: number) => ({ ...state, selected: ids[Math.max(0, Math.min(ids.length - 1, index))] ?? null });
  const section = sections.findIndex((list) => selected !== null && list.includes(selected));
  const jump = (by: number) => ({
    ...state,
    selected: sections[(section + by + sections.length) % Math.max(1, sections.length)]?.[0] ?? null,
  });
  switch (word) {
    case "<down>":
    case "j":
      return to(at + 1);
    case "<up>":
    case "k":
      return to(at - 1);
    case "<pageDown>":
      return to(at + PAGE);
    case "<pageUp>":
      return to(at - PAGE);
    case "<home>":
    case "g":
      return to(0);
    case "<end>":
    case "G":
      return to(ids.length - 1);
    case "<tab>":
      return jump(1);
    case "<backTab>":
      return jump(-1);
    default:
      return null;
  }
}

function openDetails(state: ConsoleState): Reduced {
  const item = selectedItem(state);
  if (item === null) return still(state);
  return asking({ ...state, outputs: new Map(), mode: { kind: "detail", item, offset: 0 } });
}

function asking(state: ConsoleState): Reduced {
  const order = outputOrder(state);
  return { state, orders: order === null ? [] : [order] };
}

/** For the output that is on the screen; null where none is. */
export function outputOrder(state: ConsoleState): Extract<Order, { kind: "output" }> | null {
  if (state.mode.kind !== "detail") return null;
  const { item } = state.mode, view = serviceOf(state, item);
  if (view === null) return null;
  const { shown: { daemon, node }, group, name: service } = view;
  return { kind: "output", daemon, key: outputKey(item, node), group, service };
}

function pressInFilter(state: ConsoleState, key: Key): ConsoleState {
  if (typeof key !== "string") return { ...state, filter: (state.filter + key.text).slice(0, FILTER_MAX) };
  switch (key) {
    case "enter":
      return { ...state, mode: { kind: "dashboard" } };
    case "escape":
      return { ...state, filter: "", mode: { kind: "dashboard" } };
    case "backspace":
      return { ...state, filter: [...state.filter].slice(0, -1).join("") };
    default:
      return move(state, name(key)) ?? state;
  }
}

function pressOnPage(state: ConsoleState, mode: Extract<Mode, { offset: number }>, key: Key): Reduced {
  const word = name(key), { room, fromEnd } = pageOf(state);
  const to = (offset: number) => still({ ...state, mode: { ...mode, offset: Math.max(0, Math.min(room, offset)) } });
  // What begins at its end is scrolled the other way round.
  const scroll = (by: number) => to(Math.min(room, mode.offset) + (fromEnd ? -by : by));
  switch (word) {
    case "q":
      return { state, orders: [{ kind: "quit", code: 0 }] };
    case "<tab>": {
      const view = mode.kind === "detail" ? serviceOf(state, mode.item) : null;
      if (mode.kind !== "detail" || view === null) return still(state);
      return asking({ ...state, mode: { ...mode, offset: 0, node: nextNode(view) } });
    }
    case "<home>":
    case "g":
      return to(fromEnd ? room : 0);
    case "<end>":
    case "G":
      return to(fromEnd ? 0 : room);
    case "<down>":
    case "j":
      return scroll(1);
    case "<up>":
    case "k":
      return scroll(-1);
    case "<pageDown>":
    case " ":
      return scroll(PAGE);
    case "<pageUp>":
      return scroll(-PAGE);
    case "<escape>":
    case "<left>":
    case "<backspace>":
      return back(state);
    case "<enter>":
    case "?":
      return mode.kind === "help" ? back(state) : still(state);
    default:
      return still(state);
  }
}

/** Of the group that the line under the cursor is about, else of the first one; Tab chooses another one. */
function planSwitchover(state: ConsoleState): Reduced {
  const groups = groupsOf(state), item = selectedItem(state) ?? "";
  const entry = state.timeline.find(({ id }) => id === item);
  const about = entry?.type === "entry" ? entry.entry.group : undefined;
  const view = groups.find(({ pair, name: group }) =>
    item === `group:${pair}/${group}` || item.startsWith(serviceId(pair, group, "")) || about === group
  );
  return planning(state, view ?? groups[0]);
}

function planning(state: ConsoleState, view: GroupView | undefined): Reduced {
  if (view === undefined) return still(state);
  // The one that takes over writes the receipt that tells most; the one that serves can be asked as well.
  const side = view.sides.find(({ node }) => !view.owners.includes(node)) ?? view.sides[0]!;
  const from = view.owners[0] ?? null, peer = state.daemons[side.daemon]?.status?.peer.name ?? null;
  const plan: Plan = {
    group: view.name,
    pair: view.pair,
    from,
    to: from === null ? null : from === side.node ? peer : side.node,
    daemon: side.daemon,
  };
  const serving = view.sides.find(({ node, daemon }) => node === from && daemon !== side.daemon);
  return {
    state: { ...state, mode: { kind: "plan", plan, stage: { kind: "asking" }, offset: 0 } },
    orders: [{ kind: "rehearse", daemon: side.daemon, beside: serving?.daemon ?? null, group: view.name }],
  };
}

function pressInPlan(state: ConsoleState, mode: Extract<Mode, { kind: "plan" }>, key: Key): Reduced {
  const word = name(key), { plan, stage } = mode;
  if (word === "<tab>" && (stage.kind === "planned" || stage.kind === "asking")) {
    const groups = groupsOf(state), at = groups.findIndex((it) => it.pair === plan.pair && it.name === plan.group);
    return planning(state, groups[(at + 1) % Math.max(1, groups.length)]);
  }
  if (stage.kind === "planned" && (word === "n" || word === "N")) return back(state);
  if (stage.kind !== "planned" || (word !== "y" && word !== "Y")) return pressOnPage(state, mode, key);
  const { group, to, daemon } = plan;
  return {
    state: { ...state, mode: { ...mode, stage: { kind: "moving", sinceMs: state.nowMs }, offset: 0 } },
    orders: [{ kind: "switchover", daemon, group, to }],
  };
}

/** Of the node that the line under the cursor is about, else of the first one that answers; Tab chooses another one. */
function planMaintenance(state: ConsoleState): Reduced {
  const item = selectedItem(state) ?? "";
  const chosen = state.daemons.findIndex((it) =>
    answers(it) && [`nodes:${it.status.pair}/${it.status.node}`, `alarm:${it.status.node}/maintenance`].includes(item)
  );
  return maintaining(state, chosen >= 0 ? chosen : state.daemons.findIndex(answers));
}

function maintaining(state: ConsoleState, daemon: number): Reduced {
  if (daemon < 0) return still(state);
  const on = maintenanceOf(state.daemons[daemon]!.status) !== true;
  return still({ ...state, mode: { kind: "maintenance", daemon, on, stage: { kind: "asking" } } });
}

function pressInMaintenance(state: ConsoleState, mode: Extract<Mode, { kind: "maintenance" }>, key: Key): Reduced {
  const word = name(key);
  if (word === "q") return { state, orders: [{ kind: "quit", code: 0 }] };
  if (mode.stage.kind !== "asking") return word === "<escape>" || word === "<enter>" ? back(state) : still(state);
  switch (word) {
    case "y":
    case "Y":
      return {
        state: { ...state, mode: { ...mode, stage: { kind: "ordered" } } },
        orders: [{ kind: "maintenance", daemon: mode.daemon, on: mode.on }],
      };
    case "<tab>":
    case "<down>":
    case "<up>": {
      const all = state.daemons.flatMap((it, i) => answers(it) ? [i] : []), by = word === "<up>" ? all.length - 1 : 1;
      return maintaining(state, all[(all.indexOf(mode.daemon) + by) % all.length] ?? -1);
    }
    case "n":
    case "N":
    case "<escape>":
      return back(state);
    default:
      return still(state);
  }
}
