/** What asks before it does something: a planned switchover with its rehearsal, and maintenance. Pure. */
import { durationText } from "../api/units.ts";
import { field, fieldRows, type Page, receiptRows } from "./details.ts";
import { groupsOf } from "./pair.ts";
import { barRows } from "./pictures.ts";
import type { Rehearsal } from "./rehearsal.ts";
import { type Row, row, span } from "./row.ts";
import type { ConsoleState, Mode, Plan } from "./state.ts";

export function dialogRows(state: ConsoleState, width: number): Page {
  const { mode } = state;
  if (mode.kind === "plan") return { title: `SWITCHOVER OF ${mode.plan.group}`, rows: planRows(state, mode, width) };
  if (mode.kind === "maintenance") return { title: "MAINTENANCE", rows: maintenanceRows(state, mode, width) };
  return { title: "", rows: [] };
}

function planRows(state: ConsoleState, { plan, stage }: Extract<Mode, { kind: "plan" }>, width: number): Row[] {
  switch (stage.kind) {
    case "asking":
      return [row("  ", span(`asking what moving ${plan.group} would cost …`, "dim"))];
    case "planned":
      return [
        ...(stage.rehearsal === null
          ? statusPlanRows(state, plan, stage.remark, width)
          : rehearsalRows(stage.rehearsal, width)),
        row(),
        row(
          "  ",
          span(`Move ${plan.group} from ${plan.from ?? "nobody"} to ${plan.to ?? "the other node"}?`, "strong"),
          span("  y / n", "title"),
        ),
      ];
    case "moving":
      return [row("  ", span(`moving ${plan.group} to ${plan.to ?? "the other node"} …`, "warn"))];
    case "played": {
      const { receipt, shown } = stage;
      const over = shown >= receipt.steps.length;
      return receiptRows(receipt, width, shown).slice(0, over ? undefined : -2);
    }
    case "failed":
      return [
        ...fieldRows("not moved", stage.text, width, "bad"),
        row(),
        row("  ", span("Esc goes back.", "dim")),
      ];
    default:
      return stage satisfies never;
  }
}

function rehearsalRows(it: Rehearsal, width: number): Row[] {
  let atUs = 0;
  const steps = it.steps.map(({ step, us }) => ({ step, atUs: atUs += us }));
  const bars = barRows(steps, width - 4).map(({ spans }) => ({ spans: [span("  "), ...spans] }));
  return [
    ...(it.possible
      ? fieldRows("if now", `possible${gapText(it)}`, width, "good")
      : fieldRows("if now", "not possible", width, "bad")),
    ...it.notReady.flatMap((text) => fieldRows("not ready", text, width, "bad")),
    ...it.survives.flatMap((text, i) => fieldRows(i === 0 ? "survives" : "", text, width)),
    ...it.doesNot.flatMap(({ what, why }, i) => fieldRows(i === 0 ? "does not" : "", `${what}: ${why}`, width, "warn")),
    ...(bars.length === 0 ? [] : [row(), ...bars]),
  ];
}

function gapText({ predictedGapUs: gap, predictedUs: all }: Rehearsal): string {
  const parts = [
    ...(gap === null ? [] : [`a client would wait ${durationText(gap)}`]),
    ...(all === null ? [] : [`the switch takes ${durationText(all)}`]),
  ];
  return parts.length === 0 ? "" : `: ${parts.join(", ")}`;
}

/** What status knows, for a daemon that does not rehearse. */
function statusPlanRows(state: ConsoleState, plan: Plan, remark: string, width: number): Row[] {
  const view = groupsOf(state).find(({ pair, name }) => pair === plan.pair && name === plan.group);
  const target = view?.sides.find(({ node }) => node === plan.to);
  const peer = state.daemons[plan.daemon]?.status?.peer;
  const last = view?.sides.map(({ group }) => group.last_switch).find((it) => it?.kind === "switchover") ?? null;
  return [
    ...(remark === "" ? [] : fieldRows("rehearsal", remark, width, "dim")),
    ...(peer === undefined
      ? []
      : [field("peer", span(`${peer.name} is ${peer.state}`, peer.state === "alive" ? "good" : "bad"))]),
    ...(target === undefined ? [] : fieldRows(
      "target",
      target.group.eligible
        ? `${target.node} may be primary`
        : `${target.node} cannot be primary: ${target.group.eligible_reason}`,
      width,
      target.group.eligible ? "good" : "bad",
    )),
    ...(last === null ? [] : [
      field(
        "the last one",
        `${last.outcome} in ${durationText(last.duration_us)}, ${last.packets.dropped} packets dropped`,
      ),
    ]),
  ];
}

function maintenanceRows(state: ConsoleState, mode: Extract<Mode, { kind: "maintenance" }>, width: number): Row[] {
  const name = state.daemons[mode.daemon]?.status?.node ?? "this node";
  const word = mode.on ? "on" : "off";
  switch (mode.stage.kind) {
    case "asking":
      return [row("  ", span(`Turn maintenance ${word} on ${name}?`, "strong"), span("  y / n", "title"))];
    case "ordered":
      return [row("  ", span(`turning maintenance ${word} …`, "warn"))];
    case "done":
      return [row("  ", span(`Maintenance is ${word} on ${name}.`, "good"))];
    case "failed":
      return fieldRows("not done", mode.stage.text, width, "bad");
    default:
      return mode.stage satisfies never;
  }
}
