/** Does in the kernel what the core orders, in its order, and tells the core what the kernel refused. */
import { ENOBUFS } from "../../kernel_ffi/errno.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { fillHeartbeat } from "../core/beat.ts";
import type { Effect, FrameStep } from "../core/effects.ts";
import { beatStep, nextEpoch } from "../core/group.ts";
import { type CoreEvent, stepNode } from "../core/node.ts";
import { onSharedWire } from "../core/shared_wire.ts";
import { beatDone } from "../core/wake.ts";
import { encodeHeartbeat } from "../core/wire.ts";
import { announcementFrames, AnnounceSchedule, probeFrame } from "./announcer.ts";
import type { SwitchContext } from "./context.ts";
import type { Slot } from "./plan.ts";
import { SPARE_EVERY, sparedLinks } from "./sparing.ts";
import { markOf, STEP } from "./ruleset_steps.ts";
import { attempt, beforeFirst, beginHold, isMoot } from "./step_list.ts";
import { rehearseTakes } from "./take_rehearsal.ts";
import { Untaken } from "./untaken.ts";
import { applyWire } from "./wire_watch.ts";

const TICK: CoreEvent = { kind: "tick" };

export class Executor {
  readonly #c: SwitchContext;
  /** Per slot: the frames that ask and the frames that tell, made once. */
  readonly #probes: readonly Uint8Array<ArrayBuffer>[];
  readonly #announcements: readonly (readonly Uint8Array<ArrayBuffer>[])[];
  readonly schedules: readonly AnnounceSchedule[];
  readonly #untaken: Untaken;
  /** The peer has heard of the take under way before its turn came. */
  #toldBefore = false;

