/** The state of one group on this node: who may write, who waits for what, who watches. */
import type { Replica } from "../core/state/replica.ts";
import type { StateSnapshot } from "../core/messages.ts";
import type { Role } from "../core/vocabulary.ts";
import type { Clock } from "./clock.ts";
import { StateProblem } from "./problem.ts";
import type { StateRules } from "./rules.ts";
import { type Outcome, type Progress, Waits } from "./waits.ts";
import { checkWrite, type WriteRequest, type WriteResult } from "./write.ts";

/** A standby that has just come back, and lacks little, follows within milliseconds; a write waits for that, but no longer than this. */
const CATCH_UP_WAIT_US = 250_000;
/** Rows that were taken back and deleted keys are kept for copies that are behind: as many as this, or as there are keys. */
const TOMBSTONES_KEPT = 10_000;

export class GroupState {
  readonly name: string;
  readonly replica: Replica;
  role: Role = "starting";
  #rules: StateRules;
  readonly #peerName: string;
  readonly #clock: Clock;
  readonly #waits = new Waits();
  readonly #watchers = new Set<() => void>();
  #endTimer: () => void = () => {};
  #timerUs = Infinity;
  #connected = false;
  /** Up to then a standby that does not follow yet is expected to. */
  #expectedUntilUs = -Infinity;
  #followed = false;
  #hasState = false;
  #diskOk = true;
  #toldReign = 0;

  constructor(name: string, replica: Replica, rules: StateRules, peerName: string, clock: Clock) {
    this.name = name;
    this.replica = replica;
    this.#rules = rules;
    this.#peerName = peerName;
    this.#clock = clock;
  }

  set rules(rules: StateRules) {
    this.#rules = rules;
  }

  /** This node's disk takes writes, or refuses them. */
  setDisk(ok: boolean): void {
    this.#diskOk = ok;
    if (!ok) this.#waits.abandon("disk");
  }

  setConnected(connected: boolean): void {
    this.#connected = connected;
    if (connected) this.#expect();
  }

