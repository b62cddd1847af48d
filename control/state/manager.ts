/**
 * The state of all groups on the main thread: puts replicas, peer stream and disk together. Which node serves is the switch thread's
 * decision; this one says whether its copy is fit for it.
 */
import { decodeCopyMessage, encodeCopyMessage } from "../core/state/messages.ts";
import { Replica } from "../core/state/replica.ts";
import type { ReplicaPort } from "../core/state/replica_port.ts";
import type { StateSnapshot } from "../core/messages.ts";
import type { EventLevel, Role } from "../core/vocabulary.ts";
import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import { DiskWriter, type StateDisk } from "./disk.ts";
import { Fitness } from "./fitness.ts";
import { GroupState } from "./group_state.ts";
import { Greeting } from "./greeting.ts";
import { isHello } from "./hello.ts";
import type { StateRules } from "./rules.ts";
import { Room } from "./room.ts";
import { readTable, type StoredState } from "./stored.ts";

/** The part of `PeerStream` that is used here. */
export interface StateStream {
  /** False: it was not taken, as too much waits for the peer. */
  send(channel: 0 | 1, bytes: Uint8Array): boolean;
  restart(reason: "given up" | "overrun"): void;
  readonly buffered: { readonly 0: number; readonly 1: number };
}

export interface StateParts {
  readonly groups: readonly { readonly name: string; readonly rules: StateRules }[];
  readonly peerName: string;
  /** Of the pair's configuration: copies of nodes that do not agree on it do not speak with each other. */
  readonly digest: Uint8Array;
  /** How long a node that starts looks for the peer's copy before it goes by its own. */
  readonly startWaitMs: number;
  readonly disk: StateDisk;
  readonly event: (level: EventLevel, kind: string, text: string, group?: string) => void;
  readonly alarm: (kind: string, text: string | null) => void;
  readonly eligible: (group: string, ok: boolean, reason: string) => void;
  /** Whether this node's copy has been compared with the peer's in the present connection; behind the `eligible` that it led to. */
  readonly compared: (group: string, on: boolean) => void;
  /** The copy has heard of that reign; the next one must have a higher epoch. */
  readonly reignKnown: (group: string, epoch: number) => void;
  /** Whether the group has state, which a switch has to wait for. */
  readonly managed: (group: string, on: boolean) => void;
  /** Not given: the system's. */
  readonly clock?: Clock;
}

/** More of a copy is handed to the stream when less than this is under way in its channel. */
const COPY_UNDER_WAY_MAX = 4 * 1024 * 1024;
const COMPACT_EVERY_US = 10_000_000;

export class StateManager {
  readonly groups = new Map<string, GroupState>();
  readonly #byIndex: GroupState[] = [];
  readonly #p: StateParts;
  readonly #clock: Clock;
  readonly #writer: DiskWriter;
  readonly #fitness: Fitness;
  /** Which groups were told to have state; the switch thread takes it that none has. */
  readonly #managed = new Map<string, boolean>();
  #stream: StateStream | null = null;
  #greeted = false;
  /** Something could not be sent: the connection is about to be made anew. */
  #overrun = false;
  readonly #greeting: Greeting;
  #flushScheduled = false;
  /** For clients' writes. */
  readonly room: Room;
  #refused = 0;
  #endCompactor: () => void = () => {};

