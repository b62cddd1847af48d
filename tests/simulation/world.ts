/**
 * Two nodes, their kernels, their links, a client and an arbiter in one thread, played from a seed. The nodes run the same
 * pure core as the daemon; what is simulated is what the daemon gets from Linux.
 */
import { fillHeartbeat } from "../../control/core/beat.ts";
import type { Effect } from "../../control/core/effects.ts";
import { beatStep, type GroupState } from "../../control/core/group.ts";
import { emptyHeartbeat, type Heartbeat } from "../../control/core/heartbeat.ts";
import { planLimits } from "../../control/core/limits.ts";
import { type CoreEvent, createNode, judgeHeartbeat, type NodeState, stepNode } from "../../control/core/node.ts";
import { beatDone, nextWakeUs } from "../../control/core/wake.ts";
import { SimKernel } from "./kernel.ts";
import type { Random } from "./random.ts";

export const FAST = {
  heartbeatUs: 2000,
  leaseUs: 20_000,
  suspectUs: 6000,
  deadAfterUs: 10_000,
  drainUs: 500,
  barrierUs: 1000,
  startWaitUs: 300_000,
};
const LIMITS = planLimits(FAST);
const LAN = 1;
const EPOCH_BLOCK = 1000;

interface Input {
  readonly at: number;
  readonly event: CoreEvent | { readonly kind: "datagram"; readonly beat: Heartbeat; readonly link: number };
}

export interface SimNode {
  readonly index: number;
  readonly kernel: SimKernel;
  core: NodeState | null;
  beat: Heartbeat;
  powered: boolean;
  carrier: boolean;
  /** The process neither runs nor reads until then. */
  stoppedUntil: number;
  inbox: Input[];
  plannedWake: number;
  reservedUpTo: number;
  results: { id: number; ok: boolean; error: string }[];
}

export interface Links {
  cable: boolean;
  /** Heartbeats from node i to the other are filtered everywhere. */
  readonly deaf: [boolean, boolean];
  lossShare: number;
}

export class SimWorld {
  now = 0;
  readonly nodes: readonly [SimNode, SimNode];
  readonly links: Links = { cable: true, deaf: [false, false], lossShare: 0 };
  readonly trace: string[] = [];
  readonly served: { seq: number; node: number; at: number }[] = [];
  readonly lost: { seq: number; why: string }[] = [];
  readonly takes: { at: number; node: number; epoch: number }[] = [];
  readonly violations: string[] = [];
  /** Share of orders about services that fail; null: the group has no services. */
  servicesFail: number | null = null;
  /** Of this share of takes each waits for the kernel first, up to so long, and its thread does nothing else meanwhile. */
  slowTakes = { share: 0, longestUs: 0 };
  /** What a turn of the reactor reads at most. */
  readsAtOnce = Infinity;
  /** Sabotage, to see that the arbiter notices: answers to probes get lost. */
  probesAnswered = true;
  #seq = 0;
  /** Where the switch sends the address. */
  #owner = -1;
  #queue: { at: number; order: number; run: () => void }[] = [];
  #order = 0;

  constructor(readonly random: Random, readonly clientEveryUs = 500) {
    this.nodes = [this.#node(0), this.#node(1)];
    this.at(0, () => this.#client());
  }

  #node(index: number): SimNode {
    return {
      index,
      kernel: new SimKernel(FAST.leaseUs, FAST.deadAfterUs),
      core: null,
      beat: emptyHeartbeat(),
      powered: true,
      carrier: true,
      stoppedUntil: -Infinity,
      inbox: [],
      plannedWake: Infinity,
      reservedUpTo: 0,
      results: [],
    };
  }

  at(time: number, run: () => void): void {
    const entry = { at: time, order: this.#order++, run };
    let low = 0, high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#queue[middle]!;
      if (other.at < entry.at || (other.at === entry.at && other.order < entry.order)) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, entry);
  }

  runUntil(end: number): void {
    for (let next = this.#queue[0]; next !== undefined && next.at <= end; next = this.#queue[0]) {
      this.#queue.shift();
      this.now = Math.max(this.now, next.at);
      next.run();
      this.#watch();
    }
    this.now = end;
  }

  log(text: string): void {
    this.trace.push(`${(this.now / 1000).toFixed(3)} ${text}`.trimEnd());
  }

  // ---- the arbiter

  /** Never two kernels that may speak as the address at one moment. */
  #watch(): void {
    const both = this.nodes.every((node) => node.powered && node.carrier && node.kernel.leaseAlive(this.now));
    if (both && this.violations.length === 0) {
      this.violations.push(`two owners at ${(this.now / 1000).toFixed(3)} ms`);
      this.log("VIOLATION two owners");
    }
  }

  // ---- nodes

