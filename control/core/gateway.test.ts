/** The second opinion: what a node does that hears nothing of its peer, by whether its gateway answers. */
import assert from "node:assert/strict";
import { type Said, ScriptedNode, type ScriptSetup } from "./scripted.ts";

const GATEWAY = { address: "10.77.0.254", interface: "veth0", everyUs: 1_000_000, timeoutUs: 1000, fall: 2 };
const PEER_SERVES: Said = { role: "primary", epoch: 2 };

/** The gateway answers 0.2 ms after each question, until `off`. */
class AskingNode extends ScriptedNode {
  asked: number[] = [];
  answers = true;
  #seen = 0;

  constructor(setup: ScriptSetup = {}) {
    super({ gateway: GATEWAY, ...setup });
  }

  /** In steps that are shorter than anything in the machine. */
  run(ms: number): this {
    while (this.nowUs < ms * 1000) {
      this.until(Math.min(ms, this.nowUs / 1000 + 0.1));
      const { askedUs, open } = this.group.gateway!;
      if (askedUs !== this.#seen && open) {
        this.#seen = askedUs;
        this.asked.push(askedUs / 1000);
      }
      if (this.answers && open && this.nowUs - askedUs >= 200) this.on({ kind: "gatewayHeard", group: 0 });
    }
    return this;
  }

  /** The peer says the same every 2 ms. */
  talk(ms: number, said: Said): this {
    while (this.nowUs < ms * 1000) this.run(Math.min(ms, this.nowUs / 1000 + 2)).hears(said);
    return this;
  }
}

function standby(): AskingNode {
  const node = new AskingNode({ index: 1 }).run(1).hears(PEER_SERVES).talk(101, PEER_SERVES);
  node.told();
  return node;
}

function primary(): AskingNode {
  const node = new AskingNode().run(310);
  assert.equal(node.group.role, "primary");
  node.talk(400, { role: "standby", epoch: 2 });
  node.told();
  return node;
}

Deno.test("gateway answers: a failover takes exactly as long as without one", () => {
  const plain = new ScriptedNode({ index: 1 }).until(1).hears(PEER_SERVES).hearing(101, PEER_SERVES);
  plain.told();
  const asking = standby().run(112);
  assert.equal(asking.group.role, "primary");
  assert.equal(asking.group.sinceUs, plain.until(112).group.sinceUs);
});

Deno.test("a carrier that goes does not hurry a takeover: it shows to the node that is cut off as well; a dead port does", () => {
  for (const [source, silenceMs] of [["carrier", 10], ["port", 6]] as const) {
    const node = standby().on({ kind: "hint", source, reason: source });
    const from = node.nowUs;
    node.run(130);
    assert.equal(node.group.role, "primary");
    const took = (node.group.sinceUs - from) / 1000;
    assert.ok(took >= silenceMs && took < silenceMs + 3, `${source}: ${took} ms`);
  }
});

Deno.test("gateway silent too: no takeover, told once; within `every` when it answers again", () => {
  const node = standby();
  node.answers = false;
  node.run(400);
  assert.equal(node.group.role, "suspecting");
  const told = node.told();
  assert.equal(told.filter((line) => line.includes("event isolated")).length, 1);
  assert.equal(told.filter((line) => line.includes("alarm gateway web on")).length, 1);
  node.answers = true;
  node.run(1500);
  assert.equal(node.group.role, "primary");
  assert.ok(node.told().some((line) => line.includes("alarm gateway web off")));
});

Deno.test("who reaches its gateway again asks for the address anew: what nobody answered in the cut proves nothing", () => {
  for (const role of ["suspecting", "fenced"] as const) {
    const node = role === "suspecting" ? standby() : primary();
    node.answers = false;
    node.run(600);
    assert.equal(node.group.role, role);
    node.told();
    node.on({ kind: "gatewayHeard", group: 0 });
    const back = node.nowUs;
    node.answers = true;
    node.run(620);
    assert.equal(node.group.role, "primary");
    const probes = role === "suspecting" ? 2 : 8;
    assert.ok(node.group.sinceUs - back >= probes * 1500, `${role}: ${node.group.sinceUs - back} µs`);
  }
  const node = standby();
  node.answers = false;
  node.run(600);
  node.answers = true;
  for (let ms = 600; ms < 640; ms += 1) node.run(ms).on({ kind: "probeAnswered", group: 0, lower: true });
  assert.equal(node.group.role, "suspecting");
});

