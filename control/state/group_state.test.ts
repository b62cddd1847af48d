import assert from "node:assert/strict";
import { Replica } from "../core/state/replica.ts";
import { GroupTable } from "../core/state/table.ts";
import type { Clock } from "./clock.ts";
import { GroupState } from "./group_state.ts";
import { StateProblem } from "./problem.ts";
import type { StateRules } from "./rules.ts";

const KNOWN = { lsn: 0, reigns: [], copying: false };
const WAIT_US = 1_000_000;
const SECRET = new TextEncoder().encode("v");

/** A clock that goes when it is told to. */
class Still implements Clock {
  #nowUs = 0;
  #timers: { atUs: number; act: () => void }[] = [];
  nowUs = () => this.#nowUs;
  wall = () => "";
  soon = (act: () => void) => act();
  behind = (act: () => void) => act();
  after = (us: number, act: () => void) => {
    const timer = { atUs: this.#nowUs + us, act };
    this.#timers.push(timer);
    return () => void (this.#timers = this.#timers.filter((one) => one !== timer));
  };

  async goTo(us: number): Promise<void> {
    this.#nowUs = us;
    const due = this.#timers.filter(({ atUs }) => atUs <= us);
    this.#timers = this.#timers.filter((one) => !due.includes(one));
    for (const { act } of due) act();
    await undefined;
  }
}

/** A primary with so many keys whose standby has just come back with nothing, and has been offered everything. */
function returning(keys: number, whenAlone: StateRules["whenAlone"] = "accept") {
  const clock = new Still();
  const tasks: (() => void)[] = [];
  const later = (act: () => void) => void tasks.push(act);
  const port = { send() {}, room: () => true, store() {}, changed: () => group.changed(), event() {}, later };
  const replica = new Replica(0, new GroupTable(), KNOWN, port);
  const group: GroupState = new GroupState("web", replica, { whenAlone, waitUs: WAIT_US, maxBytes: 1e9 }, "b", clock);
  group.setRole("primary", 2);
  replica.write(Array.from({ length: keys }, (_, i) => ({ key: `k${i}`, value: SECRET })));
  group.setConnected(true);
  replica.connected();
  replica.receive({ kind: "state", group: 0, serving: false, lsn: 0, floor: 0, copying: false, reigns: [] });
  const put = () => group.write({ ops: [{ key: "k", value: SECRET }], ack: "replicated" });
  const ack = () => replica.receive({ kind: "ack", group: 0, sync: 1, received: replica.lsn, durable: 0 });
  /** One turn; false: there was nothing left to do. */
  const turn = () => {
    const task = tasks.shift();
    task?.();
    return task !== undefined;
  };
  return { clock, group, replica, put, ack, turn };
}

/** What became of a write by now: promises that can be kept have been. */
async function outcome(write: Promise<{ degraded: boolean }>): Promise<"waits" | "degraded" | "replicated"> {
  let known: "waits" | "degraded" | "replicated" = "waits";
  void write.then(({ degraded }) => known = degraded ? "degraded" : "replicated");
  for (let i = 0; i < 20; i++) await undefined;
  return known;
}

Deno.test("a group that has had state is waited for in switches also while its copy is being made anew", () => {
  const port = { send() {}, room: () => true, store() {}, changed() {}, event() {}, later() {} };
  const replica = new Replica(0, new GroupTable(), KNOWN, port);
  const rules = { whenAlone: "accept", waitUs: 1000, maxBytes: 1000 } as const;
  const group = new GroupState("web", replica, rules, "b", new Still());
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

Deno.test("while much is copied to the standby a write does not wait for it; from the moment it follows, it does", async () => {
  const { group, replica, put, ack, turn } = returning(20_000);
  assert.equal(await outcome(put()), "degraded");
  replica.receive({ kind: "ready", group: 0, sync: 1, keys: [] });
  do assert.equal(await outcome(put()), "degraded", "to its end"); while (turn());
  assert.deepEqual([replica.backlog, group.status().sync], [0, "catching-up"]);
  assert.equal(await outcome(put()), "degraded", "what was sent is not there yet");
  ack();
  const write = put();
  assert.equal(await outcome(write), "waits");
  ack();
  assert.equal(await outcome(write), "replicated");
});

Deno.test("writes are refused at once while much is copied, if that is the rule", async () => {
  const { put, replica } = returning(20_000, "refuse");
  await assert.rejects(put(), (error) => {
    assert.ok(error instanceof StateProblem);
    assert.equal(error.kind, "not-replicated");
    assert.equal(error.message, "b is not up to date yet, nothing was written");
    return true;
  });
  assert.equal(replica.lsn, 20_000);
});

Deno.test("a standby that lacks little is waited for, but not for long; once it follows, as long as the rule says", async () => {
  const { clock, put, replica, ack } = returning(10);
  const first = put();
  assert.equal(await outcome(first), "waits");
  await clock.goTo(252_000);
  assert.equal(await outcome(first), "degraded");
  assert.equal(await outcome(put()), "degraded", "nor does a later one begin to wait");
  replica.receive({ kind: "ready", group: 0, sync: 1, keys: [] });
  ack();
  assert.equal(replica.followed, true);
  const followed = put();
  await clock.goTo(252_000 + WAIT_US - 1000);
  assert.equal(await outcome(followed), "waits");
  ack();
  assert.equal(await outcome(followed), "replicated");
});

Deno.test("a write that waits when the standby turns out to lack much waits no longer", async () => {
  const { replica, put, ack } = returning(10);
  replica.receive({ kind: "ready", group: 0, sync: 1, keys: [] });
  ack();
  const waiting = put();
  assert.equal(await outcome(waiting), "waits");
  replica.write(Array.from({ length: 20_000 }, (_, i) => ({ key: `n${i}`, value: SECRET })));
  replica.receive({ kind: "state", group: 0, serving: false, lsn: 0, floor: 0, copying: true, reigns: [] });
  assert.equal(await outcome(waiting), "degraded");
});
