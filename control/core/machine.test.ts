/** What must hold whatever happens, in whatever order: the peer may say anything, the kernel may refuse anything. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { PHASES } from "./heartbeat.ts";
import type { CoreEvent } from "./node.ts";
import { FAST, ScriptedNode } from "./scripted.ts";
import { ROLES } from "./vocabulary.ts";

const flag = fc.boolean();
const group = fc.constant(0);
const reason = fc.constant("x");

const event: fc.Arbitrary<CoreEvent> = fc.oneof(
  fc.record({ kind: fc.constantFrom("probeAnswered" as const, "peerAsks" as const), group, lower: flag }),
  fc.record({ kind: fc.constant("leaseLost" as const), group, reason }),
  fc.record({ kind: fc.constant("takeRefused" as const), group, reason, late: flag }),
  fc.record({ kind: fc.constant("holdFailed" as const), group, reason }),
  fc.record({ kind: fc.constant("carrier" as const), group, ok: flag, reason }),
  fc.record({ kind: fc.constant("rules" as const), ok: flag }),
  fc.record({
    kind: fc.constant("hint" as const),
    source: fc.constantFrom("port" as const, "carrier" as const),
    reason,
  }),
  fc.record({ kind: fc.constant("lateWake" as const), lateUs: fc.constant(5000) }),
  fc.record({ kind: fc.constant("eligible" as const), group, ok: flag, reason }),
  fc.record({ kind: fc.constant("reserved" as const), group, upTo: fc.integer({ min: 0, max: 3000 }) }),
  fc.record({
    kind: fc.constant("switchover" as const),
    group,
    command: fc.constant(0),
    toSelf: fc.constantFrom(null, true, false),
    timeoutUs: fc.constantFrom(10_000, 500_000),
    force: fc.constant(false),
  }),
);

const heard = fc.record({
  role: fc.constantFrom(...ROLES),
  phase: fc.constantFrom(...PHASES),
  able: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  epoch: fc.integer({ min: 0, max: 30 }),
  /** The switch that this node speaks of, or another. */
  ours: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.constant(false)),
  links: fc.integer({ min: 0, max: 3 }),
  link: fc.constantFrom(0, 1, 2),
  digest: fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, fc.constant(9)),
});

const act = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constant("hear" as const), said: heard }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("event" as const), event }) },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant("wait" as const),
      us: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 30_000 }), fc.constant(400_000)),
    }),
  },
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

/** Follows one node and knows what it may not do. */
class Watch {
  readonly node: ScriptedNode;
  #held = false;
  #open = false;
  #took = 0;
  #epoch = 0;
  #command = 0;
  readonly answered = new Set<number>();

  constructor(index: number, links: number) {
    this.node = new ScriptedNode({ index, links, reservedUpTo: 40 });
  }

  play(it: Act): void {
    const { node } = this;
    if (it.does === "wait") {
      node.until(node.nowUs / 1000 + it.us / 1000);
    } else if (it.does === "hear") {
      const { ours, link, digest, ...said } = it.said;
      node.hears({ ...said, switchId: ours ? node.group.switchId : 9 }, link, digest);
    } else if (it.event.kind === "switchover") {
      node.on({ ...it.event, command: ++this.#command });
    } else {
      if (it.event.kind === "leaseLost") this.#held = false;
      node.on(it.event);
    }
    for (const line of node.told()) {
      for (const effect of line.replace(/^\S+ /, "").split(", ")) this.#effect(effect, line);
    }
    this.#state();
  }

  #effect(effect: string, line: string): void {
    const [kind, text] = effect.split(" ");
    if (kind === "take") {
      assert.ok(!this.#held, `takes what it has: ${line}`);
      assert.ok(Number(text) > this.#took && Number(text) % 2 === this.node.node.index, `epoch: ${line}`);
      this.#held = true;
      this.#took = Number(text);
    } else if (effect === "beat drop") {
      this.#held = false;
    } else if (kind === "begin") {
      this.#open = true;
    } else if (kind === "end" || kind === "cancel") {
      this.#open = false;
    } else if (kind === "result") {
      assert.ok(!this.answered.has(Number(text)), `answered twice: ${line}`);
      this.answered.add(Number(text));
    }
  }

  #state(): void {
    const { group, state } = this.node;
    assert.ok(group.epoch >= this.#epoch, `the epoch fell to ${group.epoch} from ${this.#epoch}`);
    this.#epoch = group.epoch;
    const settled = (group.role === "standby" && group.phase !== "giveBack") ||
      (group.role === "primary" && !group.settling);
    if (!settled) return;
    assert.ok(!this.#open, `a switch is still open: ${state}`);
    assert.ok(!group.holding, `packets are still held: ${state}`);
    const pending = group.moving.command !== 0;
    assert.ok(!pending || group.phase === "offer", `an operator still waits: ${state}`);
    if (group.role === "primary") assert.ok(this.#held || !group.carrier, `primary without a take: ${state}`);
  }

  /** Everything is over: nothing may be left waiting. */
  end(): void {
    for (const one of ["carrier", "eligible"] as const) {
      this.play({ does: "event", event: { kind: one, group: 0, ok: true, reason: "" } });
    }
    this.play({ does: "event", event: { kind: "rules", ok: true } });
    this.play({ does: "event", event: { kind: "reserved", group: 0, upTo: 100_000 } });
    this.play({ does: "wait", us: 2_000_000 });
    assert.equal(this.node.group.role, "primary", "alone, with everything in order, it serves");
    for (let id = 1; id <= this.#command; id++) assert.ok(this.answered.has(id), `command ${id} was never answered`);
  }
}

const history = fc.tuple(fc.constantFrom(0, 1), fc.constantFrom(1, 3), fc.array(act, { maxLength: 60 }));

Deno.test("no history of events takes twice, lowers an epoch, leaves a switch open, spins or throws", () => {
  fc.assert(
    fc.property(history, ([index, links, acts]) => {
      const watch = new Watch(index, links);
      for (const it of acts) watch.play(it);
      watch.end();
    }),
    { numRuns: 2000 },
  );
});

Deno.test("the same events give the same orders", () => {
  fc.assert(
    fc.property(history, ([index, links, acts]) => {
      const runs = [1, 2].map(() => {
        const watch = new Watch(index, links);
        return acts.map((it) => {
          watch.play(it);
          return watch.node.state;
        });
      });
      assert.deepEqual(runs[0], runs[1]);
    }),
    { numRuns: 100 },
  );
});

Deno.test("new timing counts from the next event", () => {
  const slow = { ...FAST, startWaitUs: 900_000 };
  const node = new ScriptedNode().on({ kind: "limits", limits: slow }).until(800);
  assert.equal(node.group.role, "starting");
  assert.equal(node.until(910).group.role, "primary");
});
