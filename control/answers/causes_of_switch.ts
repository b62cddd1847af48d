/** Why a group moved, from a receipt and what stands around it. Pure. */
import { durationText } from "../api/units.ts";
import type { SwitchEvidence } from "../core/evidence.ts";
import type { SwitchReceipt } from "../core/vocabulary.ts";
import { type Around, evidenceOf } from "./around.ts";
import { causeOfLoss, causeOfOversleeping } from "./causes_of_loss.ts";
import { type Reasoned, reasoned } from "./explanation.ts";

/** News of a carrier or a port that is older than this has nothing to do with a switch. */
const HINT_US = 1_000_000;

export function causeOfSwitch(receipt: SwitchReceipt, around: Around): Reasoned {
  if (receipt.outcome === "aborted") return causeOfAbort(receipt);
  switch (receipt.kind) {
    case "switchover":
      return causeOfTaking(receipt);
    case "handover":
      return causeOfHandover(receipt, around);
    case "failover":
      return causeOfFailover(receipt, around);
    case "retake":
      return causeOfRetake(receipt, around);
    case "yield":
      return causeOfOversleeping(receipt.evidence) ?? reasoned(
        "two-primaries",
        `Both nodes held themselves for primary until they heard each other, and the lower reign gave way: ${receipt.reason}.`,
        "what the peer did meanwhile: its journal has its side",
      );
    case "start":
      return causeOfStart(receipt);
    default:
      return receipt.kind satisfies never;
  }
}

function causeOfAbort(receipt: SwitchReceipt): Reasoned {
  const step = receipt.steps.find(({ step }) => step.startsWith("called off: "))?.step;
  const reason = step === undefined ? receipt.reason : step.slice("called off: ".length);
  return reasoned(
    "called-off",
    `A planned move began and was called off: ${reason}. The old primary serves on, and what was held went back to it.`,
    ...(receipt.kind === "handover" ? ["why the new node did not finish: its journal has its side"] : []),
  );
}

/** This node is the new one of a planned move. */
function causeOfTaking({ reason, evidence }: SwitchReceipt): Reasoned {
  const asked = evidence?.asked, peer = evidence?.peer, name = evidence?.peerName ?? "the peer";
  if (asked === "preempt" || /preempt is on/.test(reason)) {
    return reasoned(
      "preempt",
      "This node is preferred and preempt is on: it took the group back from a pair that had been calm for a while.",
    );
  }
  if (asked === "peer" && peer) {
    if (peer.stopping) {
      return reasoned(
        "peer-stopping",
        `${name} was told to stop (SIGTERM, or its service manager) and handed over first.`,
      );
    }
    if (!peer.able) {
      return reasoned(
        "peer-service-failed",
        `${name} handed over because it may not serve any more: a track or service of it had failed.`,
        `which one: ${name}'s own journal says it`,
      );
    }
    return reasoned("operator", `An operator asked for it at ${name}, which handed over.`);
  }
  if (asked === "operator" || /operator asked/.test(reason)) {
    return reasoned("operator", "An operator asked for it at this node.");
  }
  return reasoned("peer-asked", `The old primary handed over: ${reason}.`);
}

/** This node is the old one. */
function causeOfHandover({ reason, evidence, group }: SwitchReceipt, around: Around): Reasoned {
  const name = evidence?.peerName ?? "the peer";
  switch (evidence?.asked) {
    case "operator":
      return reasoned("operator", "An operator asked for it at this node.");
    case "stop":
      return reasoned(
        "stopping",
        "This node was told to stop (SIGTERM, or its service manager) and handed over first.",
      );
    case "unfit": {
      const alarm = around.lately(`eligible ${group}`);
      return reasoned(
        "service-failed",
        `This node may not serve the group any more, and handed it over: ${alarm?.text ?? reason}.`,
      );
    }
    default:
      return reasoned(
        "peer-asked",
        `${name} asked for the group, and this node had no reason of its own to give it away.`,
        `whether an operator asked there, or ${name} is preferred and preempt is on: ${name}'s journal says it`,
      );
  }
}

function causeOfStart({ reason, evidence }: SwitchReceipt): Reasoned {
  if (/no peer heard/.test(reason)) {
    return reasoned(
      "start",
      "This node started, heard no peer for as long as start_wait says, and nobody answered for the address.",
      `whether ${evidence?.peerName ?? "the peer"} was off or only could not be heard`,
    );
  }
  return reasoned("start", `Nobody served when this node started, and it was its turn: ${reason}.`);
}

