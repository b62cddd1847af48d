/** The numbers of a switch as sentences. Pure. */
import { durationText } from "../api/units.ts";
import type { LinkEvidence, MachineSample, SwitchEvidence } from "../core/evidence.ts";
import type { SwitchReceipt } from "../core/vocabulary.ts";
import { recentHints } from "./causes_of_switch.ts";
import { gapUsOf } from "./prediction.ts";

/** What the clients met. */
export function clientSentence(receipt: SwitchReceipt): string {
  const { kind, outcome, packets, evidence, steps } = receipt;
  const lost = packets.dropped === 0 ? "none of them was lost" : `${packets.dropped} of them were lost`;
  if (kind === "switchover" || (kind === "failover" && packets.held > 0)) {
    const waited = outcome === "done" ? `for up to ${durationText(gapUsOf(receipt))}` : "";
    return packets.held === 0
      ? "No packet came meanwhile that would have had to wait."
      : `Packets of clients waited in this kernel ${waited} (${packets.held}), and ${lost}.`;
  }
  if (kind === "handover") {
    return `${packets.passed} packets came here meanwhile and were passed on to wait in the new primary's kernel.`;
  }
  const announced = steps.find(({ step }) => step === "announced")?.atUs;
  const silence = evidence?.silenceUs;
  if (kind !== "failover" || announced === undefined || silence === undefined || silence === null) {
    return `From its first step to its last it took ${durationText(receipt.durationUs)}.`;
  }
  return `Clients met a gap of about ${
    durationText(silence + announced)
  }: from the old primary's last sign of life until this node spoke as ` +
    "the address. What they sent in it is lost.";
}

/** How silent the peer was, link by link, and what else spoke for its end. */
export function evidenceSentences(node: string, receipt: SwitchReceipt | null, evidence: SwitchEvidence): string[] {
  const found: string[] = [];
  const { peerName: peer, probes } = evidence;
  if (receipt?.kind === "failover" && evidence.takenSilenceUs !== null) {
    const overdue = evidence.links.filter(({ lateUs }) => lateUs !== null && lateUs > 0);
    found.push(
      `${node} heard nothing from ${peer} for ${
        durationText(evidence.takenSilenceUs)
      } before it took the address; when it became suspicious ` +
        `the next heartbeat was overdue on ${overdue.length} of ${evidence.links.length} links: ${
          evidence.links.map(linkText).join("; ")
        }.`,
    );
  }
  for (const { text, agoUs } of recentHints(evidence)) {
    const when = agoUs >= 0 ? `${durationText(agoUs)} before` : `${durationText(-agoUs)} after`;
    found.push(`${text}: ${when} ${receipt === null ? "that" : "the switch began"}.`);
  }
  if (probes.sent > 0) {
    const answered = probes.answered === 0 ? "none was answered" : `${probes.answered} were answered`;
    found.push(`It asked the network ${probes.sent} times who has the address, and ${answered}.`);
  }
  if (evidence.lapse !== null) {
    found.push(`Its lease was ${durationText(evidence.lapse.ageUs)} old when the kernel refused to refresh it.`);
  }
  found.push(ownSentence(node, evidence));
  const machine = machineSentence(evidence.machine ?? []);
  if (machine !== "") found.push(machine);
  if (evidence.peer !== null) {
    const { role, able, stopping, epoch } = evidence.peer;
    const more = [able ? "able to serve" : "not able to serve", ...(stopping ? ["stopping"] : [])];
    found.push(`${peer} had said last: ${role}, epoch ${epoch}, ${more.join(", ")}.`);
  }
  return found;
}

function linkText({ link, heardAgoUs, lateUs }: LinkEvidence): string {
  if (heardAgoUs === null || lateUs === null) return `${link} never heard`;
  return `${link} heard ${durationText(heardAgoUs)} ago, ${
    lateUs === 0 ? "not overdue" : `${durationText(lateUs)} overdue`
  }`;
}

function ownSentence(node: string, { wakes }: SwitchEvidence): string {
  const span = `the last ${Math.round(wakes.withinUs / 1e6)} s`;
  if (wakes.late === 0) return `${node} itself was in time: no late wake of its switch thread in ${span}.`;
  const times = wakes.late === 1 ? "once" : `${wakes.late} times`;
  return `${node}'s own switch thread woke late ${times} in ${span}, by up to ${durationText(wakes.maxUs)}.`;
}

function machineSentence(machine: readonly MachineSample[]): string {
  if (machine.length === 0) return "";
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  const most = (of: (sample: MachineSample) => number) => Math.max(...machine.map(of));
  const delay = machine.some(({ runDelayUs }) => runDelayUs !== null)
    ? `, the switch thread waited ${
      durationText(machine.reduce((sum, { runDelayUs }) => sum + (runDelayUs ?? 0), 0))
    } for a processor`
    : "";
  const pressed = machine.some(({ pressure }) => pressure !== null)
    ? `, something waited for one up to ${percent(most(({ pressure }) => pressure ?? 0))} of a second`
    : "";
  const seconds = Math.round(machine.reduce((sum, { spanMs }) => sum + spanMs, 0) / 1000);
  return `The machine in those ${seconds} s: busy up to ${
    percent(most(({ busy }) => busy))
  }, stolen by its host up to ${percent(most(({ steal }) => steal))}, waiting for disks up to ${
    percent(most(({ iowait }) => iowait))
  }${delay}${pressed}.`;
}
