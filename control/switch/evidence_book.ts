/**
 * Takes down what a receipt's reader will want to know: at the beginning of a switch into memory that is there already, and made into
 * words and objects only when the switch is over.
 */
import type { Asked, HintEvidence, LinkEvidence, SwitchEvidence } from "../core/evidence.ts";
import { emptyGroupBeat, type GroupBeat } from "../core/heartbeat.ts";
import type { GroupState } from "../core/group.ts";
import type { NodeState } from "../core/node.ts";
import type { SwitchKind } from "../core/vocabulary.ts";
import { peerBeatUs } from "./jitter_watch.ts";
import type { Links } from "./links.ts";

/** What is older is of no interest to a switch. */
const RECENT_US = 10_000_000;
/** Hints and late wakes that are remembered. */
const HINTS = 16;
const WAKES = 64;

/** One group's switch, as it stood when it began. */
class Beginning {
  atUs = -Infinity;
  heardUs = -Infinity;
  takenHeardUs = -Infinity;
  takenUs = -Infinity;
  beatUs = 0;
  asked: Asked = null;
  readonly peer: GroupBeat = emptyGroupBeat();
  peerKnown = false;
  stopping = false;
  compatible = false;
  software = "";
  readonly linkHeardUs: Float64Array;
  readonly linkRttUs: Float64Array;
  sent = 0;
  answered = 0;
  firstProbeUs = 0;
  lastProbeUs = 0;

  constructor(links: number) {
    this.linkHeardUs = new Float64Array(links);
    this.linkRttUs = new Float64Array(links);
  }
}

export class EvidenceBook {
  readonly #links: Links;
  readonly #peerName: string;
  readonly #beginnings: readonly Beginning[];
  readonly #hintTexts: string[] = Array.from({ length: HINTS }, () => "");
  readonly #hintUs = new Float64Array(HINTS).fill(-Infinity);
  readonly #wakeUs = new Float64Array(WAKES).fill(-Infinity);
  readonly #wakeLateUs = new Float64Array(WAKES);
  readonly #lapseUs: Float64Array;
  readonly #lapseAgeUs: Float64Array;
  #hints = 0;
  #wakes = 0;
  #rulesUs = -Infinity;

  constructor(links: Links, peerName: string, groups: number) {
    this.#links = links;
    this.#peerName = peerName;
    this.#beginnings = Array.from({ length: groups }, () => new Beginning(links.all.length));
    this.#lapseUs = new Float64Array(groups).fill(-Infinity);
    this.#lapseAgeUs = new Float64Array(groups);
  }

  noteHint(text: string, nowUs: number): void {
    this.#hintTexts[this.#hints % HINTS] = text;
    this.#hintUs[this.#hints % HINTS] = nowUs;
    this.#hints++;
  }

  noteLateWake(lateUs: number, nowUs: number): void {
    this.#wakeUs[this.#wakes % WAKES] = nowUs;
    this.#wakeLateUs[this.#wakes % WAKES] = lateUs;
    this.#wakes++;
  }

  noteLapse(group: number, ageUs: number, nowUs: number): void {
    this.#lapseUs[group] = nowUs;
    this.#lapseAgeUs[group] = ageUs;
  }

  noteRules(nowUs: number): void {
    this.#rulesUs = nowUs;
  }

  noteProbe(group: number, nowUs: number): void {
    const b = this.#beginnings[group]!;
    if (b.sent++ === 0) b.firstProbeUs = nowUs;
    b.lastProbeUs = nowUs;
  }

  noteAnswer(group: number): void {
    this.#beginnings[group]!.answered++;
  }

  /** A switch begins. */
  begin(n: NodeState, g: GroupState, kind: SwitchKind, nowUs: number): void {
    const b = this.#beginnings[g.index]!;
    b.atUs = nowUs;
    b.heardUs = n.heardUs;
    b.takenUs = -Infinity;
    b.beatUs = peerBeatUs(n);
    b.asked = askedBy(n, g, kind);
    b.peerKnown = g.peerKnown;
    Object.assign(b.peer, g.peer);
    b.stopping = n.peerStopping;
    b.compatible = n.compatible;
    b.software = n.peerSoftware;
    const all = this.#links.all;
    for (let i = 0; i < all.length; i++) {
      b.linkHeardUs[i] = all[i]!.stats.heardUs;
      b.linkRttUs[i] = all[i]!.stats.rttUs;
    }
    b.sent = 0;
    b.answered = 0;
    this.goOn(n, g, nowUs);
  }

