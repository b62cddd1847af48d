/** One service: how it is on each node, and what it prints, newest at the end. Pure. */
import type { ServiceSnapshot } from "../core/messages.ts";
import { field, fieldRows, type Page, titleRow } from "./fields.ts";
import { groupsOf } from "./pair.ts";
import { type Row, row, span, wrapText } from "./row.ts";
import { healthText } from "./sections.ts";
import type { ConsoleState } from "./state.ts";
import { serviceId } from "./troubles.ts";

export interface ServiceSide {
  readonly node: string;
  readonly daemon: number;
  readonly serves: boolean;
  readonly service: ServiceSnapshot;
}

export interface ServiceView {
  readonly group: string;
  readonly name: string;
  /** One for each daemon that answers and has it. */
  readonly sides: readonly ServiceSide[];
  /** Whose output is shown. */
  readonly shown: ServiceSide;
}

/** Null where the id is of something else, or nobody has the service any more. */
export function serviceOf(state: ConsoleState, id: string): ServiceView | null {
  for (const { pair, name: group, sides: all } of groupsOf(state)) {
    const sides = all.flatMap((side): ServiceSide[] => {
      const service = side.group.services.find(({ name }) => serviceId(pair, group, name) === id);
      const { node, daemon } = side;
      return service === undefined ? [] : [{ node, daemon, serves: side.group.role === "primary", service }];
    });
    if (sides.length > 0) return { group, name: sides[0]!.service.name, sides, shown: shownOf(state, sides) };
  }
  return null;
}

/** What the operator chose; else where something is wrong; else where it serves. */
function shownOf({ mode }: ConsoleState, sides: readonly ServiceSide[]): ServiceSide {
  const chosen = mode.kind === "detail" ? sides.find(({ node }) => node === mode.node) : undefined;
  const ill = sides.filter(({ service }) => service.healthy === false);
  return chosen ?? (ill.length === 1 ? ill[0] : undefined) ?? sides.find(({ serves }) => serves) ?? sides[0]!;
}

/** The other node's, for Tab. */
export function nextNode({ sides, shown }: ServiceView): string {
  return sides[(sides.indexOf(shown) + 1) % sides.length]!.node;
}

/** By what an output is kept. */
export function outputKey(id: string, node: string): string {
  return `${id}@${node}`;
}

export function servicePage(state: ConsoleState, id: string, width: number): Page | null {
  const view = serviceOf(state, id);
  if (view === null) return null;
  const { node, serves } = view.shown;
  const title = `OUTPUT on ${node}${serves ? ", which serves" : ""}`;
  return {
    title: `SERVICE ${view.name} of ${view.group}`,
    head: [...view.sides.flatMap((side) => sideRows(side, width)), titleRow(title)],
    rows: outputRows(state, outputKey(id, node), width),
    fromEnd: true,
  };
}

function sideRows({ node, service }: ServiceSide, width: number): Row[] {
  const { state, healthy, pid, restarts = 0, since, last_error: error } = service;
  const facts = [
    ...(pid === undefined ? [] : [`pid ${pid}`]),
    ...(restarts === 0 ? [] : [`${restarts} ${restarts === 1 ? "restart" : "restarts"}`]),
    ...(since === undefined ? [] : [`since ${since.slice(0, 19)}Z`]),
  ];
  const tone = healthy === false ? "bad" : healthy ? "good" : "plain";
  return [
    field(node, span(`${state}${healthText(service)}`, tone), span(`  ${facts.join(" · ")}`, "dim")),
    ...(error === undefined || healthy === true ? [] : fieldRows("", error, width, "bad")),
  ];
}

function outputRows({ outputs }: ConsoleState, key: string, width: number): Row[] {
  const output = outputs.get(key);
  if (output === undefined) return [row("  ", span("asking for its output …", "dim"))];
  if (output.kind === "none") return [row("  ", span(output.text, "dim"))];
  if (output.lines.length === 0) return [row("  ", span("it has printed nothing", "dim"))];
  return output.lines.flatMap((line) => wrapText(line, Math.max(10, width - 4), "  ")).map((line) => row("  ", line));
}
