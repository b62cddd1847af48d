/** Reads what the peer sends, on all links, and lets only authentic news reach the core. */
import { sameBytes } from "../../kernel_ffi/address.ts";
import { ETHERNET_HEADER_BYTES } from "../../kernel_ffi/ethernet.ts";
import { KernelError } from "../../kernel_ffi/errno.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { runOf, type Verdict } from "../core/freshness.ts";
import { emptyHeartbeat } from "../core/heartbeat.ts";
import { leased, peerAlive } from "../core/group.ts";
import { type CoreEvent, judgeHeartbeat } from "../core/node.ts";
import { DATAGRAM_MAX, decodeHeartbeat } from "../core/wire.ts";
import type { SwitchContext } from "./context.ts";
import type { Executor } from "./executor.ts";
import type { KeyWatch } from "./key_watch.ts";
import type { FrameLink, Link, PathLink } from "./links.ts";
import { SPARE_EVERY } from "./sparing.ts";

/** A peer that floods gets this many datagrams read in one turn of one link; the rest waits. */
const BATCH_MAX = 64;
/** Answers to greetings: enough to meet at once, too few to be worth a flood. */
const GREETING_US = 1000;

export class Receiver {
  readonly #c: SwitchContext;
  readonly #executor: Executor;
  readonly #keys: KeyWatch;
  readonly #buffer = new Uint8Array(new ArrayBuffer(ETHERNET_HEADER_BYTES + DATAGRAM_MAX + 1));
  readonly #frameBody = this.#buffer.subarray(ETHERNET_HEADER_BYTES);
  readonly #beat = emptyHeartbeat();
  /** Bytes of the last fresh heartbeat: its copies by the other links need no second proof. */
  readonly #last = new Uint8Array(DATAGRAM_MAX);
  #lastLength = 0;
  #run = 0;
  #greetedUs = -Infinity;
  readonly #heard: Extract<CoreEvent, { kind: "heard" }> & { link: number };
  readonly #copy: Extract<CoreEvent, { kind: "copy" }> & { link: number };

  constructor(context: SwitchContext, executor: Executor, keys: KeyWatch) {
    this.#c = context;
    this.#executor = executor;
    this.#keys = keys;
    this.#heard = { kind: "heard", beat: this.#beat, link: 0 };
    this.#copy = { kind: "copy", beat: this.#beat, link: 0 };
  }