  #expect(): void {
    this.#expectedUntilUs = this.#clock.nowUs() + CATCH_UP_WAIT_US;
  }

  /**
   * Something is to be waited for in a switch: there are rows, here or at the peer, or have been: a copy that is being brought up to date
   * may have none for a moment.
   */
  get hasState(): boolean {
    return this.#hasState ||= this.replica.lsn > 0 || this.replica.copying || (this.replica.peer?.lsn ?? 0) > 0;
  }

  /** What was not taken back yet may be written: also by a service that says its last words. */
  get writable(): boolean {
    return this.replica.serving && !this.replica.sealed && (this.role === "primary" || this.role === "leaving");
  }

  /** Epoch of the last reign that the copy knows of, once; null if there was none since. */
  takeNewReign(): number | null {
    const { lastReign } = this.replica;
    if (lastReign <= this.#toldReign) return null;
    return this.#toldReign = lastReign;
  }

  setRole(role: Role, epoch: number): void {
    this.role = role;
    if (role === "primary") {
      this.#expect();
      if (this.replica.epoch !== epoch) this.replica.serve(epoch);
      else this.replica.unseal();
    } else if (role !== "leaving" && role !== "fenced") {
      this.replica.leave();
      this.#waits.abandon("role");
    }
    this.changed();
  }

  /** Throws `StateProblem`; once it is written, only what was asked of its safety can fail. */
  async write({ ops, ack }: WriteRequest): Promise<WriteResult> {
    this.#requireWritable();
    const { table } = this.replica;
    checkWrite(table, ops, this.#rules.maxBytes - table.bytes);
    if (ops.length === 0) return { lsn: this.replica.lsn, epoch: this.replica.epoch, ack, degraded: false };
    this.#requireSafety(ack);
    const lsn = this.replica.write(ops, ack === "durable"), { epoch } = this.replica;
    this.#tellWatchers();
    if (ack === "local") return { lsn, epoch, ack, degraded: false };
    const { degraded } = await this.#wait(lsn, ack);
    return { lsn, epoch, ack, degraded };
  }

  #requireWritable(): void {
    if (this.writable) return;
    const switching = this.role === "leaving" || this.role === "preparing" || this.role === "fenced";
    const primary = this.replica.peer?.serving ? this.#peerName : null;
    if (switching || this.replica.serving) {
      throw new StateProblem("switching", `${this.name} is ${this.role} here`, "try again in a moment", { primary });
    }
    const who = primary === null ? "no primary is known" : `${primary} is primary`;
    const hint = primary === null ? "segue status shows why" : `write to ${primary}`;
    throw new StateProblem("not-primary", `this node is ${this.role} of ${this.name}; ${who}`, hint, { primary });
  }

  /** What can be known to fail fails before anything is written. */
  #requireSafety(ack: WriteRequest["ack"]): void {
    if (ack === "durable" && !this.#diskOk) {
      throw new StateProblem(
        "not-durable",
        "this node's disk takes no writes",
        "segue status shows why; ack=replicated goes on",
      );
    }
    if (ack === "local" || this.#rules.whenAlone === "accept" || this.#progress().peer !== null) return;
    const hint = 'write with ack=local, or wait for the standby; state.when_alone = "accept" would take it';
    const why = this.#connected ? "is not up to date yet" : "is away";
    throw new StateProblem("not-replicated", `${this.#peerName} ${why}, nothing was written`, hint, { lsn: null });
  }

  async #wait(lsn: number, level: "replicated" | "durable"): Promise<Outcome> {
    const untilUs = this.#clock.nowUs() + this.#rules.waitUs;
    const { peer } = this.#progress();
    const waiting = this.#waits.add(lsn, level, peer === "coming" ? Math.min(untilUs, this.#expectedUntilUs) : untilUs);
    this.#settle();
    let outcome: Outcome;
    try {
      outcome = await waiting;
    } catch (reason) {
      if (reason === "disk") {
        const hint = "it is in memory, and goes to the disk when that takes writes again";
        throw new StateProblem("not-durable", `written with LSN ${lsn}, but this node's disk refuses it`, hint, {
          lsn,
        });
      }
      const hint = "ask the primary for the key before you write it again";
      throw new StateProblem("unknown-outcome", `another node reigns since; LSN ${lsn} may be lost`, hint, { lsn });
    }
    if (outcome.degraded && this.#rules.whenAlone === "refuse") {
      const text = `written with LSN ${lsn} on this node alone: ${this.#peerName} did not confirm it`;
      throw new StateProblem("not-replicated", text, "it stands unless this node is lost before the standby is back", {
        lsn,
      });
    }
    return outcome;
  }

  #progress(): Progress {
    const { replica } = this;
    // It may begin anew, and follow again in a moment.
    if (this.#followed && !replica.followed) this.#expect();
    this.#followed = replica.followed;
    if (replica.followed) {
      return { durable: replica.durableLsn, peer: { received: replica.peerReceived, durable: replica.peerDurable } };
    }
    const coming = this.#connected && !replica.catchUpIsLong && this.#clock.nowUs() < this.#expectedUntilUs;
    return { durable: replica.durableLsn, peer: coming ? "coming" : null };
  }

  /** The replica, the peer or the disk has come further. */
  changed(): void {
    this.#settle();
    this.#tellWatchers();
  }

  #settle(): void {
    if (this.#waits.size === 0) return;
    const nowUs = this.#clock.nowUs();
    this.#waits.settle(this.#progress(), nowUs);
    this.#arm(nowUs);
  }

  /** A timer that fires too early costs little and one that is set anew for each write much: only an earlier one replaces it. */
  #arm(nowUs: number): void {
    const expectedUs = this.#expectedUntilUs > nowUs ? this.#expectedUntilUs : Infinity;
    const nextUs = Math.min(this.#waits.nextUs(nowUs), expectedUs);
    if (nextUs >= this.#timerUs) return;
    this.#endTimer();
    this.#timerUs = nextUs;
    this.#endTimer = this.#clock.after(nextUs - nowUs + 1000, () => {
      this.#timerUs = Infinity;
      this.#settle();
    });
  }

  status(): StateSnapshot {
    const { replica } = this, { table } = replica;
    return {
      lsn: replica.lsn,
      peer_lsn: replica.followed ? replica.peerReceived : replica.following ? replica.lsn : replica.peer?.lsn ?? 0,
      keys: table.keys,
      bytes: table.bytes,
      durable_lsn: replica.durableLsn,
      peer_durable_lsn: replica.peerDurable,
      sync: this.#syncState(),
    };
  }

  #syncState(): StateSnapshot["sync"] {
    const { replica } = this;
    if (replica.copying) return "copying";
    if (replica.followed || replica.following) return "synced";
    if (!this.#connected) return "alone";
    if (replica.peer === null) return "catching-up";
    return replica.backlog !== null || replica.peer?.serving ? "catching-up" : "synced";
  }

  /** Calls back after each change, to be asked for rows above what the watcher has. Returns what ends that. */
  watch(poke: () => void): () => void {
    this.#watchers.add(poke);
    return () => this.#watchers.delete(poke);
  }

  #tellWatchers(): void {
    for (const poke of this.#watchers) poke();
  }

  /** Forgets old tombstones. */
  compact(): void {
    this.replica.compact(Math.max(TOMBSTONES_KEPT, this.replica.table.keys));
  }

  close(): void {
    this.#endTimer();
    this.#waits.abandon("role");
  }
}
