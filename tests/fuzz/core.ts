/**
 * The role machine under a peer that has the key but not its senses, and under a machine that does anything: each input is a history of
 * some events. It need not do the right thing then; it must not stop the process, spin, or go back in epochs.
 */
import assert from "node:assert/strict";
import { FAST } from "../../control/core/scripted.ts";
import { EPOCH_MAX } from "../../control/core/limits.ts";
import { emptyHeartbeat, type Heartbeat, PHASES } from "../../control/core/heartbeat.ts";
import { type CoreEvent, createNode, judgeHeartbeat, type NodeState, stepNode } from "../../control/core/node.ts";
import { noteSent } from "../../control/core/questions.ts";
import { ROLES } from "../../control/core/vocabulary.ts";
import { beatDone, nextWakeUs } from "../../control/core/wake.ts";
import type { Random } from "../simulation/random.ts";
import { below } from "./mutate.ts";
import type { FuzzTarget } from "./target.ts";

const GROUPS = 2;
const EVENTS_MAX = 40;
const GATEWAY = { address: "10.77.0.254", interface: "veth0", everyUs: 50_000, timeoutUs: 5_000, fall: 3 };
/** Wakes at one moment that nothing new explains. */
const SPINS_MAX = 8;

export const core: FuzzTarget = {
  name: "core",
  about: "histories of nonsense from an authentic peer, from the kernel and from operators, to the role machine",
  shortInputs: 4_000,
  inputMsMax: 2000,
  open() {
    let history: Line[] = [];
    return {
      play(random) {
        history = [];
        const machine = new Machine(random);
        for (let left = 1 + below(random, EVENTS_MAX); left > 0; left--) {
          machine.advance(history);
          const event = anyEvent(random, machine.node);
          history.push({ atUs: machine.nowUs, event });
          machine.on(event);
        }
        machine.advance(history);
      },
      // Text is made for a report alone: it takes longer than everything else.
      describe: () =>
        history.map(({ atUs, event }) => `${atUs} ${typeof event === "string" ? event : JSON.stringify(event)}`).join(
          "\n",
        ),
    };
  },
};

interface Line {
  readonly atUs: number;
  /** What happened, or how the groups stand. */
  readonly event: CoreEvent | string;
}

class Machine {
  readonly node: NodeState;
  nowUs = 0;
  #sent = 0;
  readonly #random: Random;
  readonly #epochs: number[];

  constructor(random: Random) {
    this.#random = random;
    const index = below(random, 2);
    this.node = createNode({
      index,
      name: "ab"[index]!,
      peerName: "ba"[index]!,
      session: 5,
      digest: new Uint8Array(8),
      limits: FAST,
      fencing: random.chance(0.3),
      arbiterUs: random.chance(0.3) ? 50_000 : null,
      groups: Array.from({ length: GROUPS }, (_, group) => ({
        name: `g${group}`,
        links: 1 + group,
        preferSelf: index === 0,
        preempt: random.chance(0.5),
        usedUpTo: random.chance(0.1) ? EPOCH_MAX - below(random, 3) : below(random, 5),
        reservedUpTo: random.chance(0.1) ? EPOCH_MAX : 1000,
        unproven: random.chance(0.2),
        shared: random.chance(0.2),
        ...(random.chance(0.3) ? { gateway: GATEWAY } : {}),
      })),
    }, 0);
    this.#epochs = this.node.groups.map(({ epoch }) => epoch);
  }

