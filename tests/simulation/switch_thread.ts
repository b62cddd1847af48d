/**
 * The switch thread of one simulated process: the role machine that ships, with what it gets from Linux played. One turn is
 * `control/switch/loop.ts`'s: late? then everything that came in, then the tick; effects are done as `executor.ts` does them.
 */
import { fillHeartbeat } from "../../control/core/beat.ts";
import type { Effect, FrameStep } from "../../control/core/effects.ts";
import { beatStep, type GroupState, leased, nextEpoch, peerAlive } from "../../control/core/group.ts";
import { emptyHeartbeat, type Heartbeat } from "../../control/core/heartbeat.ts";
import { type CoreEvent, judgeHeartbeat, type NodeSetup, type NodeState, stepNode } from "../../control/core/node.ts";
import { createNode } from "../../control/core/node.ts";
import { onSharedWire } from "../../control/core/shared_wire.ts";
import type { SwitchReport } from "../../control/core/messages.ts";
import type { Role, SwitchKind } from "../../control/core/vocabulary.ts";
import { beatDone, nextWakeUs } from "../../control/core/wake.ts";
import type { Shadow } from "../../control/switch/shadow.ts";
import { AnnounceSchedule } from "../../control/switch/announcer.ts";
import type { Process, ProcessClock, SimNode } from "./node.ts";

export interface Datagram {
  readonly kind: "datagram";
  readonly beat: Heartbeat;
  readonly link: number;
}

export type Input = CoreEvent | Datagram | { readonly kind: "rulesTouched" };

/** What may be replaced from outside, to plant a bug. */
export interface SwitchHooks {
  readonly shadow?: (shadow: Shadow) => void;
  readonly judge?: (node: NodeState, nowUs: number, beat: Heartbeat) => ReturnType<typeof judgeHeartbeat>;
  /** Null: the core never learns of it. */
  readonly event?: (event: CoreEvent) => CoreEvent | null;
  readonly effects?: (effects: Effect[], group: GroupState) => Effect[];
}

/** What a switch thread does to the world outside its process. */
export interface Outside {
  nowWorld(): number;
  /** A wake may come late. */
  latenessUs(): number;
  at(worldUs: number, act: () => void): void;
  /** Stops the process, as from outside. */
  stop(node: SimNode, us: number): void;
  /** @param framed also on the service interface, where its mark may have been refused */
  sendBeat(from: SimNode, beat: Heartbeat, framed: boolean): void;
  ask(from: SimNode): void;
  askGateway(from: SimNode): void;
  /** Of a pair on a shared wire. */
  shadowFor(node: SimNode, core: NodeState): Shadow | null;
  announce(from: SimNode): void;
  /** @param handedOverBy epoch of the reign whose node handed the address over; null: nobody did */
  took(node: SimNode, epoch: number, handedOverBy: number | null, kind: SwitchKind): void;
  release(node: SimNode, which: "fromPeer" | "direct"): void;
  giveBack(node: SimNode): void;
  note(node: SimNode, text: string): void;
  result(node: SimNode, id: number, ok: boolean, error: string): void;
  /** To the main thread of the same process, in order. */
  report(node: SimNode, reports: SwitchReport[]): void;
  reserve(node: SimNode, above: number): void;
  ended(node: SimNode): void;
}

const GREETING_US = 1000;
const HOUSEKEEPING_US = 500_000;
const STOP_MAX_US = 3_000_000;
const STOP_SERVICES_MAX_US = 30_000_000;
const STOP_LINGER_US = 1_200_000;
const STOP_LOOK_US = 20_000;

export class SwitchThread {
  readonly core: NodeState;
  readonly group: GroupState;
  readonly #node: SimNode;
  readonly #process: Process;
  readonly #clock: ProcessClock;
  readonly #outside: Outside;
  readonly #hooks: SwitchHooks;
  readonly #beat: Heartbeat = emptyHeartbeat();
  readonly #announcements = new AnnounceSchedule();
  #inbox: Input[] = [];
  /** When it wants to be woken, own clock; and the earliest timer that will fire, world's time. */
  #plannedUs = Infinity;
  #timerAt = Infinity;
  #started = false;
  #greetedUs = -Infinity;
  #housekeepingUs: number;
  #told: { role: Role; epoch: number } = { role: "starting", epoch: -1 };
  /** Of the switch that began last. */
  #kind: SwitchKind = "start";
  /** In it, the main thread was asked for what the old node has written last, and knew that it writes. */
  #asked = false;
  readonly #shadow: Shadow | null;
  readonly #alarms = new Set<string>();
  readonly #reports: SwitchReport[] = [];
  #stop: { readonly sinceUs: number; handedUs: number } | null = null;
  /** The process is stopped before the next step that matters: just then, for so long. */
  stopBeforeStepUs: number | null = null;
  /** What was left to do when it was stopped in the middle. */
  #unfinished: Effect[] = [];