  readFrames(index: number): void {
    const link = this.#c.links.frames[index]!;
    for (let i = 0; i < BATCH_MAX; i++) {
      const length = link.socket.receive(this.#buffer);
      if (length === -1) return;
      if (length >= ETHERNET_HEADER_BYTES) {
        this.#datagram(this.#frameBody, length - ETHERNET_HEADER_BYTES, link, 1 << index);
      }
    }
  }

  readPath(path: PathLink): void {
    const socket = path.socket;
    if (socket === null) return;
    for (let i = 0; i < BATCH_MAX; i++) {
      const length = socket.receive(this.#buffer);
      if (length === -1) return;
      if (length >= 0) this.#datagram(this.#buffer, length, path, 0);
    }
  }

  /** @param bit of the service interface, 0 for a path */
  #datagram(bytes: Uint8Array, length: number, link: Link, bit: number): void {
    const now = monotonicUs();
    if (this.#isCopy(bytes, length)) {
      this.#noteHeard(link, now);
      // What a frame says about the packets before it, it says only where it travelled itself.
      if (bit !== 0) {
        this.#copy.link = bit;
        this.#executor.step(now, this.#copy);
        this.#sharedWire(bit, now);
      }
      return;
    }
    // Whatever becomes of this one, the decoded heartbeat is no longer the last fresh one.
    this.#lastLength = 0;
    const refusal = decodeHeartbeat(bytes, length, this.#c.keys, this.#c.plan.self, this.#beat);
    if (refusal !== null) return this.#c.reject(refusal);
    const verdict = judgeHeartbeat(this.#c.node, now, this.#beat);
    if (verdict === "greeting") return this.#greet(now);
    if (verdict !== "fresh") return this.#stale(verdict, link, now);
    this.#c.counters.heartbeats_received++;
    this.#keep(bytes, length);
    this.#keys.heard(this.#beat);
    const sameRun = runOf(this.#beat.session) === this.#run;
    this.#c.jitter.heard(this.#c.node, now, sameRun);
    this.#backFromSilence(now, sameRun);
    this.#newSession();
    this.#noteHeard(link, now);
    this.#readEchoes(now);
    this.#learnMacs();
    this.#heard.link = bit;
    this.#executor.step(now, this.#heard);
    this.#sharedWire(bit, now);
  }

  /** What a heartbeat says about packets that both nodes have heard. */
  #sharedWire(bit: number, now: number): void {
    const { shadow, holds, node } = this.#c;
    if (shadow !== null && bit !== 0) {
      shadow.heard(31 - Math.clz32(bit), runOf(this.#beat.session), this.#beat.sentUs, now);
    }
    for (const g of node.groups) {
      // Not of a hold for another reason: what was seen in an earlier move says nothing about it.
      if (g.moving.passingSeen && (g.role === "preparing" || g.phase === "settling")) {
        holds.each[g.index]!.oldNodePasses();
      }
    }
  }

  /** An older one: late on a slower link than the one it was first heard on, or sent again by somebody. */
  #stale(verdict: Verdict, link: Link, now: number): void {
    if (verdict === "old" && this.#beat.seq > link.stats.seq) {
      this.#noteHeard(link, now);
    } else this.#c.reject("replayed");
  }

  #noteHeard(link: Link, now: number): void {
    const every = (this.#beat.sparing >>> link.index & 1) === 1 ? SPARE_EVERY : 1;
    link.stats.heard(this.#beat.seq, now, this.#c.jitter.beatUs, every);
  }

  #isCopy(bytes: Uint8Array, length: number): boolean {
    // 0 stands for "none"; an empty datagram is a copy of nothing.
    if (length === 0 || length !== this.#lastLength) return false;
    // The tag is at the end, and differs for sure if anything does; still all is compared, so nothing forged slips in.
    for (let i = length - 1; i >= 0; i--) if (bytes[i] !== this.#last[i]) return false;
    return true;
  }

  #keep(bytes: Uint8Array, length: number): void {
    for (let i = 0; i < length; i++) this.#last[i] = bytes[i]!;
    this.#lastLength = length;
  }

  #greet(now: number): void {
    // While the peer's run is heard nobody else can be there to be met: what another run once said is sent again.
    if (peerAlive(this.#c.node)) this.#c.reject("replayed");
    if (now - this.#greetedUs < GREETING_US) return;
    this.#greetedUs = now;
    // By the key that it was greeted with, which the peer has for sure.
    this.#executor.beat(this.#beat.keyId);
  }

  /** Whether it is the same run of the peer that is back tells a daemon that slept from one that died. */
  #backFromSilence(now: number, sameRun: boolean): void {
    const n = this.#c.node, silentUs = Math.round(now - n.heardUs);
    if (n.heardUs === -Infinity || silentUs < n.limits.deadAfterUs) return;
    // A shorter silence is worth a word if it had this node take over.
    if (silentUs < n.limits.aliveUs && !n.groups.some((g) => leased(g) && g.sinceUs > n.heardUs)) return;
    const run = sameRun ? "the same run of its daemon: it had slept or was cut off" : "a new run of its daemon";
    const silence = silentUs < 1e6 ? `${(silentUs / 1000).toFixed(1)} ms` : `${(silentUs / 1e6).toFixed(1)} s`;
    const text = `${n.peerName} is heard again after ${silence}, ${run}`;
    this.#c.event("notice", "peer-back", text, undefined, { silentUs, sameRun });
  }

  #newSession(): void {
    const run = runOf(this.#beat.session);
    if (run === this.#run) return;
    this.#run = run;
    for (const link of this.#c.links.all) link.stats.reset();
  }

  #readEchoes(now: number): void {
    const links = this.#c.links.all;
    const count = Math.min(this.#beat.linkCount, links.length);
    for (let i = 0; i < count; i++) {
      const echo = this.#beat.links[i]!;
      links[i]!.stats.echoed(echo.seq, echo.delayUs, this.#c.sent, now);
    }
  }

  /** The peer's MACs, by its own authentic word: whom to pass packets on to. */
  #learnMacs(): void {
    const frames = this.#c.links.frames;
    const count = Math.min(this.#beat.macCount, frames.length);
    for (let i = 0; i < count; i++) {
      const link = frames[i]!;
      if (link.peerMac !== null && isMacAt(this.#beat.macs, i, link.peerMac)) continue;
      this.#setMac(link, this.#beat.macs.slice(i * 6, i * 6 + 6));
    }
  }

  #setMac(link: FrameLink, mac: Uint8Array): void {
    if (sameBytes(mac, link.socket.mac) || (mac[0]! & 1) !== 0) {
      return this.#c.alarm(
        `peer MAC ${link.name}`,
        `${this.#c.plan.peerName} tells an impossible MAC for ${link.name}: do both nodes have the same one?`,
      );
    }
    this.#c.alarm(`peer MAC ${link.name}`, null);
    link.setPeerMac(mac);
    try {
      this.#c.rules.setPeerMac(link.name, mac);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      this.#c.alarm(
        `peer MAC ${link.name}`,
        `no packets can be passed on to ${this.#c.plan.peerName}: ${error.message}`,
      );
    }
  }
}

function isMacAt(macs: Uint8Array, index: number, mac: Uint8Array): boolean {
  for (let i = 0; i < 6; i++) if (macs[index * 6 + i] !== mac[i]) return false;
  return true;
}
