/** Entries of a journal for tests: a receipt and its evidence, and events around it. */
import type { MachineSample, SwitchEvidence } from "../core/evidence.ts";
import type { NodeEvent, SwitchReceipt } from "../core/vocabulary.ts";
import type { JournalEntry } from "../journal/entry.ts";

const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

export const SAMPLE_EVIDENCE: SwitchEvidence = {
  peerName: "a",
  silenceUs: 6300,
  takenSilenceUs: 10_300,
  beatUs: 2000,
  links: [
    { link: "frame veth0", heardAgoUs: 6300, lateUs: 4300, rttUs: 90 },
    { link: "path 10.78.0.2", heardAgoUs: 6310, lateUs: 4310, rttUs: 80 },
  ],
  hints: [],
  probes: { sent: 2, answered: 0, firstAgoUs: 0, lastAgoUs: -1500 },
  wakes: { withinUs: 10_000_000, late: 0, maxUs: 0 },
  lapse: null,
  rulesAgoUs: null,
  peer: { role: "primary", phase: "none", able: true, stopping: false, epoch: 4, compatible: true, software: "0.1.0" },
  asked: null,
};

export function machineSample(over: Partial<MachineSample> = {}): MachineSample {
  return { agoMs: 0, spanMs: 1000, busy: 0.1, steal: 0, iowait: 0, runDelayUs: 200, pressure: 0.01, ...over };
}

/** Entries one after the other, the first with id 1. */
export class SampleJournal {
  readonly entries: JournalEntry[] = [];
  #atMs = START_MS;

  get lastId(): number {
    return this.entries.length;
  }

  /** Time passes. */
  wait(ms: number): this {
    this.#atMs += ms;
    return this;
  }

  event(kind: string, text: string, more: Partial<NodeEvent> = {}): this {
    const event: NodeEvent = { at: this.#at(), level: "info", kind, text, ...more };
    this.entries.push({ id: this.entries.length + 1, type: "event", event });
    return this;
  }

  alarm(kind: string, text: string, more: Partial<NodeEvent> = {}): this {
    return this.event(kind, text, { level: "alarm", ...more });
  }

  fenced(text: string, evidence?: Partial<SwitchEvidence>): this {
    const detail = evidence === undefined ? {} : { detail: { evidence: { ...SAMPLE_EVIDENCE, ...evidence } } };
    return this.alarm("fenced", `web: fenced, ${text}`, { group: "web", ...detail });
  }

  switch(over: Partial<SwitchReceipt>, evidence: Partial<SwitchEvidence> | null = {}): this {
    const receipt: SwitchReceipt = {
      group: "web",
      node: "b",
      kind: "failover",
      outcome: "done",
      reason: "a silent for 10.3 ms, the last 2 probes of the address unanswered",
      fromEpoch: 4,
      epoch: 5,
      at: this.#at(),
      durationUs: 4200,
      steps: [{ step: "suspect", atUs: 0 }, { step: "probe", atUs: 10 }, { step: "probe", atUs: 1500 }, {
        step: "announced",
        atUs: 4200,
      }],
      packets: { passed: 0, held: 0, heldByPeer: 0, released: 0, returned: 0, dropped: 0 },
      ...(evidence === null ? {} : { evidence: { ...SAMPLE_EVIDENCE, ...evidence } }),
      ...over,
    };
    this.entries.push({ id: this.entries.length + 1, type: "switch", receipt });
    return this;
  }

  #at(): string {
    return new Date(this.#atMs++).toISOString();
  }
}