  constructor(
    setup: NodeSetup,
    node: SimNode,
    process: Process,
    clock: ProcessClock,
    outside: Outside,
    hooks: SwitchHooks,
  ) {
    this.#node = node;
    this.#process = process;
    this.#clock = clock;
    this.#outside = outside;
    this.#hooks = hooks;
    this.core = createNode(setup, clock.nowUs());
    this.group = this.core.groups[0]!;
    this.#shadow = outside.shadowFor(node, this.core);
    if (this.#shadow !== null) hooks.shadow?.(this.#shadow);
    this.#beat.software = node.software;
    this.#housekeepingUs = clock.nowUs() + HOUSEKEEPING_US;
    this.#arm();
  }

  /** Something comes in now; a process that is stopped reads it later. */
  give(input: Input): void {
    if (!this.#process.alive) return;
    this.#inbox.push(input);
    if (this.#outside.nowWorld() >= this.#process.stoppedUntil) this.turn();
  }

  // ---- the loop

  #arm(): void {
    this.#plannedUs = this.#stop === null
      ? Math.min(
        nextWakeUs(this.core),
        this.#announcements.nextUs,
        this.#housekeepingUs,
        this.#shadow?.nextUs ?? Infinity,
      )
      : Math.min(nextWakeUs(this.core), this.#clock.nowUs() + STOP_LOOK_US);
    const now = this.#outside.nowWorld();
    const at = Math.max(now, this.#node.clock.worldAt(this.#plannedUs));
    // A timer that fires too early costs a look; one for each heartbeat that comes would cost more.
    if (at >= this.#timerAt) return;
    this.#timerAt = at;
    this.#outside.at(at + this.#outside.latenessUs(), () => this.#onTimer(at));
  }

  #onTimer(at: number): void {
    if (this.#timerAt !== at || !this.#process.alive) return;
    this.#timerAt = Infinity;
    if (this.#outside.nowWorld() < this.#process.stoppedUntil) return;
    if (this.#clock.nowUs() < this.#plannedUs) this.#arm();
    else this.turn();
  }

  turn(): void {
    if (!this.#process.alive) return;
    const now = this.#clock.nowUs(), late = now - this.#plannedUs;
    if (this.#unfinished.length > 0) this.#do(this.#unfinished.splice(0));
    if (this.#started && late > this.core.limits.lateUs) this.step({ kind: "lateWake", lateUs: late });
    this.#started = true;
    while (this.#inbox.length > 0 && this.#runs) this.#read(this.#inbox.shift()!);
    if (!this.#runs) return;
    this.step({ kind: "tick" });
    if (!this.#runs) return;
    this.#shadow?.turn(now);
    if (this.#announcements.due(now, () => true)) {
      if (leased(this.group)) this.#outside.announce(this.#node);
      else this.#announcements.stop();
    }
    if (now >= this.#housekeepingUs) this.#housekeep(now);
    if (this.#stop !== null && this.#mayEnd(now, this.#stop)) return this.#outside.ended(this.#node);
    this.#flush();
    this.#arm();
  }

  get #runs(): boolean {
    return this.#process.alive && this.#outside.nowWorld() >= this.#process.stoppedUntil;
  }

  #housekeep(now: number): void {
    this.#housekeepingUs = now + HOUSEKEEPING_US;
    if (this.group.holding) this.#openHold();
  }

  #flush(): void {
    const { role, epoch } = this.group;
    if (role !== this.#told.role || epoch !== this.#told.epoch) {
      this.#told = { role, epoch };
      const { nowUs, heardUs, limits } = this.core;
      const alone = role === "primary" && nowUs - heardUs >= limits.suspectUs;
      this.#reports.push({ kind: "role", group: this.group.name, role, epoch, alone });
    }
    if (this.#reports.length > 0) this.#outside.report(this.#node, this.#reports.splice(0));
  }

  #read(input: Input): void {
    switch (input.kind) {
      case "datagram":
        return this.#hear(input);
      case "rulesTouched":
        return this.#mendRules();
      case "probeAnswered":
        this.#shadow?.answered(0, 0, this.group.probing.sentUs);
        return this.step(input);
      case "stop":
        this.#stop ??= { sinceUs: this.#clock.nowUs(), handedUs: Infinity };
        return this.step(input);
      default:
        return this.step(input);
    }
  }

  #hear({ beat, link }: Datagram): void {
    const now = this.#clock.nowUs();
    const verdict = (this.#hooks.judge ?? judgeHeartbeat)(this.core, now, beat);
    if (verdict === "fresh") this.step({ kind: "heard", beat, link });
    else if (verdict === "copy") { if (link !== 0) this.step({ kind: "copy", beat, link }); }
    else if (verdict === "greeting" && now - this.#greetedUs >= GREETING_US) {
      this.#greetedUs = now;
      this.#sendBeat(null);
    }
    // A frame tells of what travelled before it, whichever way the same was heard first.
    if (link !== 0 && (verdict === "fresh" || verdict === "copy")) {
      this.#shadow?.heard(0, beat.session, beat.sentUs, now);
    }
  }

  /** `control/switch/news.ts`: the gate first, without a lease in it; whoever spoke until then is fenced. */
  #mendRules(): void {
    if (!this.#node.kernel.flushed) return;
    const spoke = leased(this.group);
    this.#node.kernel.installGate();
    this.#outside.note(this.#node, "puts the rules back");
    this.step({ kind: "rules", ok: true });
    if (spoke) this.step({ kind: "leaseLost", group: 0, reason: "another program removed the rules" });
  }

  /** `#tryStop` of the loop. */
  #mayEnd(now: number, stop: { readonly sinceUs: number; handedUs: number }): boolean {
    const g = this.group;
    const serving = g.role === "primary" || g.role === "leaving" || g.role === "preparing";
    const hopeless = !peerAlive(this.core) || (g.role === "primary" && !g.peer.able && g.phase === "none");
    const patience = g.managed ? STOP_SERVICES_MAX_US : STOP_MAX_US;
    if (serving && !hopeless && now - stop.sinceUs < patience) return false;
    if (!serving && stop.handedUs === Infinity) stop.handedUs = now;
    return serving || g.passUntilUs <= now || now - stop.handedUs >= STOP_LINGER_US;
  }

  // ---- the executor

  step(given: CoreEvent): void {
    const event = this.#hooks.event === undefined ? given : this.#hooks.event(given);
    if (event === null) return;
    const before = this.group.role;
    const effects = stepNode(this.core, this.#clock.nowUs(), event);
    if (this.group.role !== before) {
      this.#outside.note(this.#node, `${before} → ${this.group.role} (${event.kind}), epoch ${this.group.epoch}`);
    }
    if (effects.length === 0) return;
    this.#do(this.#hooks.effects?.([...effects], this.group) ?? (effects.length === 1 ? [effects[0]!] : [...effects]));
  }

  #do(effects: readonly Effect[]): void {
    for (let i = 0; i < effects.length; i++) {
      const effect = effects[i]!;
      if (this.stopBeforeStepUs !== null && isStep(effect)) {
        const forUs = this.stopBeforeStepUs;
        this.stopBeforeStepUs = null;
        this.#outside.note(this.#node, `is stopped before its step: ${effect.kind}`);
        this.#outside.stop(this.#node, forUs);
      }
      if (!this.#runs) {
        this.#unfinished.push(...effects.slice(i));
        return;
      }
      this.#doOne(effect);
    }
  }

  #doOne(effect: Effect): void {
    const node = this.#node, kernel = node.kernel, outside = this.#outside;
    switch (effect.kind) {
      case "beat":
        return void this.#sendBeat(effect.step);
      case "probe":
        kernel.mark(this.#clock.nowUs(), "arm");
        return outside.ask(node);
      case "askGateway":
        return outside.askGateway(node);
      case "fencePeer":
        this.#reports.push({ kind: "fencePeer", group: this.group.name, order: effect.order });
        return;
      case "fenceOff":
        this.#reports.push({ kind: "fenceOff" });
        return;
      case "take":
        return this.#take(effect.epoch);
      case "announce":
        outside.announce(node);
        return this.#announcements.start(this.#clock.nowUs());
      case "addressesOff":
        kernel.addressOn = false;
        return this.#announcements.stop();
      case "letGo":
        kernel.addressOn = false;
        this.#announcements.stop();
        return this.step(effect);
      case "hold":
        kernel.queue(true);
        if (effect.ahead) kernel.addressOn = true;
        return this.#openHold();
      case "releasePeer":
        if (this.group.role !== "primary") return;
        this.#finishShadow();
        return outside.release(node, "fromPeer");
      case "finishHold":
        this.#finishShadow();
        outside.release(node, "fromPeer");
        outside.release(node, "direct");
        kernel.queue(false);
        return void this.#sendBeat("unhold");
      case "giveBack":
        outside.giveBack(node);
        return void this.#sendBeat("unhold");
      case "begin":
        this.#kind = effect.switch;
        // A switchover begins twice: when it is prepared, and when the address is taken.
        if (this.group.role === "preparing") this.#asked = false;
        return;
      case "serve":
        return this.#serve(effect);
      case "claimKey":
      case "releaseKey":
        this.#reports.push({ kind: effect.kind, order: effect.order });
        return;
      case "result":
        return outside.result(node, effect.id, effect.ok, effect.error);
      case "reserve":
        return outside.reserve(node, effect.above);
      case "event":
        if (effect.level === "alarm") outside.note(node, `alarm: ${effect.text}`);
        return;
      case "alarm":
        return this.#alarm(effect.alarm, effect.text);
      default:
        return;
    }
  }

  /** One heartbeat on every link; false if the kernel refused its mark, and the core has been told. */
  #sendBeat(step: FrameStep | null): boolean {
    const { core, group } = this, now = this.#clock.nowUs();
    const mark = step ?? beatStep(core, group);
    const refused = mark !== null && !this.#node.kernel.mark(now, mark);
    fillHeartbeat(core, now, this.#beat);
    this.#beat.linkCount = 1;
    this.#beat.links[0]!.seq = core.freshness.seq % 0x1_0000_0000;
    beatDone(core, now);
    // A refused take is not told by any other way either.
    if (!refused || mark !== "take") this.#outside.sendBeat(this.#node, this.#beat, !refused);
    if (!refused) return true;
    if (mark === "take") {
      this.step({ kind: "takeRefused", group: 0, reason: "the question was too long ago", late: true });
    } else if (mark === "refresh") this.step({ kind: "leaseLost", group: 0, reason: "the lease had lapsed" });
    return false;
  }

  /** Conditions that last are told when they begin and when they end. */
  #alarm(name: string, text: string | null): void {
    if (text === null ? !this.#alarms.delete(name) : this.#alarms.has(name)) return;
    if (text !== null) this.#alarms.add(name);
    this.#outside.note(this.#node, text === null ? `ends the alarm ${name}` : `alarm ${name}: ${text}`);
  }

  #openHold(): void {
    if (this.group.role !== "primary") this.#sendBeat("hold");
  }

  #take(epoch: number): void {
    this.#node.kernel.addressOn = true;
    if (!this.#sendBeat("take")) return;
    if (!this.group.holding) this.#finishShadow();
    const handedOver = this.#kind === "switchover" && this.#asked;
    this.#outside.took(this.#node, epoch, handedOver ? this.group.moving.peerEpoch : null, this.#kind);
    if (!onSharedWire(this.group)) this.#outside.announce(this.#node);
    this.#announcements.start(this.#clock.nowUs());
  }

  /** What waits is served if nobody else has served it. */
  #finishShadow(): void {
    this.#shadow?.finish(0, this.#kind === "failover" || this.#kind === "retake", this.#clock.nowUs());
  }

  #serve({ order, to, planned }: Extract<Effect, { kind: "serve" }>): void {
    const g = this.group;
    this.#asked ||= to === "primary" && planned && this.#node.main?.group?.hasState === true;
    const epoch = g.role === "preparing" ? nextEpoch(this.core, g) ?? g.epoch : g.epoch;
    this.#reports.push({ kind: "serve", group: g.name, order, to, planned, switchId: g.moving.id, epoch });
  }
}

/** What a stop just before it would make late: a step of a switch. */
function isStep(effect: Effect): boolean {
  return effect.kind === "take" || effect.kind === "hold" || effect.kind === "finishHold" ||
    (effect.kind === "beat" && effect.step !== null);
}
