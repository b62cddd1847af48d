/** What asks before it does something: a planned switchover with its rehearsal, and maintenance. Pure. */
import { durationText } from "../api/units.ts";
import { field, fieldRows, LABEL, type Page, textRows } from "./fields.ts";
import { groupsOf } from "./pair.ts";
import { barRows } from "./pictures.ts";
import type { Rehearsal } from "./rehearsal.ts";
import { type Row, row, span } from "./row.ts";
import { answers, type ConsoleState, type Mode, type Plan } from "./state.ts";
import { playedRows, receiptRows } from "./switch_page.ts";
import { maintenanceOf } from "./troubles.ts";

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
          span(questionText(plan, stage.rehearsal), "strong"),
          span("  y / n", "title"),
        ),
      ];
    case "moving":
      return [row("  ", span(`moving ${plan.group} to ${plan.to ?? "the other node"} …`, "warn"))];
    case "played": {
      const { receipt, shown } = stage;
      return shown >= receipt.steps.length ? receiptRows(receipt, width) : playedRows(receipt, width, shown);
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

/** What would be refused or called off may be tried: things change while one reads. */
function questionText({ group, from, to }: Plan, rehearsal: Rehearsal | null): string {
  const move = `ove ${group} from ${from ?? "nobody"} to ${to ?? "the other node"}`;
  return rehearsal?.possible === false ? `Try to m${move} all the same?` : `M${move}?`;
}

function rehearsalRows(it: Rehearsal, width: number): Row[] {
  const steps = it.steps.map(({ step, us }) => ({ step, atUs: us }));
  const bars = barRows(steps, width - 4).map(({ spans }) => ({ spans: [span("  "), ...spans] }));
  return [
    ...(it.possible
      ? fieldRows("if now", `possible${gapText(it)}`, width, "good")
      : fieldRows("if now", "not possible", width, "bad")),
    ...(it.basis === "" || !it.possible ? [] : fieldRows("", `by ${it.basis}`, width, "dim")),
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
  const nodes = state.daemons.flatMap((daemon, i) =>
    !answers(daemon) ? [] : [
      row(
        span(i === mode.daemon ? "▸ " : "  ", "title"),
        span(daemon.status.node.padEnd(LABEL), i === mode.daemon ? "strong" : "plain"),
        maintenanceOf(daemon.status) === true ? span("in maintenance", "warn") : span("at work", "good"),
      ),
    ]
  );
  return [...nodes, row(), ...maintenanceWords(mode, name, width)];
}

function maintenanceWords({ on, stage }: Extract<Mode, { kind: "maintenance" }>, name: string, width: number): Row[] {
  switch (stage.kind) {
    case "asking":
      return [
        ...textRows(
          on
            ? `In maintenance the services of ${name} are not restarted, and neither their health nor its tracks move a group. ` +
              "Heartbeats, leases and takeovers go on; so do planned moves."
            : `Services of ${name} that have ended are started again, and their health and its tracks count again.`,
          width,
        ),
        row(),
        row(
          "  ",
          span(on ? `Put ${name} into maintenance?` : `End the maintenance of ${name}?`, "strong"),
          span("  y / n", "title"),
        ),
      ];
    case "ordered":
      return [row("  ", span(`telling ${name} …`, "warn"))];
    case "done":
      return [row("  ", span(on ? `${name} is in maintenance.` : `${name} is at work again.`, "good"))];
    case "failed":
      return fieldRows("not done", stage.text, width, "bad");
    default:
      return stage satisfies never;
  }
}
