/**
 * What the daemon knows beyond its switch thread, for answers: the machine's last seconds, the last predictions, the counted delays. On
 * the main thread, after a switch and never in its way.
 */
import type { PairConfig } from "../../config/model.ts";
import { type Floor, floorOf } from "../answers/floor.ts";
import { missedPrediction } from "../answers/prediction.ts";
import { type Rehearsal, rehearse } from "../answers/rehearsal.ts";
import type { SwitchEvidence } from "../core/evidence.ts";
import type { Jitter } from "../core/jitter.ts";
import type { SwitchReport, SwitchSnapshot } from "../core/messages.ts";
import type { NodeEvent, SwitchReceipt } from "../core/vocabulary.ts";
import type { JournalClient } from "../journal/client.ts";
import { connectionsOf } from "./connections.ts";
import { MachineWatch } from "./machine_watch.ts";
import type { SwitchThread } from "./switch_thread.ts";

/** A prediction is compared with a switch that begins within this time. */
const PREDICTION_MS = 60_000;
/** Entries of a group in which earlier moves are looked for. */
const HISTORY = 200;

export interface DeskParts {
  readonly journal: JournalClient;
  readonly switchThread: SwitchThread;
  /** What the whole node knows of itself. */
  readonly snapshot: () => Promise<SwitchSnapshot>;
  readonly ready: Extract<SwitchReport, { kind: "ready" }>;
  /** The configuration as it is now. */
  readonly config: () => PairConfig;
}

export class AnswerDesk {
  readonly #p: DeskParts;
  readonly #machine: MachineWatch;
  readonly #predictions = new Map<string, { readonly atMs: number; readonly rehearsal: Rehearsal }>();
  /** Each group's last receipt as it went to the journal. */
  readonly #filed = new Map<string, SwitchReceipt>();
  /** Since when the configuration is what it is: earlier moves say nothing about the next one. */
  #configuredAt = new Date().toISOString();
  /** Until when delays have been handed over, Unix seconds. */
  #countedTo = Date.now() / 1000;

  constructor(parts: DeskParts) {
    this.#p = parts;
    this.#machine = new MachineWatch(parts.ready.thread);
  }

  configChanged(): void {
    this.#configuredAt = new Date().toISOString();
    this.#predictions.clear();
  }

  /** A receipt as it goes to the journal: with what the machine was doing, and what had been predicted. */
  file(receipt: SwitchReceipt): SwitchReceipt {
    const { evidence } = receipt;
    const filed = {
      ...receipt,
      ...(evidence === undefined ? {} : { evidence: { ...evidence, machine: this.#machine.recent() } }),
      ...this.#compared(receipt),
    };
    this.#filed.set(receipt.group, filed);
    return filed;
  }

  /** The same for the receipt that an operator gets, or reads in status, which was filed just before. */
  filed(receipt: SwitchReceipt): SwitchReceipt {
    const filed = this.#filed.get(receipt.group);
    return filed !== undefined && filed.at === receipt.at ? filed : receipt;
  }

  /** An event that carries evidence gets the machine's part of it. */
  event(event: NodeEvent): NodeEvent {
    const evidence = event.detail?.evidence as SwitchEvidence | undefined;
    if (evidence === undefined) return event;
    return { ...event, detail: { ...event.detail, evidence: { ...evidence, machine: this.#machine.recent() } } };
  }

  #compared(receipt: SwitchReceipt): Pick<SwitchReceipt, "predictedUs" | "predictedGapUs" | "predictionMissed"> {
    const known = this.#predictions.get(receipt.group);
    this.#predictions.delete(receipt.group);
    if (known === undefined || Date.parse(receipt.at) - known.atMs > PREDICTION_MS) return {};
    const { predicted_us: predictedUs, predicted_gap_us: predictedGapUs } = known.rehearsal;
    const predictionMissed = missedPrediction(receipt, known.rehearsal);
    return { predictedUs, predictedGapUs, ...(predictionMissed === null ? {} : { predictionMissed }) };
  }

  /** A minute's delays, or what was asked for in between. */
  count(jitter: Jitter): void {
    const now = Date.now() / 1000, at = this.#countedTo;
    this.#countedTo = now;
    this.#p.journal.addJitter({ ...jitter, at: Math.floor(at), seconds: Math.max(0, now - at) });
  }

  async floor(hours: number): Promise<Floor> {
    this.count(await this.#p.switchThread.jitter());
    const { heartbeatUs, leaseUs, suspectUs, deadAfterUs } = this.#p.config().timing;
    const current = {
      heartbeat_us: heartbeatUs,
      lease_us: leaseUs,
      suspect_us: suspectUs,
      dead_after_us: deadAfterUs,
    };
    return floorOf(await this.#p.journal.jitter(Date.now() / 1000 - hours * 3600), hours, current);
  }

  /** What a planned move of the group would be now; null if there is no such group. */
  async rehearsal(name: string): Promise<Rehearsal | null> {
    const config = this.#p.config();
    const planned = config.groups.find((one) => one.name === name);
    const snapshot = await this.#p.snapshot();
    const group = snapshot.groups.find((one) => one.name === name);
    if (planned === undefined || group === undefined) return null;
    const entries = await this.#p.journal.entries({ group: name, limit: HISTORY });
    const history = entries.flatMap((entry) => entry.type === "switch" ? [entry.receipt] : []);
    const rehearsal = rehearse({
      snapshot,
      group,
      timing: config.timing,
      rehearsedUs: this.#p.ready.rehearsedUs,
      history: history.filter(({ at }) => at >= this.#configuredAt),
      connections: connectionsOf(planned),
    });
    this.#predictions.set(name, { atMs: Date.now(), rehearsal });
    return rehearsal;
  }

  stop(): void {
    this.#machine.stop();
  }
}
