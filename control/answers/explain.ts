/** Explains one entry of the journal in sentences, from it and what stands around it. Pure. */
import { receiptTitle } from "../api/receipt_text.ts";
import { durationText } from "../api/units.ts";
import type { NodeEvent, SwitchReceipt } from "../core/vocabulary.ts";
import type { JournalEntry } from "../journal/entry.ts";
import { Around, evidenceOf, timeOf } from "./around.ts";
import { causeOfAlarm } from "./causes_of_alarm.ts";
import { causeOfLoss } from "./causes_of_loss.ts";
import { causeOfSwitch } from "./causes_of_switch.ts";
import { clientSentence, evidenceSentences } from "./evidence_text.ts";
import type { Explanation, Reasoned } from "./explanation.ts";

/** Switches, reigns that were lost without one, and alarms: what can be explained. */
export function isExplainable(entry: JournalEntry): boolean {
  return isSwitch(entry) || (entry.type === "event" && entry.event.level === "alarm");
}

/** What `segue why` explains where nothing is asked: something that moved, or that this node lost. */
export function isSwitch(entry: JournalEntry): boolean {
  return entry.type === "switch" || entry.event.kind === "fenced";
}

/** @param entries of the journal around the entry `id`, which is among them, oldest first */
export function explain(entries: readonly JournalEntry[], id: number): Explanation {
  const entry = entries.find((one) => one.id === id);
  if (entry === undefined) throw new RangeError(`explain entry ${id}: it is not among those given`);
  const around = new Around(entries, id);
  const same = { id, at: timeOf(entry) };
  return entry.type === "switch"
    ? { ...same, ...ofReceipt(entry.receipt, around) }
    : { ...same, ...ofEvent(entry.event, around) };
}

type Told = Omit<Explanation, "id" | "at">;

function ofReceipt(receipt: SwitchReceipt, around: Around): Told {
  const reasons = causeOfSwitch(receipt, around);
  const { evidence, predictedUs, predictionMissed } = receipt;
  const noEvidence = "what this node saw in numbers: the receipt was written by a version that kept no evidence";
  return {
    group: receipt.group,
    title: receiptTitle(receipt),
    cause: reasons.cause,
    sentences: [
      ...reasons.why,
      clientSentence(receipt),
      ...(evidence === undefined ? [] : evidenceSentences(receipt.node, receipt, evidence)),
      ...fenceSentence(receipt),
      ...arbiterSentence(receipt),
      ...(predictedUs === undefined ? [] : [predictionSentence(receipt, predictedUs, predictionMissed)]),
      ...(receipt.kind === "failover" ? toldLater(around) : []),
      ...afterwards(around),
    ],
    cannot_know: evidence === undefined ? [...reasons.cannotKnow, noEvidence] : reasons.cannotKnow,
  };
}

function fenceSentence({ steps }: SwitchReceipt): string[] {
  const ordered = steps.find(({ step }) => step === "fence ordered"),
    done = steps.find(({ step }) => step.startsWith("fenced "));
  if (ordered === undefined || done === undefined) return [];
  return [
    `Before it took the address it ${done.step} by command, which took ${durationText(done.atUs - ordered.atUs)}.`,
  ];
}

function arbiterSentence({ steps }: SwitchReceipt): string[] {
  const at = (text: string) => steps.find(({ step }) => step === text)?.atUs;
  const asked = at("arbiter asked"), ours = at("arbiter: the key is ours");
  if (asked === undefined || ours === undefined) return [];
  const waited = steps.find(({ step }) => step === "addresses")?.atUs;
  const rest = waited === undefined
    ? ""
    : `, and it waited ${durationText(waited - asked)} in all, until the old primary had stopped in any case`;
  return [`The arbiter's key was this node's ${durationText(ours - asked)} after it was asked for${rest}.`];
}

function predictionSentence({ durationUs }: SwitchReceipt, predictedUs: number, missed: string | undefined): string {
  const numbers = `A rehearsal had said ${(predictedUs / 1000).toFixed(1)} ms, it took ${
    (durationUs / 1000).toFixed(1)
  } ms`;
  return missed === undefined ? `${numbers}.` : `${numbers}: ${missed}.`;
}

function ofEvent(event: NodeEvent, around: Around): Told {
  const evidence = evidenceOf(event);
  const reasons: Reasoned = event.kind === "fenced" ? causeOfLoss(event, evidence) : causeOfAlarm(event, around);
  const next = event.group === undefined || event.kind !== "fenced" ? null : around.nextSwitch(event.group);
  return {
    group: event.group ?? null,
    title: event.text,
    cause: reasons.cause,
    sentences: [
      ...reasons.why,
      ...(evidence === undefined ? [] : evidenceSentences("this node", null, evidence)),
      ...(event.kind !== "fenced" ? [] : [
        next === null
          ? "This node did not serve the group again right away: if the peer lives, it took over, and its journal has that switch."
          : `What followed here: ${receiptTitle(next)} (${next.reason}).`,
      ]),
    ],
    cannot_know: reasons.cannotKnow,
  };
}

/** What the own kernel, or the peer's, said too late to be a reason. */
function toldLater(around: Around): string[] {
  return [around.carrierLost(), around.peerGone()].flatMap((it) =>
    it === null ? [] : [`${it.text}: the kernel told so afterwards.`]
  );
}

/** What came of a move at the neighbours. */
function afterwards(around: Around): string[] {
  return [...around.soon(/^stragglers /), ...around.soon(/^no-traffic /)].map(({ text }) => `Afterwards: ${text}.`);
}
