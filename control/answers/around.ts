/** Entries of the journal around the one that is explained. Pure. */
import type { SwitchEvidence } from "../core/evidence.ts";
import type { NodeEvent, SwitchReceipt } from "../core/vocabulary.ts";
import type { JournalEntry } from "../journal/entry.ts";

/** A lost reign is part of the switch that follows within this time. */
const BEFORE_MS = 15_000;
/** What is seen of links within this time after a switch belongs to it. */
const SOON_MS = 10_000;
/** The kernel tells of a carrier up to a second late. */
const CARRIER_MS = 3000;

export class Around {
  readonly #entries: readonly JournalEntry[];
  readonly #index: number;
  readonly #atMs: number;

  /** @param entries oldest first; `id` is one of them */
  constructor(entries: readonly JournalEntry[], id: number) {
    this.#entries = entries;
    this.#index = entries.findIndex((entry) => entry.id === id);
    this.#atMs = Date.parse(timeOf(entries[this.#index]!));
  }

  /** The newest event of the kind shortly before. */
  lately(kind: string | RegExp, group?: string): NodeEvent | null {
    const found = this.#entries.slice(0, this.#index).findLast((entry) =>
      isKind(entry, kind, group) && this.#atMs - Date.parse(timeOf(entry)) <= BEFORE_MS
    );
    return found?.type === "event" ? found.event : null;
  }

  /** Events of the kind soon afterwards. */
  soon(kind: string | RegExp, group?: string): readonly NodeEvent[] {
    return this.#after().flatMap((entry) =>
      entry.type === "event" && isKind(entry, kind, group) && Date.parse(timeOf(entry)) - this.#atMs <= SOON_MS
        ? [entry.event]
        : []
    );
  }

  /** What the kernel told of carriers that went, a little late. */
  carrierLost(): NodeEvent | null {
    return this.soon("carrier-lost").find(({ at }) => Date.parse(at) - this.#atMs <= CARRIER_MS) ?? null;
  }

  /** That the peer's kernel said soon afterwards that nobody listens there any more. */
  peerGone(): NodeEvent | null {
    return this.soon("peer-gone").find(({ at }) => Date.parse(at) - this.#atMs <= CARRIER_MS) ?? null;
  }

  /** When the peer was heard again after this, if it fell silent about then and nothing else moved in between. */
  peerBack(group: string): { readonly silentUs: number; readonly sameRun: boolean } | null {
    for (const entry of this.#after()) {
      if (entry.type === "switch" && entry.receipt.group === group) return null;
      if (!isKind(entry, "peer-back") || entry.type !== "event") continue;
      const silentUs = Number(entry.event.detail?.silentUs), sameRun = entry.event.detail?.sameRun === true;
      const beganMs = Date.parse(entry.event.at) - silentUs / 1000;
      return Number.isFinite(silentUs) && beganMs <= this.#atMs + 1000 ? { silentUs, sameRun } : null;
    }
    return null;
  }

  /** The switch of the group that came next, if it came soon. */
  nextSwitch(group: string): SwitchReceipt | null {
    const found = this.#after().find((entry) => entry.type === "switch" && entry.receipt.group === group);
    if (found?.type !== "switch" || Date.parse(found.receipt.at) - this.#atMs > SOON_MS) return null;
    return found.receipt;
  }

  #after(): readonly JournalEntry[] {
    return this.#entries.slice(this.#index + 1);
  }
}

export function timeOf(entry: JournalEntry): string {
  return entry.type === "switch" ? entry.receipt.at : entry.event.at;
}

/** The evidence that an event carries, if it does. */
export function evidenceOf(event: NodeEvent): SwitchEvidence | undefined {
  // Written by this program.
  return event.detail?.evidence as SwitchEvidence | undefined;
}

function isKind(entry: JournalEntry, kind: string | RegExp, group?: string): boolean {
  if (entry.type !== "event") return false;
  const fits = typeof kind === "string" ? entry.event.kind === kind : kind.test(entry.event.kind);
  return fits && (group === undefined || entry.event.group === undefined || entry.event.group === group);
}