  /** Lets some time pass, with the ticks that the node asks for. */
  advance(history: Line[]): void {
    const endUs = this.nowUs + Math.round(this.#random.pick([0, 10, 1000, 10_000, 60_000]) * this.#random.next());
    for (let spins = 0;;) {
      const wake = nextWakeUs(this.node);
      assert.ok(!Number.isNaN(wake), "it does not know when to be woken");
      if (wake > endUs) break;
      spins = wake > this.nowUs ? 0 : spins + 1;
      if (spins > SPINS_MAX) assert.fail(`it asks for the present again and again: ${this.#roles()}`);
      this.nowUs = Math.max(this.nowUs, wake);
      this.on({ kind: "tick" });
    }
    this.nowUs = endUs;
    if (history.length > 0) history.push({ atUs: endUs, event: this.#roles() });
  }

  on(event: CoreEvent): void {
    const { node } = this;
    if (event.kind === "heard" && judgeHeartbeat(node, this.nowUs, event.beat) !== "fresh") return;
    const letGo: CoreEvent[] = [];
    for (const effect of stepNode(node, this.nowUs, event)) {
      if (effect.kind === "letGo") letGo.push(effect);
      if (effect.kind === "beat") beatDone(node, this.nowUs);
      // Each step is a heartbeat too; one more among them does no harm.
      noteSent(node.sent, ++this.#sent, this.nowUs);
      if (effect.kind === "take") {
        assert.ok(effect.epoch >= 1 && effect.epoch <= EPOCH_MAX, `took epoch ${effect.epoch}`);
      }
    }
    for (const [i, group] of node.groups.entries()) {
      assert.ok(group.epoch >= this.#epochs[i]!, `epoch ${this.#epochs[i]} of group ${i} became ${group.epoch}`);
      assert.ok(group.epoch <= EPOCH_MAX);
      this.#epochs[i] = group.epoch;
    }
    for (const one of letGo) this.on(one);
  }

  #roles(): string {
    return this.node.groups.map(({ role, phase, epoch }) => `${role} ${phase} ${epoch}`).join(", ");
  }
}

function anyBeat(random: Random, node: NodeState): Heartbeat {
  const { seq } = node.freshness;
  const beat = emptyHeartbeat();
  beat.node = 1 - node.index;
  beat.stopping = random.chance(0.05);
  beat.answerNow = random.chance(0.3);
  beat.session = random.chance(0.95) ? 6 : 7;
  beat.echoSession = random.chance(0.95) ? 5 : 4;
  beat.seq = random.chance(0.95) ? seq + 1 : Number.MAX_SAFE_INTEGER - below(random, 3);
  beat.groupCount = random.chance(0.95) ? GROUPS : below(random, 17);
  if (random.chance(0.03)) beat.digest[0] = 1;
  beat.linkCount = below(random, 3);
  const lastSent = Math.max(0, ...node.sent.seq);
  for (let i = 0; i < beat.linkCount; i++) beat.links[i]!.seq = Math.max(0, lastSent - below(random, 4));
  for (let i = 0; i < beat.groupCount; i++) {
    const own = node.groups[i];
    const group = beat.groups[i]!;
    group.role = random.pick(ROLES);
    group.phase = random.pick(PHASES);
    group.able = random.chance(0.8);
    group.traffic = random.chance(0.5);
    group.epoch = anyEpoch(random, own?.epoch ?? 0);
    group.switchId = random.chance(0.7) ? own?.moving.id || own?.switchId || 1 : below(random, 2 ** 32);
    group.links = random.pick([0, 1, 2, 3, 0xffff]);
  }
  return beat;
}

function anyEpoch(random: Random, own: number): number {
  if (random.chance(0.03)) return EPOCH_MAX - below(random, 2);
  return Math.min(EPOCH_MAX, Math.max(0, own + below(random, 7) - 3));
}

const REASON = "it pleased";
type Make = (random: Random, group: number, node: NodeState) => CoreEvent;
const MAKES: readonly Make[] = [
  () => ({ kind: "tick" }),
  (random, group) => ({ kind: "probeAnswered", group, lower: random.chance(0.5) }),
  (random, group) => ({ kind: "peerAsks", group, lower: random.chance(0.5) }),
  (_, group) => ({ kind: "leaseLost", group, reason: REASON }),
  (random, group) => ({ kind: "takeRefused", group, reason: REASON, late: random.chance(0.5) }),
  (_, group) => ({ kind: "holdFailed", group, reason: REASON }),
  (random, group) => ({ kind: "carrier", group, ok: random.chance(0.7), reason: REASON }),
  (random) => ({ kind: "rules", ok: random.chance(0.7) }),
  (_, group) => ({ kind: "busy", group }),
  (random, group) => ({ kind: "managed", group, on: random.chance(0.6) }),
  (random, group, node) => ({
    kind: "served",
    group,
    order: node.groups[group]!.serving.order - below(random, 2),
    ok: random.chance(0.7),
    reason: REASON,
  }),
  (random) => ({ kind: "hint", source: random.pick(["port", "carrier"] as const), reason: REASON }),
  (random) => ({ kind: "lateWake", lateUs: below(random, 100_000) }),
  (random, group) => ({ kind: "eligible", group, ok: random.chance(0.7), reason: REASON }),
  (random, group) => ({ kind: "compared", group, on: random.chance(0.7) }),
  (random, group, node) => ({ kind: "reignKnown", group, epoch: anyEpoch(random, node.groups[group]!.epoch) }),
  (random, group, node) => ({
    kind: "reserved",
    group,
    upTo: Math.min(EPOCH_MAX, node.groups[group]!.reservedUpTo + below(random, 2000)),
  }),
  (random, group) => ({
    kind: "switchover",
    group,
    command: below(random, 5),
    toSelf: random.pick([true, false, null]),
    timeoutUs: random.pick([0, 1000, 1_000_000]),
    force: random.chance(0.3),
  }),
  (_, group) => ({ kind: "gatewayHeard", group }),
  (random, _, node) => ({
    kind: "peerFenced",
    order: (node.fencing?.order ?? 0) - below(random, 2),
    ok: random.chance(0.5),
    reason: REASON,
  }),
  (random, _, node) => ({
    kind: "arbiter",
    order: (node.arbiter?.order ?? 0) - below(random, 2),
    word: random.chance(0.5)
      ? { word: "held", untilUs: node.nowUs + random.pick([-1, 0, 1000, 10_000_000, Infinity]) }
      : { word: random.pick(["taken", "failed"]), reason: REASON },
  }),
  (random, group) => ({ kind: "wire", group, reason: random.chance(0.5) ? "" : REASON }),
  (random) => ({ kind: "maintenance", on: random.chance(0.5) }),
];

function anyEvent(random: Random, node: NodeState): CoreEvent {
  if (random.chance(0.55)) return { kind: "heard", beat: anyBeat(random, node), link: random.pick([0, 1, 2, 3]) };
  if (random.chance(0.01)) return { kind: "stop" };
  return random.pick(MAKES)(random, below(random, GROUPS), node);
}