  /** Reads every group's state from the disk. @param load what is stored of a group */
  static async open(parts: StateParts, load: (group: string) => Promise<StoredState>): Promise<StateManager> {
    const manager = new StateManager(parts);
    for (const [index, { name, rules }] of parts.groups.entries()) {
      const { table, stored } = await readTable(() => load(name));
      const replica = new Replica(index, table, stored, manager.#port(index, name));
      const group = new GroupState(name, replica, rules, parts.peerName, manager.#clock);
      manager.#byIndex.push(group);
      manager.groups.set(name, group);
    }
    return manager;
  }

  /** Says what it has; from now on it looks for the peer's copies. */
  start(): void {
    this.#fitness.start();
    this.#tellAll();
  }

  private constructor(parts: StateParts) {
    this.#p = parts;
    this.#clock = parts.clock ?? SYSTEM_CLOCK;
    this.room = new Room({
      clock: this.#clock,
      underWay: () => this.#stream?.buffered[0] ?? 0,
      outrun: () => this.#byIndex.some(({ replica }) => replica.outrun),
    });
    this.#greeting = new Greeting(parts, new Map(parts.groups.map(({ name, rules }) => [name, rules])));
    this.#writer = new DiskWriter(parts.disk, parts.groups.map(({ name }) => name), {
      position: (index) => {
        const { replica } = this.#byIndex[index]!;
        return { ...replica.storedPosition, lineage: replica.lineage };
      },
      durable: (index, lsn, lineage) => {
        this.#byIndex[index]!.replica.durable(lsn, lineage);
        this.#byIndex[index]!.changed();
        this.#flushSoon();
      },
    }, this.#clock);
    this.#fitness = new Fitness(
      this.#clock,
      parts.startWaitMs,
      (group, ok, reason) => parts.eligible(group, ok, reason),
      (group, on) => parts.compared(group, on),
      () => this.#tellAll(),
    );
    this.#compactLater();
  }

