/** What has happened, in full: a switch as a chart of its steps, an event, and why it came to that. Pure. */
import { explain, isExplainable } from "../answers/explain.ts";
import { entryFromJson, receiptFromJson } from "../api/json.ts";
import type { EntryJson, ReceiptJson } from "../api/json.ts";
import { packetsText, predictedText, receiptTitle } from "../api/receipt_text.ts";
import { field, fieldRows, type Page, textRows } from "./fields.ts";
import { barRows } from "./pictures.ts";
import { type Row, row, span } from "./row.ts";
import type { ConsoleState } from "./state.ts";

export function happeningPage(state: ConsoleState, id: string, width: number): Page | null {
  const it = state.timeline.find((happening) => happening.id === id);
  if (it === undefined) return null;
  const front = [field("at", it.at), field("node", it.node)];
  if (it.type === "said") return { title: "EVENT", rows: [...front, ...fieldRows("", it.text, width)] };
  const why = whyRows(state, it.id, width);
  return it.entry.type === "switch"
    ? { title: `SWITCH, as ${it.node} saw it`, rows: [...receiptRows(it.entry, width), ...why] }
    : { title: `EVENT, as ${it.node} saw it`, rows: [...eventRows(it.entry, width), ...why] };
}

function eventRows(event: Extract<EntryJson, { type: "event" }>, width: number): Row[] {
  // Numbers and words; what is deeper is evidence, and told as sentences.
  const detail = Object.entries(event.detail ?? {}).filter(([, value]) => value !== null && typeof value !== "object");
  return [
    ...fieldRows("text", event.text, width, event.level === "alarm" ? "bad" : "plain"),
    field("at", event.at),
    field("kind", `${event.kind}, ${event.level}`),
    ...(event.group === undefined ? [] : [field("group", event.group)]),
    ...detail.flatMap(([name, value]) => fieldRows(name, String(value), width)),
  ];
}

/** A receipt with its steps as bars. */
export function receiptRows(json: ReceiptJson, width: number): Row[] {
  const receipt = receiptFromJson(json), predicted = predictedText(receipt);
  const missed = receipt.predictionMissed !== undefined;
  return [
    ...playedRows(json, width, json.steps.length),
    row(),
    ...fieldRows("packets", packetsText(receipt.packets), width, receipt.packets.dropped > 0 ? "bad" : "plain"),
    ...(predicted === "" ? [] : fieldRows("expected", predicted, width, missed ? "warn" : "plain")),
  ];
}

/** As far as it has been played: what it came to is told at the end. @param shown steps */
export function playedRows(json: ReceiptJson, width: number, shown: number): Row[] {
  const receipt = receiptFromJson(json);
  const bars = barRows(receipt.steps, width - 4, shown).map(({ spans }) => ({ spans: [span("  "), ...spans] }));
  return [
    row("  ", span(receiptTitle(receipt), receipt.outcome === "done" ? "strong" : "bad")),
    ...fieldRows("reason", receipt.reason, width),
    field("at", receipt.at),
    row(),
    ...bars,
  ];
}

/** What `segue why` says of it, from what the same daemon has told. */
function whyRows({ timeline }: ConsoleState, id: string, width: number): Row[] {
  // Ids of a timeline are those of the journal behind the daemon's own number.
  const own = id.slice(0, id.indexOf("/") + 1);
  const entries = timeline.flatMap((it) => it.type === "entry" && it.id.startsWith(own) ? [it.entry] : [])
    .sort((a, b) => a.id - b.id).map(entryFromJson);
  const entry = entries.find((it) => `${own}${it.id}` === id);
  if (entry === undefined || !isExplainable(entry)) return [];
  try {
    const { cause, sentences, cannot_know: unknown } = explain(entries, entry.id);
    return [
      row(),
      row("  ", span("why", "title"), span(`  ${cause}`, "strong")),
      ...sentences.flatMap((text) => textRows(text, width)),
      ...unknown.flatMap((text) => textRows(`This node cannot know ${text}.`, width, "dim")),
    ];
  } catch {
    // Evidence of another version that is not shaped as this one knows it.
    return [];
  }
}
