/**
 * One node and a scripted peer, for tests: what the peer says goes in, what the node orders comes out as lines of text
 * with exact times. Regular beats are left out, or every line would be one.
 */
import type { Effect } from "./effects.ts";
import type { GatewaySetup } from "./gateway.ts";
import { beatStep, type GroupState } from "./group.ts";
import { emptyGroupBeat, emptyHeartbeat, type GroupBeat } from "./heartbeat.ts";
import { type Limits, planLimits } from "./limits.ts";
import { type CoreEvent, createNode, type NodeSetup, type NodeState, stepNode } from "./node.ts";
import { noteSent } from "./questions.ts";
import { beatDone, nextWakeUs } from "./wake.ts";

/** The profile "fast", with what is derived for quiet peers pinned: what the times in the scripts come from. */
export const FAST: Limits = {
  ...planLimits({
    heartbeatUs: 2000,
    leaseUs: 20_000,
    suspectUs: 6000,
    deadAfterUs: 10_000,
    drainUs: 500,
    barrierUs: 1000,
    startWaitUs: 300_000,
  }),
  slowBeatUs: 16_000,
  aliveUs: 64_000,
};

/** What a peer says of the group that differs from a standby that can serve and knows of nothing. */
export type Said = Partial<GroupBeat>;

export interface ScriptSetup {
  /** 0: "a", which is preferred; 1: "b". */
  readonly index?: number;
  readonly preempt?: boolean;
  /** Service interfaces as bits, one if not given. */
  readonly links?: number;
  readonly usedUpTo?: number;
  readonly reservedUpTo?: number;
  readonly unproven?: boolean;
  readonly shared?: boolean;
  readonly gateway?: GatewaySetup;
  readonly fencing?: boolean;
  readonly arbiterUs?: number;
}

/** What the switch thread does with a heartbeat among it. */
const BEATS: readonly Effect["kind"][] = ["beat", "hold", "take", "finishHold", "giveBack"];

/** Ticks at one moment that no timer explains: a spin, which would starve the machine. */
const SPINS_MAX = 4;

export class ScriptedNode {
  readonly node: NodeState;
  readonly group: GroupState;
  nowUs = 0;
  /** Number of the node's last heartbeat. */
  seq = 0;
  /** Why switches have begun. */
  readonly reasons: string[] = [];
  #lines: string[] = [];

  constructor(setup: ScriptSetup = {}) {
    const {
      index = 0,
      preempt = false,
      links = 1,
      usedUpTo = 0,
      reservedUpTo = 1000,
      unproven = false,
      shared = false,
    } = setup;
    const group: NodeSetup["groups"][number] = {
      name: "web",
      links,
      preferSelf: index === 0,
      preempt,
      usedUpTo,
      reservedUpTo,
      unproven,
      shared,
      ...(setup.gateway === undefined ? {} : { gateway: setup.gateway }),
    };
    this.node = createNode({
      index,
      name: "ab"[index]!,
      peerName: "ba"[index]!,
      session: 5,
      digest: new Uint8Array(8),
      limits: FAST,
      fencing: setup.fencing === true,
      arbiterUs: setup.arbiterUs ?? null,
      groups: [group],
    }, 0);
    this.group = this.node.groups[0]!;
  }

  /** Gives an event now. */
  on(event: CoreEvent): this {
    const wasDue = this.node.nextBeatUs <= this.nowUs;
    const effects = [...stepNode(this.node, this.nowUs, event)];
    for (const effect of effects) {
      if (effect.kind === "beat") beatDone(this.node, this.nowUs);
      if (effect.kind === "begin") this.reasons.push(effect.reason);
      if (BEATS.includes(effect.kind)) noteSent(this.node.sent, ++this.seq, this.nowUs);
    }
    const regular = event.kind === "tick" && wasDue && effects.length === 1 && isPlainBeat(effects[0]!);
    if (effects.length > 0 && !regular) {
      this.#lines.push(`${this.nowUs / 1000} ${effects.map(formatEffect).join(", ")}`);
    }
    if (effects.some(({ kind }) => kind === "letGo")) this.on({ kind: "letGo", group: 0 });
    return this;
  }

  /**
   * Hears the peer now, and does what a tick would do at the same turn of the loop.
   * @param echo number of the last heartbeat that the peer had heard when it said so
   */
  hears(said: Said, link = 1, digest = 0, echo = this.seq): this {
    const beat = emptyHeartbeat();
    Object.assign(beat, { node: 1 - this.node.index, session: 6, groupCount: 1, software: "2", linkCount: 1 });
    beat.links[0]!.seq = echo;
    beat.digest.fill(digest);
    beat.groups[0] = { ...emptyGroupBeat(), role: "standby", able: true, ...said };
    return this.on({ kind: "heard", beat, link }).on({ kind: "tick" });
  }

  /** Wakes exactly when the node asks for it, until that time. @throws if it asks for the present again and again */
  until(ms: number): this {
    const endUs = Math.round(ms * 1000);
    for (let spins = 0;;) {
      const wake = nextWakeUs(this.node);
      if (wake > endUs) break;
      spins = wake > this.nowUs ? 0 : spins + 1;
      if (spins > SPINS_MAX) {
        throw new Error(`spin at ${this.nowUs / 1000} ms: ${this.group.role}, ${this.group.phase}, wake ${wake}`);
      }
      this.nowUs = Math.max(this.nowUs, wake);
      this.on({ kind: "tick" });
    }
    this.nowUs = endUs;
    return this;
  }

  /** The peer says the same every 2 ms, the last time at `ms`. */
  hearing(ms: number, said: Said): this {
    while (this.nowUs < ms * 1000) this.until(Math.min(this.nowUs / 1000 + 2, ms)).hears(said);
    return this;
  }

  /** What has been ordered since the last call. */
  told(): string[] {
    return this.#lines.splice(0);
  }

  /** Role, phase, epoch, and the mark under which regular heartbeats leave. */
  get state(): string {
    const { role, phase, epoch } = this.group;
    return `${role} ${phase} ${epoch} ${beatStep(this.node, this.group) ?? "-"}`;
  }
}

function isPlainBeat(effect: Effect): boolean {
  return effect.kind === "beat" && effect.step === null;
}

export function formatEffect(effect: Effect): string {
  switch (effect.kind) {
    case "beat":
      return effect.step === null ? "beat" : `beat ${effect.step}`;
    case "serve":
      return `serve ${effect.to}${effect.planned ? " planned" : ""} ${effect.order}`;
    case "take":
      return `take ${effect.epoch}`;
    case "begin":
      return `begin ${effect.switch}`;
    case "fencePeer":
      return `fencePeer ${effect.order}`;
    case "claimKey":
    case "releaseKey":
      return `${effect.kind} ${effect.order}`;
    case "step":
      return `step ${effect.text}`;
    case "end":
      return `end ${effect.outcome}`;
    case "result":
      return `result ${effect.id} ${effect.ok ? "ok" : `no: ${effect.error}`}`;
    case "reserve":
      return `reserve above ${effect.above}`;
    case "event":
      return `event ${effect.event}`;
    case "alarm":
      return `alarm ${effect.alarm} ${effect.text === null ? "off" : "on"}`;
    default:
      return effect.kind;
  }
}