function causeOfRetake(receipt: SwitchReceipt, around: Around): Reasoned {
  const lost = around.lately("fenced", receipt.group);
  if (lost === null) {
    return reasoned("lease-lapse", `This node had lost its lease and took it again: ${receipt.reason}.`);
  }
  const loss = causeOfLoss(lost, evidenceOf(lost) ?? receipt.evidence);
  return { ...loss, why: [...loss.why, `It took the address again: ${receipt.reason}.`] };
}

function causeOfFailover(receipt: SwitchReceipt, around: Around): Reasoned {
  const evidence = receipt.evidence, name = evidence?.peerName ?? "the peer";
  if (/consented/.test(receipt.reason)) return causeOfConsent(receipt, around, name);
  const hint = (pattern: RegExp, agoMaxUs: number) =>
    evidence === undefined
      ? pattern.test(receipt.reason)
      : evidence.hints.some(({ text, agoUs }) => agoUs <= agoMaxUs && agoUs >= -HINT_US && pattern.test(text));
  // A heartbeat that came later refutes a port that was dead; a carrier may go a little before the rest.
  const back = around.peerBack(receipt.group), late = around.carrierLost();
  const cut = hint(/no carrier/, HINT_US) || late !== null;
  const gone = hint(/port unreachable/, Math.min(HINT_US, evidence?.silenceUs ?? HINT_US));
  // A machine that lost its power and is back says it as well, once its kernel runs; but then a carrier had gone.
  if (gone || (!cut && around.peerGone() !== null)) {
    return reasoned(
      "daemon-killed",
      `${name}'s daemon died: its kernel lives, and answered that nobody listens on the heartbeat's port any more.`,
      `what killed it (a signal, the out-of-memory killer, a crash): ${name}'s system log says it`,
    );
  }
  if (back?.sameRun) {
    const away = durationText(back.silentUs);
    if (cut) {
      return reasoned(
        "cut-off",
        `A carrier went and all other links fell silent with it, and after ${away} the same run of ${name}'s daemon was heard again: ` +
          `${name} had lived on, cut off.`,
      );
    }
    return reasoned(
      "daemon-stopped",
      `${name}'s daemon did not run for ${away}: then the same run of it was heard again, no carrier had gone, and its kernel had let ` +
        "its lease end. It was stopped or starved, or the whole machine paused.",
      `which of these: ${name}'s own journal says how late it woke and what its machine did`,
    );
  }
  const restarted = back === null ? "" : ` After ${durationText(back.silentUs)} a new run of its daemon was heard.`;
  if (cut) {
    return reasoned(
      "power-off",
      `${name} fell silent on all links at once and a carrier went with it: it lost its power, crashed or was reset.${restarted}`,
      `whether ${name} died, or lives on with all its links down`,
    );
  }
  return reasoned(
    "silence",
    `${name} fell silent on all links at once, and its kernel did not answer for the address either; no carrier went, and no port was ` +
      `reported as dead.${restarted}`,
    `whether ${name} crashed, hangs, or is cut off behind a switch that keeps the carrier up: if its daemon goes on, this node will ` +
      "see that it is the same run",
  );
}

/** The peer said itself that it does not serve. */
function causeOfConsent({ evidence, group }: SwitchReceipt, around: Around, name: string): Reasoned {
  const peer = evidence?.peer;
  if (peer?.stopping) return reasoned("peer-stopping", `${name} was stopping and consented to this node's takeover.`);
  const silent = around.soon(/^silent frame /);
  if (silent.length > 0 && peer?.able !== true) {
    return reasoned(
      "lan-port-down",
      `${name} gave the address up by itself and consented by a link that was left; nothing comes from it on the service network any more ` +
        `(${silent.map(({ kind }) => kind.slice("silent ".length)).join(", ")}): its port there went down.`,
      "whether its cable, its port or the switch's port failed",
    );
  }
  if (peer === undefined || peer === null || peer.role === "fenced" || !peer.able) {
    return reasoned(
      "peer-unfit",
      `${name} had lost its lease, could not serve any more and consented: its carrier, its kernel rules or its epochs.`,
      `which of these: ${name}'s own journal says it of ${group}`,
    );
  }
  return reasoned("start", `Nobody served, ${name} was there and consented.`);
}

/** Evidence for or against a carrier that went shortly before a switch, for texts. */
export function recentHints(evidence: SwitchEvidence): SwitchEvidence["hints"] {
  return evidence.hints.filter(({ agoUs }) => Math.abs(agoUs) <= HINT_US);
}
