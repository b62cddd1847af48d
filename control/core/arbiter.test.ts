/** The arbiter: who waits for it and for how long, who does not, and when a primary stops. */
import assert from "node:assert/strict";
import type { ArbiterWord } from "./arbiter.ts";
import { guardUs, PORT_VALID_US, stopsAfterUs, takesAfterUs, takesFromStartUs } from "./entitled.ts";
import { planLimits } from "./limits.ts";
import { FAST, type Said, ScriptedNode } from "./scripted.ts";

const ANSWER_US = 100_000;
const STOPS_MS = stopsAfterUs(FAST, ANSWER_US) / 1000, TAKES_MS = takesAfterUs(FAST, ANSWER_US) / 1000;
const PEER_SERVES: Said = { role: "primary", epoch: 2 };
const PEER_WAITS: Said = { role: "standby", epoch: 2 };

/** Heard until 5,000 ms, so that its start is long ago. */
function standby(): ScriptedNode {
  const node = new ScriptedNode({ index: 1, arbiterUs: ANSWER_US }).until(1).hears(PEER_SERVES);
  node.hearing(5000, PEER_SERVES);
  node.told();
  return node;
}

function primary(): ScriptedNode {
  const node = new ScriptedNode({ arbiterUs: ANSWER_US }).until(1).hears({ role: "standby", able: false });
  const switchId = node.group.switchId;
  node.until(2).hears({ role: "standby", able: false, phase: "grant", switchId });
  assert.equal(node.group.role, "primary");
  node.hearing(5000, PEER_WAITS);
  node.told();
  return node;
}

function says(node: ScriptedNode, word: ArbiterWord, order = node.node.arbiter!.order): ScriptedNode {
  return node.on({ kind: "arbiter", order, word }).on({ kind: "tick" });
}

const held = (node: ScriptedNode, ms: number): ArbiterWord => ({ word: "held", untilUs: node.nowUs + ms * 1000 });
const about = (node: ScriptedNode, word: string) => node.told().filter((line) => line.includes(word));

Deno.test("with two that hear each other nobody is asked, whatever moves", () => {
  const node = standby();
  node.on({ kind: "switchover", group: 0, command: 7, toSelf: true, timeoutUs: 100_000, force: false });
  const { switchId } = node.group;
  node.until(5001).hears({ role: "leaving", phase: "released", epoch: 2, switchId });
  assert.equal(node.group.role, "primary");
  node.hearing(6000, PEER_WAITS);
  assert.deepEqual(about(node, "claimKey"), []);
});

Deno.test("a takeover: asked when silence and probes have proven what they can, and only after the other one has stopped", () => {
  const node = standby().until(5050);
  const [asked] = about(node, "claimKey");
  // A third of its time after the one that serves.
  assert.match(asked!, /^504[3-6].* claimKey 1, step arbiter asked/);
  says(node, held(node, 9000));
  node.until(5000 + TAKES_MS - 1);
  assert.equal(node.group.role, "suspecting", "the key is not enough");
  node.until(5000 + TAKES_MS + 3);
  assert.equal(node.group.role, "primary");
  assert.match(node.told().join("; "), /arbiter: the key is ours.*event arbiter.*take 3/);
  assert.ok(TAKES_MS > STOPS_MS + guardUs(FAST) / 1000);
});

Deno.test("no key, no takeover: told once with the reason, and an alarm until it is ours", () => {
  const node = standby().until(5050);
  says(node, { word: "failed", reason: "https://e: no answer" }).until(6000);
  assert.equal(node.group.role, "suspecting");
  const told = node.told();
  assert.equal(told.filter((line) => line.includes("event isolated")).length, 1);
  assert.equal(told.filter((line) => line.includes("alarm arbiter-key on")).length, 1);
  says(node, { word: "taken", reason: "a has the arbiter's key" }).until(9000);
  assert.equal(node.group.role, "suspecting");
  says(node, held(node, 5000));
  node.until(9003);
  assert.equal(node.group.role, "primary");
  assert.equal(about(node, "alarm arbiter-key off").length, 1);
});

Deno.test("an answer to an older order is nothing, and one about a lease that is nearly over neither", () => {
  const node = standby().until(5050);
  says(node, held(node, 9000), 0);
  says(node, held(node, guardUs(FAST) / 1000)).until(6000);
  assert.equal(node.group.role, "suspecting");
  node.hears(PEER_SERVES);
  assert.equal(about(node, "releaseKey").length, 1);
  says(node, held(node, 9000), 1).until(8000);
  assert.equal(node.group.role, "suspecting", "what was given back is not counted on");
});

Deno.test("a primary that hears nothing asks at once, and stops when it has no key in time", () => {
  const node = primary().until(5000 + STOPS_MS - 3);
  assert.equal(node.group.role, "primary");
  const [asked] = about(node, "claimKey");
  assert.ok(Number(asked!.split(" ")[0]) <= 5000 + (FAST.suspectUs + 3 * FAST.heartbeatUs) / 1000, asked);
  says(node, { word: "failed", reason: "https://e: no answer" });
  assert.equal(node.group.role, "primary", "it may still come");
  node.until(5000 + STOPS_MS + 2);
  assert.equal(node.group.role, "fenced");
  assert.match(node.told().join("; "), /beat drop, addressesOff, event fenced/);
});

