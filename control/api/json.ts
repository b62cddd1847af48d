/** The shapes that leave the API: names in snake_case, a contract for scripts. Pure. */
import type { SwitchEvidence } from "../core/evidence.ts";
import type { NodeEvent, PacketCounts, ReceiptStep, SwitchReceipt } from "../core/vocabulary.ts";
import type { GroupSnapshot, SwitchSnapshot } from "../core/messages.ts";
import type { JournalEntry, JournalHealth } from "../journal/entry.ts";
import { camelKeys, snakeKeys } from "./key_case.ts";

export interface ReceiptJson {
  readonly group: string;
  readonly node: string;
  readonly kind: SwitchReceipt["kind"];
  readonly outcome: SwitchReceipt["outcome"];
  readonly reason: string;
  readonly from_epoch: number;
  readonly epoch: number;
  readonly at: string;
  readonly duration_us: number;
  readonly steps: readonly { readonly step: string; readonly at_us: number }[];
  readonly packets: {
    readonly passed: number;
    readonly held: number;
    readonly held_by_peer: number;
    readonly released: number;
    readonly returned: number;
    readonly dropped: number;
    readonly shadowed?: number;
    readonly replayed?: number;
    readonly replayed_oldest_us?: number;
  };
  /** What this node knew when it began: see control/core/evidence.ts, in snake_case. */
  readonly evidence?: unknown;
  readonly predicted_us?: number;
  readonly predicted_gap_us?: number;
  readonly prediction_missed?: string;
}

export type EntryJson =
  | ({ readonly id: number; readonly type: "event" } & NodeEvent)
  | ({ readonly id: number; readonly type: "switch" } & ReceiptJson);

export interface JournalJson {
  readonly ok: boolean;
  readonly text: string;
  readonly path: string;
  readonly set_aside: string | null;
  readonly waiting: number;
  readonly dropped: number;
}

export type GroupJson = Omit<GroupSnapshot, "last_switch"> & { readonly last_switch: ReceiptJson | null };

/** Answer of `GET /v1/groups/GROUP/role`: the role that was settled last, `standby` before any was, and who follows it. */
export interface RoleJson {
  readonly group: string;
  readonly role: "primary" | "standby";
  readonly epoch: number;
  readonly node: string;
  readonly followers: readonly string[];
}

export interface MaintenanceJson {
  readonly on: boolean;
  /** Wall clock, ISO 8601; null while it is off. */
  readonly since: string | null;
}

/** Answer of `GET /v1/status`. */
export type StatusJson = Omit<SwitchSnapshot, "groups"> & {
  readonly groups: readonly GroupJson[];
  readonly journal: JournalJson;
  readonly maintenance: boolean;
};

export function statusJson(snapshot: SwitchSnapshot, journal: JournalHealth, maintenance = false): StatusJson {
  const groups = snapshot.groups.map((group) => ({
    ...group,
    last_switch: group.last_switch === null ? null : receiptJson(group.last_switch),
  }));
  return { ...snapshot, groups, journal: journalJson(journal), maintenance };
}

export function journalJson(health: JournalHealth): JournalJson {
  const { ok, text, path, setAside, waiting, dropped } = health;
  return { ok, text, path, set_aside: setAside ?? null, waiting, dropped };
}

export function receiptJson(receipt: SwitchReceipt): ReceiptJson {
  const { fromEpoch, durationUs, steps, packets, evidence, predictedUs, predictedGapUs, predictionMissed, ...same } =
    receipt;
  const { heldByPeer, replayedOldestUs: oldestUs, ...counts } = packets;
  return {
    ...same,
    from_epoch: fromEpoch,
    duration_us: durationUs,
    steps: steps.map(({ step, atUs }) => ({ step, at_us: atUs })),
    packets: {
      ...counts,
      held_by_peer: heldByPeer,
      ...(oldestUs === undefined ? {} : { replayed_oldest_us: oldestUs }),
    },
    ...(evidence === undefined ? {} : { evidence: snakeKeys(evidence) }),
    ...(predictedUs === undefined ? {} : { predicted_us: predictedUs }),
    ...(predictedGapUs === undefined ? {} : { predicted_gap_us: predictedGapUs }),
    ...(predictionMissed === undefined ? {} : { prediction_missed: predictionMissed }),
  };
}

/** The receipt as the rest of the program knows it. */
export function receiptFromJson(json: ReceiptJson): SwitchReceipt {
  const { from_epoch, duration_us, steps, packets, ...others } = json;
  const { evidence, predicted_us, predicted_gap_us, prediction_missed, ...same } = others;
  const { held_by_peer, replayed_oldest_us: oldestUs, ...counts } = packets;
  const ownSteps: ReceiptStep[] = steps.map(({ step, at_us }) => ({ step, atUs: at_us }));
  const ownPackets: PacketCounts = {
    ...counts,
    heldByPeer: held_by_peer,
    ...(oldestUs === undefined ? {} : { replayedOldestUs: oldestUs }),
  };
  return {
    ...same,
    fromEpoch: from_epoch,
    durationUs: duration_us,
    steps: ownSteps,
    packets: ownPackets,
    // Written by the same program as it reads.
    ...(evidence === undefined ? {} : { evidence: camelKeys(evidence) as SwitchEvidence }),
    ...(predicted_us === undefined ? {} : { predictedUs: predicted_us }),
    ...(predicted_gap_us === undefined ? {} : { predictedGapUs: predicted_gap_us }),
    ...(prediction_missed === undefined ? {} : { predictionMissed: prediction_missed }),
  };
}

/** The entry as the rest of the program knows it. */
export function entryFromJson(json: EntryJson): JournalEntry {
  if (json.type === "switch") {
    const { id, type, ...receipt } = json;
    return { id, type, receipt: receiptFromJson(receipt) };
  }
  const { id, type, ...event } = json;
  return { id, type, event };
}

export function entryJson(entry: JournalEntry): EntryJson {
  return entry.type === "event"
    ? { id: entry.id, type: "event", ...entry.event }
    : { id: entry.id, type: "switch", ...receiptJson(entry.receipt) };
}