  constructor(context: SwitchContext) {
    this.#c = context;
    this.#probes = context.plan.slots.map((slot) => probeFrame(slot, context.links.frames[slot.interface]!.socket.mac));
    this.#announcements = context.plan.slots.map((slot) =>
      announcementFrames(slot, context.links.frames[slot.interface]!.socket.mac)
    );
    this.schedules = context.plan.groups.map(() => new AnnounceSchedule());
    this.#untaken = new Untaken(context.plan.groups.length);
  }

  tick(nowUs: number): void {
    this.step(nowUs, TICK);
  }

  /** A heartbeat out of turn: for one who does not know our session yet, or has not the key that signs the others. */
  beat(keyId: number): void {
    this.#beat(null, null, keyId);
  }

  /** Gives the core an event and does what it orders. What the kernel refuses is a new event, at once. */
  step(nowUs: number, event: CoreEvent): void {
    const effects = stepNode(this.#c.node, nowUs, event);
    if (effects.length === 0) return;
    // The core's list is its own again as soon as a refusal is reported back.
    const list = effects.length === 1 ? [effects[0]!] : effects.slice();
    beforeFirst(this.#c, list, this.#untaken);
    let refused = 0;
    for (const effect of list) {
      if (refused !== 0 && isMoot(this.#c, effect, refused)) continue;
      if (!this.#do(effect, nowUs) && effect.kind === "take") refused |= 1 << effect.group;
    }
  }

  /** False: the kernel refused, and the core has been told. */
  #do(effect: Effect, nowUs: number): boolean {
    if (effect.kind === "take") return this.#take(effect.group, effect.epoch);
    this.#doOther(effect, nowUs);
    return true;
  }

  #doOther(effect: Exclude<Effect, { kind: "take" }>, nowUs: number): void {
    const c = this.#c;
    switch (effect.kind) {
      case "beat":
        if (this.#beat(effect.group, effect.step) && effect.step !== null) this.#note(effect.group!, effect.step);
        return;
      case "probe":
        return this.#probe(effect.group);
      case "askGateway":
        if (c.gateways.ask(effect.group) !== 0) c.counters.send_errors++;
        return;
      case "wire":
        return applyWire(c, c.plan.groups[effect.group]!);
      case "announce":
        for (const slot of c.plan.groups[effect.group]!.slots) this.announce(slot);
        return this.schedules[effect.group]!.start(monotonicUs());
      case "addressesOff":
        return this.#addressesOff(effect.group);
      case "letGo":
        this.#addressesOff(effect.group);
        return this.step(monotonicUs(), effect);
      case "hold":
        return this.#hold(effect.group, effect.ahead);
      case "releasePeer":
        c.finishShadow(effect.group, monotonicUs());
        c.holds.each[effect.group]!.releasePassed();
        return this.#note(effect.group, "released what came by the peer");
      case "finishHold":
        return this.#finishHold(effect.group);
      case "giveBack":
        return this.#giveBack(effect.group);
      case "serve":
        return this.#serve(effect);
      case "fencePeer":
        return c.report({ kind: "fencePeer", group: c.node.groups[effect.group]!.name, order: effect.order });
      case "fenceOff":
        return c.report({ kind: "fenceOff" });
      case "claimKey":
      case "releaseKey":
        return c.report({ kind: effect.kind, order: effect.order });
      case "begin":
        c.beginReceipt(effect, nowUs);
        return;
      case "step":
        return this.#note(effect.group, effect.text);
      case "cancel":
        return c.receipts.cancel(effect.group);
      case "end":
        return c.endReceipt(effect.group, effect.outcome, monotonicUs());
      case "result":
        return c.answer(effect.id, effect.group, effect.ok, effect.error);
      case "reserve":
        return c.report({ kind: "reserveEpochs", group: c.node.groups[effect.group]!.name, above: effect.above });
      case "event":
        return c.groupEvent(effect, nowUs);
      case "alarm":
        return c.alarm(effect.alarm, effect.text);
      default:
        effect satisfies never;
    }
  }

  #note(group: number, step: string): void {
    if (this.#c.receipts.isOpen(group)) this.#c.receipts.step(group, step, monotonicUs());
  }

  /**
   * One heartbeat on every link. On each service interface one frame for each slot that has a mark now, or one without.
   * False if the kernel refused the step. What it refused, of whatever group, the core has been told, and its answer has been done.
   */
  #beat(marked: number | null, step: FrameStep | null, keyId = this.#c.keys.signing.keyId): boolean {
    const c = this.#c;
    const now = monotonicUs();
    const length = this.#encode(now, keyId);
    beatDone(c.node, now);
    c.counters.heartbeats_sent++;
    let refused: { slot: Slot; step: FrameStep }[] | null = null, left = 0;
    for (let i = 0; i < c.links.frames.length; i++) {
      const link = c.links.frames[i]!;
      link.load(c.datagram, length);
      let sent = false;
      for (const slot of c.slotsOf[i]!) {
        const group = c.node.groups[slot.group]!;
        const mark = marked === slot.group && step !== null
          ? step
          : this.#untaken.has(slot.group)
          ? null
          : beatStep(c.node, group);
        if (mark === null) continue;
        sent = true;
        if (mark === "refresh") c.jitter.refreshed(slot.id, now, c.node.limits.heartbeatUs);
        else if (mark === "take") c.jitter.taken(slot.id, now);
        const failure = link.send(length, markOf(STEP[mark], slot.id));
        if (failure === ENOBUFS && this.#meansRefusal(slot, mark)) (refused ??= []).push({ slot, step: mark });
        else left++;
      }
      if (!sent) {
        link.send(length, 0);
        left++;
      }
    }
    // A refused take is not told by any other way either.
    if (refused === null || step !== "take" || !refused.some((it) => it.slot.group === marked)) {
      const { seq, sparing } = c.ownBeat;
      for (const path of c.links.paths) {
        if ((sparing >>> path.index & 1) === 0 || seq % SPARE_EVERY === 0) path.send(c.datagram, length);
      }
    }
    if (left > 0) this.#untaken.told();
    if (refused === null) return true;
    const told = left > 0 || this.#toldBefore;
    for (const it of refused) this.#refused(it.slot, it.step, told, now);
    return !refused.some((it) => it.slot.group === marked);
  }

  #encode(now: number, keyId: number): number {
    const c = this.#c;
    fillHeartbeat(c.node, now, c.ownBeat);
    c.fillEchoes(now);
    c.ownBeat.sparing = sparedLinks(c.node, c.links.frames, c.links.paths, now);
    c.sent.note(c.ownBeat.seq, now);
    return encodeHeartbeat(c.ownBeat, c.keys.signer(keyId), c.datagram);
  }

  /** A full device queue says the same as a rule that drops; the set tells which it was. */
  #meansRefusal(slot: Slot, step: FrameStep): boolean {
    if (step !== "refresh" && step !== "take") return false;
    if (this.#c.rules.leaseLeftMs(slot.id) === null) return true;
    this.#c.counters.send_errors++;
    return false;
  }

  /** @param told something of the heartbeat has left this node */
  #refused(slot: Slot, step: FrameStep, told: boolean, now: number): void {
    const c = this.#c;
    const name = c.plan.interfaces[slot.interface]!;
    if (step === "take") {
      return this.step(now, {
        kind: "takeRefused",
        group: slot.group,
        reason: `the kernel refused to grant the lease on ${name}: the question was too long ago`,
        late: !told,
      });
    }
    c.counters.lease_lapses++;
    c.evidence.noteLapse(slot.group, c.jitter.leaseAgeUs(slot.id), now);
    this.step(now, {
      kind: "leaseLost",
      group: slot.group,
      reason: `the lease on ${name} had lapsed: this process was stopped or starved`,
    });
  }

  #probe(group: number): void {
    const c = this.#c;
    c.counters.probes_sent++;
    c.evidence.noteProbe(group, monotonicUs());
    this.#note(group, "probe");
    for (const slot of c.plan.groups[group]!.slots) {
      const frame = this.#probes[slot.id - 1]!;
      const failure = c.links.frames[slot.interface]!.plain.send(frame, frame.length, markOf(STEP.arm, slot.id));
      if (failure !== 0) c.counters.send_errors++;
    }
  }

  /** The switch itself: addresses, lease, announcements, word to the peer. False: the kernel refused, and the core has been told. */
  #take(group: number, epoch: number): boolean {
    const c = this.#c;
    this.#toldBefore = this.#untaken.take(group);
    const slots = c.plan.groups[group]!.slots;
    const problem = attempt(() => {
      for (const slot of slots) c.addresses.on(slot);
    });
    if (problem !== null) {
      this.step(monotonicUs(), { kind: "takeRefused", group, reason: problem, late: false });
      return false;
    }
    this.#note(group, "addresses");
    if (!this.#beat(group, "take")) {
      this.#keepAhead(group);
      return false;
    }
    this.#note(group, `lease, epoch ${epoch}`);
    const g = c.node.groups[group]!;
    if (!g.holding) c.finishShadow(group, monotonicUs());
    // On a shared wire nobody has to learn anything. It is announced a little later: some may know an older MAC.
    if (!onSharedWire(g)) {
      for (const slot of slots) this.announce(slot);
      this.#note(group, "announced");
    }
    this.schedules[group]!.start(monotonicUs());
    c.servedAtTake[group] = -1;
    c.trafficExpected[group] = g.traffic || g.peer.traffic;
    return true;
  }

  #addressesOff(group: number): void {
    for (const slot of this.#c.plan.groups[group]!.slots) this.#c.addresses.off(slot);
    this.schedules[group]!.stop();
  }

  /** A take that will be tried again finds its addresses where they are. */
  #keepAhead(group: number): void {
    if (this.#c.node.groups[group]!.role !== "preparing") return;
    for (const slot of this.#c.plan.groups[group]!.slots) this.#c.addresses.keep(slot);
  }

  announce(slot: Slot): void {
    const socket = this.#c.links.frames[slot.interface]!.plain;
    for (const frame of this.#announcements[slot.id - 1]!) {
      if (socket.send(frame, frame.length, 0) !== 0) this.#c.counters.send_errors++;
    }
  }

  #hold(group: number, ahead: boolean): void {
    // It has begun before the first heartbeat of this step, unless that failed, or something before it ended the hold again.
    const problem = this.#c.holds.each[group]!.held ? null : beginHold(this.#c, group, ahead);
    if (problem !== null) return this.#holdFailed(group, problem);
    this.#openHold(group);
    this.#note(group, "hold");
  }

  /**
   * Lets the group's packets pass the gate towards the hold. A primary needs no mark for that: with its lease they pass, and the mark would
   * license its take without the question that must come before it.
   */
  #openHold(group: number): void {
    if (this.#c.node.groups[group]!.role !== "primary") this.#beat(group, "hold");
  }

  #holdFailed(group: number, reason: string): void {
    this.step(monotonicUs(), { kind: "holdFailed", group, reason });
  }

  /** Word to the main thread; it goes at the end of this turn of the loop. */
  #serve({ group, order, to, planned }: Extract<Effect, { kind: "serve" }>): void {
    const g = this.#c.node.groups[group]!;
    const epoch = g.role === "preparing" ? nextEpoch(this.#c.node, g) ?? g.epoch : g.epoch;
    this.#c.report({ kind: "serve", group: g.name, order, to, planned, switchId: g.moving.id, epoch });
    this.#note(group, `services: ${to}`);
  }

  /** The kernel's time-outs are for a process that dies; while this one lives, what is held stays held. */
  renewHold(): void {
    const { holds } = this.#c;
    const problem = attempt(() => holds.renew());
    for (const hold of holds.each) {
      const { held, group } = hold;
      if (!held) continue;
      if (problem === null) {
        this.#openHold(group.index);
        continue;
      }
      hold.lost();
      this.#holdFailed(group.index, problem);
    }
  }

  #finishHold(group: number): void {
    const shared = onSharedWire(this.#c.node.groups[group]!);
    this.#c.finishShadow(group, monotonicUs());
    // Before the last look at the queues: what is passed on from here on has come by itself as well.
    if (shared) this.#beat(group, "unhold");
    const problem = attempt(() => this.#c.holds.each[group]!.finish());
    if (problem !== null) this.#c.event("alarm", "hold", `what was held may be lost: ${problem}`);
    this.#note(group, "released all");
    if (!shared) this.#beat(group, "unhold");
  }

  #giveBack(group: number): void {
    const c = this.#c;
    let returned = 0;
    const problem = attempt(() => {
      returned = c.holds.each[group]!.giveBack();
    });
    if (problem !== null) c.event("alarm", "hold", `what was held may be lost: ${problem}`);
    this.#note(group, `gave ${returned} back`);
    this.#beat(group, "unhold");
  }

  /** Before this node has any role; see `rehearseTakes`. */
  rehearse(times: number): number {
    return rehearseTakes(this.#c, times, {
      announcements: this.#announcements,
      encode: () => this.#encode(monotonicUs(), this.#c.keys.signing.keyId),
    });
  }
}