  start(index: number): void {
    const node = this.nodes[index]!;
    const usedUpTo = node.reservedUpTo;
    node.reservedUpTo += EPOCH_BLOCK;
    node.inbox = [];
    node.beat = emptyHeartbeat();
    node.stoppedUntil = -Infinity;
    node.core = createNode(
      {
        index,
        name: "ab"[index]!,
        peerName: "ba"[index]!,
        session: 1 + Math.floor(this.random.next() * 2 ** 40),
        digest: new Uint8Array(8),
        limits: LIMITS,
        groups: [{
          name: "web",
          links: LAN,
          preferSelf: index === 0,
          preempt: false,
          usedUpTo,
          reservedUpTo: node.reservedUpTo,
          unproven: false,
        }],
      },
      this.now,
    );
    node.kernel.reset();
    this.log(`${"ab"[index]} starts`);
    stepNode(node.core, this.now, { kind: "carrier", group: 0, ok: node.carrier, reason: "no carrier" });
    if (this.servicesFail !== null) this.#give(node, { kind: "managed", group: 0, on: true }, 0);
    this.#scheduleWake(node);
  }

  /** kill -9: the process is gone, its kernel stays. */
  kill(index: number): void {
    const node = this.nodes[index]!;
    this.log(`${"ab"[index]} killed`);
    node.core = null;
    // The queues belong to the process's sockets.
    node.kernel.queue(false);
    this.#loseHeld(node);
  }

  powerOff(index: number): void {
    this.kill(index);
    const node = this.nodes[index]!;
    node.powered = false;
    node.kernel.reset();
  }