  /** A switch that had begun goes on to the next stage: the address is about to be taken. */
  goOn(n: NodeState, g: GroupState, nowUs: number): void {
    const b = this.#beginnings[g.index]!;
    b.takenUs = nowUs;
    b.takenHeardUs = n.heardUs;
  }

  /** Everything about the switch that began last in a group. */
  read(group: number, nowUs: number): SwitchEvidence {
    const b = this.#beginnings[group]!;
    const ago = (us: number) => Math.round(b.atUs - us);
    return {
      peerName: this.#peerName,
      silenceUs: b.heardUs === -Infinity ? null : ago(b.heardUs),
      takenSilenceUs: b.takenHeardUs === -Infinity ? null : Math.round(b.takenUs - b.takenHeardUs),
      beatUs: b.beatUs,
      links: this.#links.all.map((link, i) => this.#link(link.title, b, i)),
      hints: this.recentHints(b.atUs),
      probes: {
        sent: b.sent,
        answered: b.answered,
        firstAgoUs: b.sent === 0 ? null : ago(b.firstProbeUs),
        lastAgoUs: b.sent === 0 ? null : ago(b.lastProbeUs),
      },
      wakes: this.#recentWakes(nowUs),
      lapse: b.atUs - this.#lapseUs[group]! > RECENT_US
        ? null
        : { agoUs: ago(this.#lapseUs[group]!), ageUs: Math.round(this.#lapseAgeUs[group]!) },
      rulesAgoUs: b.atUs - this.#rulesUs > RECENT_US ? null : ago(this.#rulesUs),
      peer: !b.peerKnown ? null : {
        role: b.peer.role,
        phase: b.peer.phase,
        able: b.peer.able,
        stopping: b.stopping,
        epoch: b.peer.epoch,
        compatible: b.compatible,
        software: b.software,
      },
      asked: b.asked,
    };
  }

  #link(link: string, b: Beginning, i: number): LinkEvidence {
    const heard = b.linkHeardUs[i]!, rtt = b.linkRttUs[i]!;
    const rttUs = Number.isNaN(rtt) ? null : Math.round(rtt);
    if (heard === -Infinity) return { link, heardAgoUs: null, lateUs: null, rttUs };
    const heardAgoUs = Math.round(b.atUs - heard);
    return { link, heardAgoUs, lateUs: Math.max(0, heardAgoUs - b.beatUs), rttUs };
  }

  /** Oldest first. */
  recentHints(atUs: number): HintEvidence[] {
    const found: HintEvidence[] = [];
    for (let i = Math.max(0, this.#hints - HINTS); i < this.#hints; i++) {
      const agoUs = Math.round(atUs - this.#hintUs[i % HINTS]!);
      if (agoUs <= RECENT_US) found.push({ text: this.#hintTexts[i % HINTS]!, agoUs });
    }
    return found;
  }

  #recentWakes(nowUs: number): SwitchEvidence["wakes"] {
    let late = 0, maxUs = 0;
    for (let i = 0; i < WAKES; i++) {
      if (nowUs - this.#wakeUs[i]! > RECENT_US) continue;
      late++;
      maxUs = Math.max(maxUs, this.#wakeLateUs[i]!);
    }
    return { withinUs: RECENT_US, late, maxUs: Math.round(maxUs) };
  }
}

function askedBy(n: NodeState, g: GroupState, kind: SwitchKind): Asked {
  if (kind !== "switchover" && kind !== "handover") return null;
  if (g.moving.command !== 0) return "operator";
  if (kind === "switchover") return g.peer.phase === "offer" ? "peer" : "preempt";
  if (n.stopping) return "stop";
  return g.eligible ? "peer" : "unfit";
}
