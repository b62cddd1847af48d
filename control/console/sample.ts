/** A console that watches a pair, for tests. */
import { statusJson } from "../api/json.ts";
import type { EntryJson, ReceiptJson, StatusJson } from "../api/json.ts";
import { SAMPLE_GROUP, SAMPLE_SNAPSHOT } from "../api/status_sample.ts";
import type { SwitchSnapshot } from "../core/messages.ts";
import { type ConsoleEvent, type Order, reduce } from "./reduce.ts";
import { type ConsoleState, initialState } from "./state.ts";

export const NOW_MS = Date.parse("2026-01-02T03:04:10.000Z");

const JOURNAL = { ok: true, text: "ok", path: "/x/journal.db", waiting: 0, dropped: 0 };

/** What node a says: primary, all well. */
export function statusOfA(change: Partial<SwitchSnapshot> = {}): StatusJson {
  const paths = [
    { ...SAMPLE_SNAPSHOT.paths[0]! },
    { ...SAMPLE_SNAPSHOT.paths[1]!, state: "up", rtt_us: 98, loss: 0, last_heard_ms: 1 } as const,
  ];
  return statusJson({ ...SAMPLE_SNAPSHOT, alarms: [], paths, ...change }, JOURNAL);
}

/** What node b says: standby, all well. */
export function statusOfB(change: Partial<SwitchSnapshot> = {}): StatusJson {
  const group = {
    ...SAMPLE_GROUP,
    role: "standby",
    peer_role: "primary",
    lease: { held: false, left_ms: null },
    last_switch: null,
  } as const;
  const paths = SAMPLE_SNAPSHOT.paths.map((path) =>
    ({ ...path, local: path.remote, remote: path.local, state: "up", rtt_us: 101, loss: 0, last_heard_ms: 1 }) as const
  );
  const peer = { name: "a", state: "alive", last_heard_ms: 1, version: "0.1.0" } as const;
  return statusJson({ ...SAMPLE_SNAPSHOT, node: "b", alarms: [], groups: [group], peer, paths, ...change }, JOURNAL);
}

export function receiptOf(change: Partial<ReceiptJson> = {}): ReceiptJson {
  return {
    group: "web",
    node: "b",
    kind: "failover",
    outcome: "done",
    reason: "a silent for 10.2 ms, 2 probes unanswered",
    from_epoch: 12,
    epoch: 13,
    at: "2026-01-02T03:04:09.500Z",
    duration_us: 6400.5,
    steps: [{ step: "suspect", at_us: 0 }, { step: "probe", at_us: 1200 }, { step: "take", at_us: 6400 }],
    packets: { passed: 0, held: 4, held_by_peer: 1, released: 4, returned: 0, dropped: 0 },
    ...change,
  };
}

export function switchEntry(id: number, change: Partial<ReceiptJson> = {}): EntryJson {
  return { id, type: "switch", ...receiptOf(change) };
}

export function eventEntry(id: number, text: string, at = "2026-01-02T03:04:05.000Z"): EntryJson {
  return { id, type: "event", at, level: "info", kind: "note", text };
}

/** A console in which these things have happened. */
export class Player {
  state: ConsoleState;
  readonly orders: Order[] = [];

  constructor(columns = 80, rows = 24, runDirs: readonly string[] = ["/run/a", "/run/b"]) {
    this.state = initialState(runDirs, columns, rows, NOW_MS);
  }

  take(...events: readonly ConsoleEvent[]): this {
    for (const event of events) {
      const { state, orders } = reduce(this.state, event);
      this.state = state;
      this.orders.push(...orders);
    }
    return this;
  }

  hear(daemon: number, status: StatusJson, nowMs = NOW_MS): this {
    return this.take({ kind: "status", daemon, status, nowMs });
  }

  /** Letters, and names of keys in angle brackets: `jj<enter>`. */
  press(text: string): this {
    const keys = [...text.matchAll(/<(\w+)>|([^<])/g)].map(([, word, letter]) =>
      word === undefined ? { text: letter! } : word as "enter"
    );
    return this.take({ kind: "keys", keys });
  }

  static both(columns = 80, rows = 24): Player {
    return new Player(columns, rows).hear(0, statusOfA()).hear(1, statusOfB());
  }
}
