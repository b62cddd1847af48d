import assert from "node:assert/strict";
import { Replica } from "../core/state/replica.ts";
import { GroupTable } from "../core/state/table.ts";
import type { Clock } from "./clock.ts";
import { GroupState } from "./group_state.ts";

const STILL: Clock = {
  nowUs: () => 0,
  wall: () => "",
  after: () => () => {},
  soon: (act) => act(),
  behind: (act) => act(),
};
const KNOWN = { lsn: 0, reigns: [], copying: false };
const RULES = { whenAlone: "accept", waitUs: 1000, maxBytes: 1000 } as const;

Deno.test("a group that has had state is waited for in switches also while its copy is being made anew", () => {
  const port = { send() {}, bulkRoom: () => true, store() {}, changed() {}, event() {}, later() {} };
  const replica = new Replica(0, new GroupTable(), KNOWN, port);
  const group = new GroupState("web", replica, RULES, "b", STILL);
  assert.equal(group.hasState, false);
  replica.connected();
  group.setRole("primary", 2);
  replica.write([{ key: "k", value: new Uint8Array(1) }]);
  assert.equal(group.hasState, true);
  group.setRole("standby", 2);
  replica.receive({ kind: "sync", group: 0, sync: 1, common: 0, whole: false, upTo: 0, floor: 0, reigns: [] });
  assert.equal(replica.lsn, 0);
  assert.equal(group.hasState, true);
});