Deno.test("with the key it goes on, until the lease that was told last is nearly over", () => {
  const node = primary().until(5020);
  says(node, held(node, 1000)).until(5500);
  says(node, held(node, 1000)).until(6500 - guardUs(FAST) / 1000 - 3);
  assert.equal(node.group.role, "primary");
  says(node, { word: "failed", reason: "https://e: no answer" }).until(6500 - guardUs(FAST) / 1000 + 2);
  assert.equal(node.group.role, "fenced");
});

Deno.test("a key that somebody else has ends what was held, at once", () => {
  const node = primary().until(5020);
  says(node, held(node, 9000)).until(6000);
  says(node, { word: "taken", reason: "b has the arbiter's key" });
  assert.equal(node.group.role, "fenced");
  says(node, held(node, 9000));
  node.until(6030);
  assert.equal(node.group.role, "primary", "it takes again when nobody speaks and the key is ours");
});

Deno.test("a peer that speaks but does not hear us counts as lost to a primary, and a standby leaves it the key", () => {
  const node = primary(), { seq } = node;
  for (let ms = 5002; ms < 5000 + STOPS_MS + 4; ms += 2) {
    node.until(ms).hears({ role: "suspecting", epoch: 2 }, 1, 0, seq);
  }
  assert.equal(node.group.role, "fenced");
  assert.equal(node.node.arbiter!.wanted, false, "the other one may need it");
  const other = standby(), { seq: last } = other;
  for (let ms = 5002; ms < 5400; ms += 2) other.until(ms).hears(PEER_SERVES, 1, 0, last);
  assert.deepEqual(about(other, "claimKey"), []);
});

Deno.test("heard again: the key goes back, the role stays", () => {
  const node = primary().until(5020);
  says(node, held(node, 9000)).until(5200).hears(PEER_WAITS);
  assert.equal(node.group.role, "primary");
  assert.match(node.told().join("; "), /releaseKey 1/);
  node.until(5220);
  assert.match(node.told().join("; "), /claimKey 2/);
});

Deno.test("the peer's kernel says that its daemon is gone: nobody waits longer than that daemon's lease", () => {
  const gone = { kind: "hint", source: "port", reason: "port unreachable", sure: true } as const;
  const node = standby().until(5002).on(gone).until(5060);
  assert.equal(node.group.role, "primary");
  const took = node.group.sinceUs / 1000 - 5002;
  assert.ok(took >= 24 && took < 28, `${took} ms`);
  // It goes on while the kernel says so, without any key.
  for (let ms = 6000; ms <= 20_000; ms += 1000) node.until(ms).on(gone);
  assert.equal(node.group.role, "primary");
  node.until(20_000 + PORT_VALID_US / 1000 + 3);
  assert.equal(node.group.role, "fenced");
});

Deno.test("... but not what a filter says on a path that never worked, nor what was read after a sleep", () => {
  const node = standby().until(5002).on({ kind: "hint", source: "port", reason: "refused" }).until(5100);
  assert.equal(node.group.role, "suspecting");
  node.on({ kind: "lateWake", lateUs: 5000 }).on({ kind: "hint", source: "port", reason: "old", sure: true }).until(
    5200,
  );
  assert.equal(node.group.role, "suspecting");
});

Deno.test("a node that starts alone takes with the key, and not before a former run of its peer's word is worth nothing", () => {
  const node = new ScriptedNode({ arbiterUs: ANSWER_US }).until(400);
  assert.equal(about(node, "claimKey").length, 1);
  says(node, held(node, 60_000)).until(takesFromStartUs(FAST, ANSWER_US) / 1000 - 1);
  assert.equal(node.group.role, "suspecting");
  node.until(takesFromStartUs(FAST, ANSWER_US) / 1000 + 3);
  assert.equal(node.group.role, "primary");
});

Deno.test("the old node of a switchover stops too, whatever the other one keeps on saying", () => {
  const node = primary();
  node.hears({ role: "preparing", phase: "want", epoch: 2, switchId: 9 });
  assert.equal(node.group.role, "leaving");
  node.on({ kind: "managed", group: 0, on: true });
  node.group.moving.drainEndUs = Infinity;
  const { seq } = node;
  for (let ms = 5002; ms < 5000 + STOPS_MS + 6; ms += 2) {
    node.until(ms).hears({ role: "preparing", phase: "want", epoch: 2, switchId: 9 }, 1, 0, seq);
  }
  assert.match(node.told().join("; "), /5110 cancel, beat drop, addressesOff, event fenced/);
  // What the other one wants is there to take.
  assert.ok(node.group.role === "leaving" && node.group.moving.leaseGone);
});

Deno.test("for every timing: who takes has waited until the other one's kernel is silent, though its clock is the faster one", () => {
  for (const scale of [1, 5, 50, 500]) {
    const limits = planLimits({
      ...FAST,
      heartbeatUs: 2000 * scale,
      leaseUs: 20_000 * scale,
      suspectUs: 6000 * scale,
      deadAfterUs: 10_000 * scale,
    });
    for (const answerUs of [20_000, 300_000, 30_000_000]) {
      const takes = takesAfterUs(limits, answerUs) / 1.005, stops = stopsAfterUs(limits, answerUs) * 1.005;
      assert.ok(takes > stops * 0.99999 + limits.leaseUs, `${scale} ${answerUs}`);
    }
  }
});