Deno.test("an answer from before the silence does not count", () => {
  const node = standby();
  node.on({ kind: "gatewayHeard", group: 0 });
  node.answers = false;
  node.run(200);
  assert.equal(node.group.role, "suspecting");
});

Deno.test("a primary that hears neither peer nor gateway gives up before the other node takes over", () => {
  const node = primary();
  node.answers = false;
  const lastHeard = node.nowUs / 1000;
  node.run(lastHeard + 30);
  assert.equal(node.group.role, "fenced");
  // suspect 6 ms + 2 × 1 ms: dead_after is 10 ms, and the other node may have heard the last heartbeat 2 ms earlier.
  assert.ok(node.group.sinceUs / 1000 - lastHeard <= 8, `${node.group.sinceUs / 1000 - lastHeard} ms`);
  const lost = node.told().find((line) => line.includes("event fenced"))!;
  assert.match(lost, /cancel, beat drop, addressesOff, event fenced/);
  // And stays so, though nobody answers for the address.
  node.run(700);
  assert.equal(node.group.role, "fenced");
  node.answers = true;
  node.run(1800);
  assert.equal(node.group.role, "primary");
});

Deno.test("a primary whose gateway answers serves on alone, and asks at leisure once the silence is old", () => {
  const node = primary();
  node.run(3400);
  assert.equal(node.group.role, "primary");
  assert.ok(node.asked.filter((ms) => ms > 1400).length <= 3, `${node.asked.filter((ms) => ms > 1400)}`);
  // Later the network is cut: one unanswered question, and the rest at the quick pace.
  node.answers = false;
  node.run(3400 + 1000 + 10);
  assert.equal(node.group.role, "fenced");
});

Deno.test("a long isolation does not make the next one slow", () => {
  const node = standby();
  node.answers = false;
  node.run(600);
  assert.equal(node.group.role, "suspecting");
  node.talk(700, PEER_SERVES);
  node.answers = true;
  const from = node.nowUs;
  node.run(800);
  assert.equal(node.group.role, "primary");
  assert.ok(node.group.sinceUs - from < 13_000, `${node.group.sinceUs - from} µs`);
});

Deno.test("a gateway that is restarted moves nothing while the nodes hear each other", () => {
  for (const [node, said] of [[primary(), { role: "standby", epoch: 2 }], [standby(), PEER_SERVES]] as const) {
    const role = node.group.role;
    node.answers = false;
    node.talk(4000, said);
    assert.equal(node.group.role, role);
    assert.deepEqual(node.told().filter((line) => /fenced|isolated|begin/.test(line)), []);
    node.answers = true;
    node.talk(6000, said);
    assert.equal(node.group.gateway!.lost, false);
  }
});

Deno.test("silence of the gateway from before the peer fell silent does not count against a primary either", () => {
  const node = primary();
  node.answers = false;
  node.talk(4000, { role: "standby", epoch: 2 });
  assert.equal(node.group.gateway!.unanswered >= 2, true);
  node.answers = true;
  node.run(4100);
  assert.equal(node.group.role, "primary");
});

Deno.test("consent needs no gateway", () => {
  const node = standby();
  node.answers = false;
  const fenced: Said = { role: "fenced", epoch: 2, able: false };
  node.run(102).hears(fenced).run(102.5).hears({ ...fenced, phase: "grant", switchId: node.group.switchId });
  assert.equal(node.group.role, "primary");
});

Deno.test("after an own sleep the gateway is asked anew", () => {
  const node = primary();
  node.answers = false;
  node.run(407.2);
  assert.equal(node.group.gateway!.open, true);
  node.nowUs = 460_000;
  node.on({ kind: "lateWake", lateUs: 50_000 }).on({ kind: "tick" });
  assert.equal(node.group.role, "primary");
  node.answers = true;
  node.run(500);
  assert.equal(node.group.role, "primary");
});

Deno.test("a node that starts alone beside a silent gateway serves nothing", () => {
  const node = new AskingNode();
  node.answers = false;
  assert.equal(node.run(1000).group.role, "suspecting");
  node.answers = true;
  assert.equal(node.run(2100).group.role, "primary");
});

Deno.test("both nodes beat at full rate where a gateway is asked: silence must mean the same to each", () => {
  const node = standby(), from = node.nowUs;
  let beats = 0, last = node.node.nextBeatUs;
  while (node.nowUs < from + 5000) {
    node.run(node.nowUs / 1000 + 0.25);
    if (node.node.nextBeatUs !== last) beats++;
    last = node.node.nextBeatUs;
  }
  assert.ok(beats >= 2, `${beats}`);
});