  #port(index: number, name: string): ReplicaPort {
    return {
      send: (channel, message) => {
        if (this.#greeted) this.#send(channel, encodeCopyMessage(message));
      },
      room: (channel) => this.#greeted && (this.#stream?.buffered[channel] ?? Infinity) < COPY_UNDER_WAY_MAX,
      store: (change) => this.#writer.store(index, change),
      later: (act) =>
        this.#clock.behind(() => {
          act();
          this.#flushSoon();
        }),
      changed: () => this.#changed(index),
      event: (level, kind, text) => this.#p.event(level, kind, `${name}: ${text}`, name),
    };
  }

  /**
   * What is not taken would be missing at the peer, which might never know: the connection is made anew, and each copy gets what it lacks
   * from the other one's table. Not at once: who sends is in the midst of something.
   */
  #send(channel: 0 | 1, bytes: Uint8Array): void {
    const stream = this.#stream;
    if (this.#overrun || stream === null || stream.send(channel, bytes)) return;
    this.#overrun = true;
    const { peerName } = this.#p;
    const text =
      `${peerName} does not take what is sent fast enough: the connection is made anew, to send what it lacks`;
    this.#p.event("alarm", "state-overrun", text);
    this.#clock.soon(() => stream.restart("overrun"));
  }

  #changed(index: number): void {
    const group = this.#byIndex[index];
    if (group === undefined) return;
    group.changed();
    this.#tell(group);
  }

  #tellAll(): void {
    for (const group of this.#byIndex) this.#tell(group);
  }

  #tell(group: GroupState): void {
    this.#tellReign(group);
    this.#fitness.judge(group.name, group.replica, this.#greeted);
    const managed = group.hasState;
    if ((this.#managed.get(group.name) ?? false) === managed) return;
    this.#managed.set(group.name, managed);
    this.#p.managed(group.name, managed);
  }

  #tellReign(group: GroupState): void {
    const epoch = group.takeNewReign();
    if (epoch !== null) this.#p.reignKnown(group.name, epoch);
  }

  // ---- the stream

  /** The stream to the peer is up: who is there says first what it is. */
  connected(stream: StateStream): void {
    this.#stream = stream;
    this.#send(0, this.#greeting.message);
  }

  disconnected(): void {
    this.#stream = null;
    this.#overrun = false;
    const greeted = this.#greeted;
    this.#greeted = false;
    this.room.wake();
    if (!greeted) return;
    for (const group of this.#byIndex) {
      group.setConnected(false);
      group.replica.disconnected();
    }
    this.#tellAll();
  }

  /** A message of the peer. */
  receive(bytes: Uint8Array): void {
    if (!this.#greeted || isHello(bytes)) return this.#hello(bytes);
    const message = decodeCopyMessage(bytes);
    const group = message === null ? undefined : this.#byIndex[message.group];
    if (message === null || group === undefined || !group.replica.receive(message)) {
      this.#refused++;
      return;
    }
    this.#tellReign(group);
    this.#flushSoon();
    if (message.kind === "rows") group.changed();
  }

  #hello(bytes: Uint8Array): void {
    const same = this.#greeting.heard(bytes);
    if (same === null) this.#refused++;
    if (!same || this.#greeted) return;
    this.#greeted = true;
    for (const group of this.#byIndex) {
      group.setConnected(true);
      group.replica.connected();
    }
    this.#tellAll();
  }

  /** Acknowledgements of all that came together leave together. */
  #flushSoon(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#clock.soon(() => {
      this.#flushScheduled = false;
      for (const group of this.#byIndex) group.replica.flushAck();
    });
  }

  /** There is room again for what waits. */
  drained(): void {
    for (const group of this.#byIndex) group.replica.pump();
    this.room.wake();
  }

  /** Messages that fitted nothing. */
  get refused(): number {
    return this.#refused;
  }

  // ---- the disk

  /** The journal has everything up to this number of an `append`. */
  durable(sequence: number): void {
    this.#writer.onDurable(sequence);
  }

  /** Whether the disk takes writes. */
  diskHealth(ok: boolean): void {
    for (const group of this.#byIndex) group.setDisk(ok);
  }

  /** The file was lost: everything in memory is written anew. */
  rewrite(): void {
    for (const { replica } of this.#byIndex) replica.storeAnew();
  }

  #compactLater(): void {
    this.#endCompactor = this.#clock.after(COMPACT_EVERY_US, () => {
      this.#compact();
      this.#compactLater();
    });
  }

  #compact(): void {
    for (const group of this.#byIndex) group.compact();
  }

  // ---- roles

  /**
   * The switch thread has found the peer silent and its address unanswered. The stream would need a second and a half to find that out by
   * itself, and the first writes of the new reign would wait for a node that is gone.
   */
  peerSilent(): void {
    this.#stream?.restart("given up");
  }

  role(name: string, role: Role, epoch: number): void {
    const group = this.groups.get(name);
    if (group === undefined) return;
    // The switch thread did not know of that reign yet. It has been told, and comes back with a higher epoch.
    if (role === "primary" && epoch < group.replica.lastReign) return;
    group.setRole(role, epoch);
    this.#tell(group);
  }

  /** Old node of a switchover: everything that was written goes to the new one, and nothing comes behind it. */
  seal(name: string, switchId: number): number {
    const group = this.groups.get(name);
    group?.replica.seal(switchId);
    return group?.replica.lsn ?? 0;
  }

  /**
   * New node of a switchover: waits until everything that the old one has written is here. Resolves with the LSN, or with why it
   * will not come.
   */
  async lastWords(
    name: string,
    switchId: number,
    signal: AbortSignal,
  ): Promise<{ readonly lsn: number } | { readonly problem: string }> {
    const group = this.groups.get(name);
    if (group === undefined || !group.hasState) return { lsn: 0 };
    const { replica } = group;
    let wake = () => {};
    const unwatch = group.watch(() => wake());
    const abort = () => wake();
    signal.addEventListener("abort", abort);
    try {
      for (;;) {
        const words = replica.lastWords;
        if (words?.switchId === switchId && replica.following && replica.lsn >= words.lsn) return { lsn: words.lsn };
        if (!this.#greeted) return { problem: `no connection for state to ${this.#p.peerName}` };
        if (signal.aborted) return { problem: `the last state of ${this.#p.peerName} did not come in time` };
        await new Promise<void>((resolve) => wake = resolve);
      }
    } finally {
      unwatch();
      signal.removeEventListener("abort", abort);
    }
  }

  /** An operator wants the group served here, even if its copy is not whole. */
  force(name: string): void {
    const group = this.groups.get(name);
    if (group === undefined) return;
    this.#fitness.force(name);
    this.#tell(group);
  }

  status(name: string): StateSnapshot {
    const group = this.groups.get(name);
    if (group === undefined) throw new RangeError(`state: there is no group ${name}`);
    return group.status();
  }

  /** For each group. The peer hears of them. */
  setRules(rules: ReadonlyMap<string, StateRules>): void {
    for (const [name, group] of this.groups) group.rules = rules.get(name)!;
    this.#greeting.setRules(rules);
    this.#send(0, this.#greeting.message);
  }

  close(): void {
    this.#endCompactor();
    this.#fitness.close();
    this.#writer.flush();
    for (const group of this.#byIndex) group.close();
  }
}
