/** The state of one group as the API sees it: the real manager on a disk that takes everything at once. tests/state has a real disk. */
import { StateApi } from "../../control/daemon/state_api.ts";
import type { Orphan } from "../../control/journal/state_change.ts";
import { StateManager } from "../../control/state/manager.ts";

const EMPTY = {
  floor: 0,
  lsn: 0,
  copying: false,
  reigns: [],
  async *chunks() {},
};

/** @param role of the group from the beginning */
export async function sampleState(role: "primary" | "standby" = "primary", maxBytes = 1024 ** 2): Promise<StateApi> {
  let sequence = 0;
  const manager: StateManager = await StateManager.open({
    groups: [{ name: "web", rules: { whenAlone: "accept", waitUs: 100_000, maxBytes } }],
    peerName: "b",
    digest: new Uint8Array(8),
    startWaitMs: 0,
    disk: {
      append: () => {
        queueMicrotask(() => manager.durable(sequence));
        return ++sequence;
      },
    },
    event: () => {},
    alarm: () => {},
    eligible: () => {},
    compared: () => {},
    reignKnown: () => {},
    managed: () => {},
  }, () => Promise.resolve({ ...EMPTY, chunks: EMPTY.chunks() }));
  if (role === "primary") manager.role("web", "primary", 2);
  const orphan: Orphan = {
    epoch: 2,
    lsn: 9,
    key: "lost",
    value: Uint8Array.of(0xff, 0),
    at: "2026-01-02T03:04:05.000Z",
    foundByEpoch: 3,
  };
  const orphans = [orphan];
  const journal = {
    orphans: () => Promise.resolve({ total: orphans.length, rows: orphans }),
    dropOrphans: () => Promise.resolve(orphans.splice(0).length),
  };
  const path = { open: true, problem: "", live: true, rttUs: 250, sent: 70, lost: 2, received: 60, errors: 1 };
  const stream = { up: true, connections: 3, paths: [path], rejected: { badTag: 4 } };
  return new StateApi(manager, journal, () => stream);
}