  #loseHeld(node: SimNode): void {
    for (const packet of [...node.kernel.fromPeer, ...node.kernel.direct]) {
      this.lost.push({ seq: packet.seq, why: "held by a dead node" });
    }
    node.kernel.fromPeer.length = 0;
    node.kernel.direct.length = 0;
  }

  powerOn(index: number): void {
    this.nodes[index]!.powered = true;
    this.start(index);
  }

  stop(index: number, forUs: number): void {
    const node = this.nodes[index]!;
    this.log(`${"ab"[index]} stopped for ${(forUs / 1000).toFixed(1)} ms`);
    node.stoppedUntil = Math.max(node.stoppedUntil, this.now + forUs);
    this.at(node.stoppedUntil, () => this.#wake(node));
  }

  setCarrier(index: number, ok: boolean): void {
    const node = this.nodes[index]!;
    this.log(`${"ab"[index]} carrier ${ok}`);
    node.carrier = ok;
    this.#give(node, { kind: "carrier", group: 0, ok, reason: "no carrier" }, this.random.between(50, 10_000));
  }

  /** An event from the rest of the node: a track, a kernel that refuses. */
  tell(index: number, event: CoreEvent): void {
    this.#give(this.nodes[index]!, event, 0);
  }

  switchover(index: number, command: number): void {
    this.#give(this.nodes[index]!, {
      kind: "switchover",
      group: 0,
      command,
      toSelf: null,
      timeoutUs: 500_000,
      force: false,
    }, 10);
  }

  #give(node: SimNode, event: Input["event"], delayUs: number): void {
    const core = node.core;
    this.at(this.now + delayUs, () => {
      if (node.core !== core || core === null) return;
      node.inbox.push({ at: this.now, event });
      if (this.now >= node.stoppedUntil) this.#wake(node);
    });
  }

  #scheduleWake(node: SimNode): void {
    const core = node.core;
    if (core === null) return;
    node.plannedWake = Math.max(this.now, nextWakeUs(core));
    const planned = node.plannedWake;
    // Timers come a little late, and now and then much.
    const late = this.random.chance(0.002) ? this.random.between(1000, 9000) : this.random.between(0, 100);
    this.at(planned + late, () => {
      if (node.core === core && node.plannedWake === planned && this.now >= node.stoppedUntil) this.#wake(node);
    });
  }

  /** One turn of the reactor: late? then everything that came in, then the tick. */
  #wake(node: SimNode): void {
    if (node.core === null || this.now < node.stoppedUntil) return;
    const late = this.now - node.plannedWake;
    if (late > LIMITS.lateUs) this.#step(node, { kind: "lateWake", lateUs: late });
    // A take that waits for the kernel is in the middle of a turn: what comes behind it waits too.
    const waits = () => node.core === null || this.now < node.stoppedUntil;
    for (let i = 0; i < this.readsAtOnce && !waits() && node.inbox.length > 0; i++) {
      this.#input(node, node.inbox.shift()!);
    }
    if (!waits()) this.#step(node, { kind: "tick" });
    if (waits()) return;
    if (node.inbox.length > 0) this.at(this.now + 20, () => this.#wake(node));
    else this.#scheduleWake(node);
  }

  #input(node: SimNode, input: Input): void {
    const event = input.event;
    if (event.kind !== "datagram") return this.#step(node, event);
    const verdict = judgeHeartbeat(node.core!, this.now, event.beat);
    if (verdict === "fresh") this.#step(node, { kind: "heard", beat: event.beat, link: event.link });
    else if (verdict === "copy") this.#step(node, { kind: "copy", beat: event.beat, link: event.link });
    else if (verdict === "greeting") this.#beat(node, null, null);
  }

  #step(node: SimNode, event: CoreEvent): void {
    const core = node.core!;
    const group = core.groups[0]!;
    const before = group.role;
    const effects = [...stepNode(core, this.now, event)];
    if (group.role !== before) this.log(`${core.name} ${before} → ${group.role} (${event.kind}) epoch ${group.epoch}`);
    this.#run(node, group, effects);
  }

  #run(node: SimNode, group: GroupState, effects: Effect[]): void {
    const core = node.core;
    for (let effect = effects.shift(); effect !== undefined && node.core === core; effect = effects.shift()) {
      if (effect.kind === "take" && this.slowTakes.share > 0 && this.random.chance(this.slowTakes.share)) {
        return this.#waitThenTake(node, group, effect.epoch, effects);
      }
      this.#do(node, group, effect);
    }
  }

  #waitThenTake(node: SimNode, group: GroupState, epoch: number, then: Effect[]): void {
    const core = node.core, until = this.now + this.random.between(0, this.slowTakes.longestUs);
    node.stoppedUntil = Math.max(node.stoppedUntil, until);
    this.at(node.stoppedUntil, () => {
      if (node.core !== core) return;
      this.#take(node, epoch);
      this.#run(node, group, then);
      this.#wake(node);
    });
  }

  #do(node: SimNode, g: GroupState, effect: Effect): void {
    switch (effect.kind) {
      case "beat":
        return this.#beat(node, effect.group === null ? null : g, effect.step);
      case "probe":
        return this.#probe(node);
      case "announce":
        return this.#announce(node);
      case "take":
        return this.#take(node, effect.epoch);
      case "hold":
        node.kernel.queue(true);
        return this.#beat(node, g, "hold");
      case "serve":
        return this.#serve(node, effect);
      case "releasePeer":
        if (g.role !== "primary") return;
        return this.#deliver(node, node.kernel.fromPeer);
      case "finishHold":
        this.#deliver(node, node.kernel.fromPeer);
        this.#deliver(node, node.kernel.direct);
        node.kernel.queue(false);
        node.kernel.mark(this.now, "unhold");
        return;
      case "giveBack":
        return this.#giveBack(node);
      case "reserve": {
        node.reservedUpTo = Math.max(node.reservedUpTo, effect.above) + EPOCH_BLOCK;
        return this.#give(node, { kind: "reserved", group: 0, upTo: node.reservedUpTo }, 2000);
      }
      case "result":
        node.results.push({ id: effect.id, ok: effect.ok, error: effect.error });
        this.log(`${node.core!.name} result ${effect.id} ${effect.ok} ${effect.error}`);
        return;
      default:
        return;
    }
  }

  /** The main thread: mostly quick, now and then slow, and sometimes it cannot. */
  #serve(node: SimNode, { order, to }: Extract<Effect, { kind: "serve" }>): void {
    const delay = this.random.chance(0.1) ? this.random.between(10_000, 100_000) : this.random.between(100, 2000);
    const ok = to === "standby" || !this.random.chance(this.servicesFail ?? 0);
    this.#give(node, { kind: "served", group: 0, order, ok, reason: ok ? "" : "a service fails" }, delay);
  }

  /** Heartbeats leave on the LAN under their mark, on the cable without; each with its own delay. */
  #beat(node: SimNode, marked: GroupState | null, step: string | null): void {
    const core = node.core!;
    const g = core.groups[0]!;
    const mark = marked !== null && step !== null ? step : beatStep(core, g);
    if (mark !== null && !node.kernel.mark(this.now, mark)) {
      this.#step(
        node,
        mark === "take"
          ? { kind: "takeRefused", group: 0, reason: "not armed", late: true }
          : { kind: "leaseLost", group: 0, reason: "refused" },
      );
      return;
    }
    fillHeartbeat(core, this.now, node.beat);
    node.beat.linkCount = 1;
    node.beat.links[0]!.seq = core.freshness.seq;
    const copy = structuredClone(node.beat);
    this.#send(node, copy, LAN);
    this.#send(node, copy, 0);
    beatDone(core, this.now);
  }

  #send(node: SimNode, beat: Heartbeat, link: number): void {
    const peer = this.nodes[1 - node.index]!;
    const up = link === LAN ? node.carrier && peer.carrier : this.links.cable;
    if (
      !up || !node.powered || !peer.powered || this.links.deaf[node.index] || this.random.chance(this.links.lossShare)
    ) return;
    this.#give(peer, { kind: "datagram", beat, link }, this.#lanDelay(node.index, link));
  }

  #lastArrival = [0, 0, 0, 0];
  /** Frames on one wire do not overtake each other. */
  #lanDelay(from: number, link: number): number {
    const wire = from * 2 + (link === LAN ? 1 : 0);
    const arrival = Math.max(this.now + this.random.between(30, 150), this.#lastArrival[wire]! + 1);
    this.#lastArrival[wire] = arrival;
    return arrival - this.now;
  }

  /** The switch and the neighbours learn; so does the other node. */
  #announce(node: SimNode): void {
    if (!node.carrier || !node.kernel.leaseAlive(this.now)) return;
    this.at(this.now + this.random.between(20, 100), () => {
      this.#owner = node.index;
      const peer = this.nodes[1 - node.index]!;
      if (peer.carrier && peer.powered) {
        this.#give(peer, { kind: "probeAnswered", group: 0, lower: peer.index === 0 }, this.random.between(30, 200));
      }
    });
  }

  #probe(node: SimNode): void {
    node.kernel.mark(this.now, "arm");
    const peer = this.nodes[1 - node.index]!;
    const core = node.core;
    this.at(this.now + this.random.between(30, 120), () => {
      if (!node.carrier || !peer.carrier || !node.powered || !peer.powered) return;
      this.#give(peer, { kind: "peerAsks", group: 0, lower: peer.index === 0 }, this.random.between(30, 200));
      if (!peer.kernel.leaseAlive(this.now) || !this.probesAnswered || node.core !== core) return;
      this.#give(node, { kind: "probeAnswered", group: 0, lower: node.index === 0 }, this.random.between(30, 200));
    });
  }

  #take(node: SimNode, epoch: number): void {
    if (!node.kernel.mark(this.now, "take")) {
      return this.#step(node, { kind: "takeRefused", group: 0, reason: "not armed", late: true });
    }
    this.log(`${node.core!.name} TAKES epoch ${epoch}`);
    if (this.takes.some((one) => one.epoch === epoch)) this.violations.push(`epoch ${epoch} used twice`);
    if (this.takes.some((one) => one.node === node.index && one.epoch > epoch)) {
      this.violations.push(`epoch ${epoch} of ${node.index} fell`);
    }
    this.takes.push({ at: this.now, node: node.index, epoch });
    this.#announce(node);
    this.#beat(node, null, null);
  }

  // ---- packets

  #client(): void {
    const seq = this.#seq++;
    if (this.#owner >= 0) this.#arrive(this.nodes[this.#owner]!, { seq, fromPeer: false });
    this.at(this.now + this.clientEveryUs, () => this.#client());
  }

  #arrive(node: SimNode, packet: { seq: number; fromPeer: boolean }): void {
    if (!node.powered || !node.carrier) {
      this.lost.push({ seq: packet.seq, why: "node off" });
      return;
    }
    const fate = node.kernel.receive(this.now, packet);
    if (fate === "served") this.served.push({ seq: packet.seq, node: node.index, at: this.now });
    else if (fate === "dropped") this.lost.push({ seq: packet.seq, why: `dropped by ${"ab"[node.index]}` });
    else if (fate === "passed") {
      this.at(
        this.now + this.#lanDelay(node.index, LAN),
        () => this.#arrive(this.nodes[1 - node.index]!, { seq: packet.seq, fromPeer: true }),
      );
    }
  }

  #deliver(node: SimNode, queue: { seq: number; fromPeer: boolean }[]): void {
    for (const packet of queue.splice(0)) {
      if (node.kernel.leaseAlive(this.now)) this.served.push({ seq: packet.seq, node: node.index, at: this.now });
      else this.lost.push({ seq: packet.seq, why: "released without a lease" });
    }
  }

  #giveBack(node: SimNode): void {
    const peer = this.nodes[1 - node.index]!;
    const held = [...node.kernel.fromPeer.splice(0), ...node.kernel.direct.splice(0)];
    node.kernel.queue(false);
    node.kernel.mark(this.now, "unhold");
    for (const { seq } of held) {
      this.at(this.now + this.#lanDelay(node.index, LAN), () => this.#arrive(peer, { seq, fromPeer: true }));
    }
  }

  // ---- what a test asks

  primaries(): number[] {
    return this.nodes.filter((node) => node.core?.groups[0]?.role === "primary").map((node) => node.index);
  }

  reordered(): number {
    let highest = -1, count = 0;
    for (const { seq } of this.served) {
      if (seq < highest) count++;
      highest = Math.max(highest, seq);
    }
    return count;
  }
}
