/**
 * The pair in one thread, played from a seed: two machines with clocks, kernels and disks, what is between them, clients, and the faults of
 * all of these. The nodes run the code that ships: the role machine, the replicas with their manager, the peer stream, the order of writes to the
 * disk, the orders of a switch. What is played is what they get from Linux.
 */
import { type Limits, planLimits } from "../../control/core/limits.ts";
import type { Heartbeat } from "../../control/core/heartbeat.ts";
import type { CoreEvent } from "../../control/core/node.ts";
import type { AckLevel } from "../../control/state/waits.ts";
import { SimEtcd } from "./etcd.ts";
import { overTheWire, photograph } from "./datagram.ts";
import { SimDisk } from "./disk.ts";
import { SimKernel } from "./kernel.ts";
import { gatewaySetup, SimGateway } from "./gateway.ts";
import { MainThread } from "./main_thread.ts";
import { CABLE, LAN, LINK_BITS, Network, type NodeIndex, type PathIndex } from "./network.ts";
import { MachineClock, Process, ProcessClock, SimNode } from "./node.ts";
import { PowerSwitch } from "./power_switch.ts";
import { EventQueue } from "./queue.ts";
import { Random } from "./random.ts";
import { Referee, replicaOf } from "./referee.ts";
import type { StreamPacket } from "./peer_link.ts";
import type { Settings } from "./settings.ts";
import { SharedWire } from "./shared_wire.ts";
import { type Outside, SwitchThread } from "./switch_thread.ts";
import { Traffic } from "./traffic.ts";

export type { Hooks, Settings } from "./settings.ts";

const DIGEST = new Uint8Array(8);
/** Turns of promises after work of a main thread. What is left comes with the next one's. */
const TURNS = 16;
const TRACE_MAX = 4000;
const RECORDED_MAX = 200;
const RESERVE_AGAIN_US = 1_000_000;

export class SimWorld {
  now = 0;
  readonly nodes: readonly [SimNode, SimNode];
  readonly network: Network;
  readonly referee: Referee;
  readonly traffic: Traffic;
  readonly etcd: SimEtcd;
  readonly gateway = new SimGateway();
  readonly power = new PowerSwitch(this);
  readonly wire = new SharedWire(this);
  readonly random: Random;
  readonly limits: Limits;
  readonly settings: Settings;
  /** How slow this pair's times are against the default profile's: what happens to it is as much slower. */
  readonly scale: number;
  readonly results: { readonly id: number; readonly ok: boolean; readonly error: string }[] = [];
  readonly trace: string[] = [];
  /** Called with each line of the trace. */
  onTrace: (line: string) => void = () => {};
  /** Heartbeats that somebody has recorded where they arrived, to send them again. */
  readonly #recorded: { readonly to: NodeIndex; readonly beat: Heartbeat }[] = [];
  readonly #queue = new EventQueue();
  readonly #outside: Outside;
  /** How often everything was mended. */
  mendings = 0;
  /** What was put off until the code that runs now has ended. */
  readonly #soon: (() => void)[] = [];
  /** Promises of a main thread may wait for their turn. */
  #touched = false;
  /** Words between two threads do not overtake each other: when the last one arrives, to the main thread and from it. */
  readonly #reportAt = [0, 0];
  readonly #sendAt = [0, 0];
  #writes = 0;

  constructor(seed: number, settings: Settings) {
    const random = this.random = new Random(seed);
    this.settings = settings;
    const planned = planLimits(settings.timing);
    this.scale = planned.leaseUs / 60_000;
    this.limits = settings.hooks.limits?.(planned) ?? planned;
    const node = (index: NodeIndex) => {
      const kernel = new SimKernel(this.limits.leaseUs, settings.timing.deadAfterUs);
      settings.hooks.kernel?.(kernel);
      const disk = new SimDisk();
      settings.hooks.disk?.(disk);
      const drift = settings.rough ? random.int(-200, 200) : 0;
      return new SimNode(index, new MachineClock(drift, 1_000_000 * (index + 1) + random.int(0, 4000)), kernel, disk);
    };
    this.nodes = [node(0), node(1)];
    this.network = new Network(random);
    this.referee = new Referee(this.nodes, (rule) => this.log(rule));
    this.traffic = new Traffic(this.nodes, this.network, this.#queue, random, () => this.now);
    this.etcd = new SimEtcd(random, () => this.now, (worldUs, act) => this.at(worldUs, act));
    settings.hooks.etcd?.(this.etcd);
    if (settings.gateway) this.referee.oneAcrossParts(this.limits.leaseUs);
    this.#outside = this.#makeOutside();
  }

  log(text: string): void {
    if (this.trace.length >= TRACE_MAX) this.trace.splice(0, TRACE_MAX / 2);
    const line = `${(this.now / 1000).toFixed(3)} ${text}`;
    this.trace.push(line);
    this.onTrace(line);
  }

  at(worldUs: number, act: () => void): void {
    this.#queue.add(worldUs, act);
  }

  /** Part of the trouble that goes on: it does not happen any more once that has been mended. */
  later(us: number, act: () => void): void {
    const { mendings } = this;
    this.at(this.now + us, () => {
      if (this.mendings === mendings) act();
    });
  }

  /** Plays on until then. Ends early once a rule is broken. */
  async runUntil(endUs: number): Promise<void> {
    const queue = this.#queue, { referee, network } = this;
    while (queue.nextAt <= endUs && referee.violations.length === 0) {
      if (queue.nextAt > this.now) this.now = queue.nextAt;
      queue.take()();
      this.#doSoon();
      referee.watch(this.now, network.split);
      if (!this.#touched) continue;
      this.#touched = false;
      for (let turn = 0; turn < TURNS; turn++) {
        await undefined;
        this.#doSoon();
      }
      referee.watch(this.now, network.split);
    }
    if (this.now < endUs) this.now = endUs;
  }

  #doSoon(): void {
    for (let act = this.#soon.shift(); act !== undefined; act = this.#soon.shift()) act();
  }

  run(us: number): Promise<void> {
    return this.runUntil(this.now + us);
  }

  // ---- what the nodes do to each other

  #makeOutside(): Outside {
    return {
      nowWorld: () => this.now,
      at: (worldUs, act) => this.at(worldUs, act),
      latenessUs: () => {
        if (!this.settings.rough) return 20;
        return this.random.chance(0.002) ? this.random.int(1000, 9000) : this.random.int(0, 100);
      },
      stop: (node, us) => this.#standStill(node, node.process!, us),
      sendBeat: (from, beat, framed) => this.#sendBeat(from, beat, framed),
      ask: (from) => this.#ask(from),
      shadowFor: (node, core) =>
        this.settings.shared ? this.wire.shadowFor(node, core, this.settings.hooks.lagUs) : null,
      askGateway: (from) => this.#askGateway(from),
      announce: (from) => this.#announce(from),
      took: (node, epoch, handedOverBy, kind) => {
        this.log(`${node.name} TAKES the address, epoch ${epoch}`);
        this.referee.took(node, epoch, handedOverBy);
        if (this.settings.fencing && kind !== "switchover") {
          this.referee.tookUnheard(node, this.power.knowsOff(this.nodes[1 - node.index]!));
        }
      },
      release: (node, which) => this.traffic.release(node, which),
      giveBack: (node) => this.traffic.giveBack(node),
      note: (node, text) => this.log(`${node.name} ${text}`),
      result: (node, id, ok, error) => {
        this.results.push({ id, ok, error });
        this.log(`${node.name} answers command ${id}: ${ok ? "done" : error}`);
      },
      report: (node, reports) => {
        const at = this.#inOrder(this.#reportAt, node.index, this.random.int(40, 300));
        this.#onMain(node, at, (main) => {
          const before = replicaOf(node)?.epoch;
          main.reports(reports);
          const now = replicaOf(node)?.epoch;
          if (now !== before && now !== undefined && now > 0) this.referee.serves(node);
        });
      },
      reserve: (node, above) => this.#reserve(node, above),
      ended: (node) => this.#end(node, "ends"),
    };
  }

  #inOrder(last: number[], index: NodeIndex, delayUs: number): number {
    return last[index] = Math.max(this.now + delayUs, last[index]! + 1);
  }

  /** For the main thread of the process that runs now. */
  #onMain(node: SimNode, at: number, act: (main: MainThread) => void): void {
    const { process, main } = node;
    if (process === null || main === null) return;
    this.at(at, () => this.#run(process, () => act(main)));
  }

  #run(process: Process, act: () => void): void {
    if (!process.alive) return;
    this.#touched = true;
    if (this.now < process.stoppedUntil) process.waiting.push(act);
    else act();
  }

  /** For the switch thread of the process that runs now; what it is told is known when it arrives. */
  #onSwitch(node: SimNode, at: number, event: () => CoreEvent | null): void {
    const { switchThread } = node;
    if (switchThread === null) return;
    this.at(at, () => {
      if (node.switchThread !== switchThread) return;
      const told = event();
      if (told !== null) switchThread.give(told);
    });
  }

  /** The journal asks its disk again and again. */
  #reserve(node: SimNode, above: number): void {
    const { process } = node;
    this.#onSwitch(node, this.now + this.random.int(500, node.disk.slowUs + 500), () => {
      const upTo = node.disk.reserve(above);
      if (upTo !== null) return { kind: "reserved", group: 0, upTo };
      this.at(this.now + RESERVE_AGAIN_US, () => {
        if (node.process === process) this.#reserve(node, above);
      });
      return null;
    });
  }

  #sendBeat(from: SimNode, beat: Heartbeat, framed: boolean): void {
    const to = this.nodes[1 - from.index]!, { bytes } = this.settings;
    const copy = bytes ? overTheWire(beat, from.software !== "1", to.index) : photograph(beat);
    if (framed && from.carrier && to.carrier) this.#post(from, to, copy, LAN);
    this.#post(from, to, copy, CABLE);
  }

  #post(from: SimNode, to: SimNode, beat: Heartbeat, path: PathIndex): void {
    for (const at of this.network.arrivals(path, from.index, this.now)) {
      this.at(at, () => this.#deliver(to, beat, path, from));
    }
  }

  #deliver(to: SimNode, beat: Heartbeat, path: PathIndex, from: SimNode | null): void {
    if (!to.powered || to.frozen) return;
    if (to.switchThread !== null) {
      if (from !== null && this.#recorded.length < RECORDED_MAX && this.random.chance(0.05)) {
        this.#recorded.push({ to: to.index, beat });
      }
      return to.switchThread.give({ kind: "datagram", beat, link: LINK_BITS[path] });
    }
    // Nobody listens: the kernel says so, if its word gets through.
    if (path !== CABLE || from === null) return;
    const [at] = this.network.arrivals(CABLE, to.index, this.now);
    if (at === undefined) return;
    this.#onSwitch(
      from,
      at,
      () => ({ kind: "hint", source: "port", reason: "port unreachable: the peer's daemon is gone", sure: true }),
    );
  }

  /** Somebody sends again what he has recorded. */
  replay(): void {
    if (this.#recorded.length === 0) return;
    const { to, beat } = this.random.pick(this.#recorded);
    this.#deliver(this.nodes[to]!, beat, CABLE, null);
  }

  #onLan(from: SimNode, to: SimNode): boolean {
    return !this.network.split && from.powered && to.powered && from.carrier && to.carrier && !to.frozen;
  }

  #ask(from: SimNode): void {
    const to = this.nodes[1 - from.index]!;
    this.at(this.now + this.random.int(30, 120), () => {
      if (!this.#onLan(from, to)) return;
      const soon = () => this.now + this.random.int(30, 200);
      this.#onSwitch(to, soon(), () => ({ kind: "peerAsks", group: 0, lower: to.index === 0 }));
      if (!to.speaks(this.now) || this.settings.hooks.noAnswers) return;
      const answer: CoreEvent = { kind: "probeAnswered", group: 0, lower: from.index === 0 };
      this.#onSwitch(from, soon(), () => from.frozen ? null : answer);
    });
  }

  #askGateway(from: SimNode): void {
    this.at(this.now + this.random.int(30, 120), () => {
      if (!this.gateway.reaches(from, this.network.split)) return;
      this.#onSwitch(
        from,
        this.now + this.random.int(30, 200),
        () => from.frozen ? null : { kind: "gatewayHeard", group: 0 },
      );
    });
  }

  /** The switch and the neighbours learn, before a heartbeat that left with it has been read; so does the other node. */
  #announce(from: SimNode): void {
    if (!from.speaks(this.now)) return;
    const to = this.nodes[1 - from.index]!;
    this.at(this.now + this.random.int(5, 30), () => {
      this.traffic.owner = from.index;
      if (!this.#onLan(from, to)) return;
      this.#onSwitch(to, this.now + this.random.int(30, 200), () => {
        return { kind: "probeAnswered", group: 0, lower: to.index === 0 };
      });
    });
  }

  #postStream(from: SimNode, packet: StreamPacket): void {
    const to = this.nodes[1 - from.index]!;
    if (packet.path === LAN && !(from.carrier && to.carrier)) return;
    for (const at of this.network.arrivals(packet.path, from.index, this.now)) {
      this.at(at + this.network.streamLagUs, () => {
        const { process, main } = to;
        if (process === null || main === null || !to.powered || to.frozen) return;
        if (this.now < process.stoppedUntil) process.waiting.push(() => main.heard(packet));
        else main.heard(packet);
      });
    }
  }

  // ---- processes and machines

  start(index: NodeIndex): void {
    const node = this.nodes[index]!;
    if (!node.powered || node.process !== null) return;
    if (node.frozen) {
      node.startsAtThaw = true;
      return;
    }
    node.ending = false;
    const process = node.process = new Process();
    const clockOf = (onRun: () => void) =>
      new ProcessClock(this.#queue, node, process, () => this.now, (act) => void this.#soon.push(act), onRun);
    const clock = clockOf(() => this.#touched = true);
    const { reservedUpTo: usedUpTo, unproven } = node.disk.epochs;
    const reservedUpTo = node.disk.reserve(0) ?? usedUpTo;
    node.kernel.installGate();
    node.kernel.addressOn = false;
    this.log(`${node.name} starts`);
    node.switchThread = new SwitchThread(
      {
        index,
        name: node.name,
        peerName: "ba"[index]!,
        session: 1 + this.random.int(0, 2 ** 40 - 2),
        digest: DIGEST,
        limits: this.limits,
        arbiterUs: this.settings.arbiterUs ?? null,
        fencing: this.settings.fencing ?? false,
        groups: [
          {
            name: "web",
            links: LINK_BITS[LAN],
            preferSelf: index === 0,
            preempt: false,
            usedUpTo,
            reservedUpTo,
            unproven,
            shared: this.settings.shared ?? false,
            ...(this.settings.gateway ? { gateway: gatewaySetup(this.settings.timing) } : {}),
          },
        ],
      },
      node,
      process,
      clock,
      this.#outside,
      this.settings.hooks.switchThread ?? {},
    );
    this.settings.hooks.core?.(node.switchThread.core);
    node.main = new MainThread({
      node,
      clock,
      streamClock: clockOf(() => {}),
      onStream: () => this.#touched = true,
      random: this.random,
      startWaitUs: this.limits.startWaitUs,
      digest: DIGEST,
      send: (event) => this.#onSwitch(node, this.#inOrder(this.#sendAt, index, this.random.int(20, 150)), () => event),
      post: (packet) => this.#postStream(node, packet),
      note: (text) => this.log(`${node.name} ${text}`),
      servicesFail: this.settings.servicesFail,
      store: this.settings.arbiterUs === undefined ? null : this.etcd.storeFor(index, clock),
      fence: (report, answer) => this.power.report(node, report, answer),
      hooks: this.settings.hooks.main ?? {},
    });
    this.#touched = true;
    node.switchThread.give({ kind: "carrier", group: 0, ok: node.carrier, reason: "no carrier" });
  }

  #end(node: SimNode, how: string): void {
    const { process } = node;
    if (process === null) return;
    this.log(`${node.name} ${how}`);
    process.alive = false;
    node.main?.journal.cutShort();
    node.process = node.switchThread = node.main = null;
    // The queues belong to the process's sockets; the rest of the kernel stays as it is, but for a process that ends by itself.
    this.traffic.loseHeld(node);
    this.wire.ended(node);
    if (how === "ends") {
      node.kernel.installGate();
      node.kernel.addressOn = false;
    }
    this.referee.ended(node);
  }

  kill(index: NodeIndex): void {
    this.#end(this.nodes[index]!, "is killed");
  }

  /** SIGTERM: hands over what can be handed over, then ends. */
  terminate(index: NodeIndex): void {
    const node = this.nodes[index]!;
    if (node.process === null) return;
    this.log(`${node.name} is told to stop`);
    node.ending = true;
    this.tell(index, { kind: "stop" });
  }

  powerOff(index: NodeIndex): void {
    const node = this.nodes[index]!;
    this.log(`${node.name} loses power`);
    this.#end(node, "is gone");
    node.powered = false;
    node.boots++;
    node.kernel.installGate();
    node.kernel.addressOn = false;
    node.frozen = node.startsAtThaw = false;
  }

  powerOn(index: NodeIndex): void {
    this.nodes[index]!.powered = true;
    this.start(index);
  }

  /** SIGSTOP, and SIGCONT later: the process stands still, its kernel does not. */
  stop(index: NodeIndex, us: number): void {
    const node = this.nodes[index]!, { process } = node;
    if (process === null || node.frozen) return;
    this.log(`${node.name} is stopped for ${(us / 1000).toFixed(1)} ms`);
    this.#standStill(node, process, us);
  }

  #standStill(node: SimNode, process: Process, us: number): void {
    process.stoppedUntil = Math.max(process.stoppedUntil, this.now + us);
    this.at(process.stoppedUntil, () => this.#resume(node, process));
  }

  #resume(node: SimNode, process: Process): void {
    if (!process.alive || this.now < process.stoppedUntil) return;
    node.switchThread?.turn();
    if (process.waiting.length > 0) this.#touched = true;
    for (const act of process.waiting.splice(0)) if (process.alive) act();
  }

  /** The next step of a switch on this node finds the process stopped just before it. */
  stopBeforeStep(index: NodeIndex, us: number): void {
    const { switchThread } = this.nodes[index]!;
    if (switchThread !== null) switchThread.stopBeforeStepUs = us;
  }

  /** The whole machine stands still, as a virtual one may; on waking it has the rest of its lease. A loss of power ends that too. */
  freeze(index: NodeIndex, us: number, clockStands: boolean): void {
    const node = this.nodes[index]!;
    if (!node.powered || node.frozen) return;
    this.log(`${node.name} freezes for ${(us / 1000).toFixed(1)} ms${clockStands ? " with its clock" : ""}`);
    // With its clock a licence to take stands still as well.
    const licensed = clockStands && node.kernel.armUntil > node.clock.at(this.now);
    const entitled = licensed || node.speaks(this.now), { boots } = node;
    node.frozen = true;
    this.at(this.now + us, () => {
      if (!node.frozen || node.boots !== boots) return;
      node.frozen = false;
      if (clockStands) node.clock.standStill(us);
      this.log(`${node.name} thaws`);
      if (node.startsAtThaw) this.start(index);
      node.startsAtThaw = false;
      if (entitled) this.referee.excuse(this.now + this.limits.leaseUs + 2 * this.limits.heartbeatUs);
    });
    if (node.process !== null) this.#standStill(node, node.process, us);
  }

  // ---- links, kernel, disk

  setCarrier(index: NodeIndex, ok: boolean): void {
    const node = this.nodes[index]!;
    if (node.carrier === ok) return;
    this.log(`${node.name} ${ok ? "has its LAN port back" : "loses its LAN port"}`);
    node.carrier = ok;
    this.#onSwitch(node, this.now + this.random.int(50, 10_000), () => {
      return { kind: "carrier", group: 0, ok: node.carrier, reason: "no carrier" };
    });
  }

  setCable(up: boolean): void {
    if (this.network.ways[CABLE]!.every((way) => way.up === up)) return;
    this.log(up ? "the cable is whole again" : "the cable is cut");
    for (const way of this.network.ways[CABLE]!) way.up = up;
    if (up) return;
    for (const node of this.nodes) {
      const hint: CoreEvent = { kind: "hint", source: "carrier", reason: "no carrier on the cable" };
      this.#onSwitch(node, this.now + this.random.int(50, 10_000), () => hint);
    }
  }

  /** The switch of the LAN falls in two, or is whole again: then both halves find out what the other one did. */
  setSplit(split: boolean): void {
    if (this.network.split === split) return;
    this.log(split ? "the LAN is in two parts" : "the LAN is one again");
    this.network.split = split;
    if (!split) this.referee.excuse(this.now + this.limits.leaseUs);
  }

  /** Somebody runs `nft flush ruleset`. */
  flush(index: NodeIndex): void {
    const node = this.nodes[index]!, { switchThread } = node;
    if (!node.powered || switchThread === null) return;
    this.log(`somebody flushes the rules of ${node.name}`);
    node.flush(this.now);
    this.referee.watch(this.now, this.network.split);
    this.at(this.now + this.random.int(50, 400), () => {
      if (node.switchThread === switchThread) switchThread.give({ kind: "rulesTouched" });
    });
  }

  loseState(index: NodeIndex): void {
    const node = this.nodes[index]!;
    this.log(`the state's file of ${node.name} is damaged`);
    node.disk.loseState();
    this.referee.fileLost(node);
    this.#onMain(node, this.now + 1000, (main) => main.manager?.rewrite());
  }

  // ---- operators and clients

  /** An event for the switch thread from the rest of the node. */
  tell(index: NodeIndex, event: CoreEvent): void {
    this.#onSwitch(this.nodes[index]!, this.now + 10, () => event);
  }

  switchover(index: NodeIndex, command: number, timeoutUs = 500_000): void {
    this.tell(index, { kind: "switchover", group: 0, command, toSelf: null, timeoutUs, force: false });
  }

  track(index: NodeIndex, ok: boolean): void {
    this.#onMain(this.nodes[index]!, this.now, (main) => main.track(ok));
  }

  /** A client writes, wherever it is taken. @param told gets what became of it */
  write(key: string, level: AckLevel, told: (text: string) => void = () => {}): void {
    const node = this.nodes.find((one) => one.main?.group?.writable && one.process !== null);
    if (node === undefined) return told("no node takes it");
    const { process, main } = node, peer = this.nodes[1 - node.index]!.process;
    const value = `v${++this.#writes}`;
    const lost = this.nodes.map(({ disk }) => disk.stateLost);
    this.#run(process!, () => {
      const group = main!.group!;
      if (!group.writable) return told("no node takes it");
      void group.write({ ops: [{ key, value: new TextEncoder().encode(value) }], ack: level }).then(
        ({ lsn, epoch, degraded }) => {
          told(`LSN ${lsn} of epoch ${epoch}, ${degraded ? `${node.name} alone has it` : level}`);
          const kept = this.nodes.filter(({ disk, index }) => disk.stateLost === lost[index]).map(({ index }) => index);
          this.referee.acknowledged({
            key,
            value,
            lsn,
            epoch,
            level: degraded ? "local" : level,
            by: node.index,
            holders: new Set(
              this.nodes.filter((one) => one === node || one.process === peer).map(({ index }) => index),
            ),
            disks: new Set(level === "durable" ? kept : []),
            gone: false,
          }, peer);
        },
        (error) => told(error instanceof Error ? error.message : String(error)),
      );
    });
  }

  // ---- what a history asks

  primaries(): NodeIndex[] {
    return this.nodes.filter((node) => node.switchThread?.group.role === "primary").map(({ index }) => index);
  }

  /** Whether all is well: one serves, the other one could, and its copy is the same. */
  isCalm(): boolean {
    const [first] = this.primaries();
    if (first === undefined || this.primaries().length > 1) return false;
    const a = this.nodes[first]!, b = this.nodes[1 - first]!;
    const { group: g, core } = a.switchThread!, waiting = b.switchThread?.group;
    // What was heard of an earlier run of the peer says nothing about this one.
    const able = g.peer.able && core.nowUs - core.heardUs < core.limits.aliveUs;
    return waiting?.role === "standby" && waiting.eligible && g.eligible && able && g.phase === "none" && !g.settling &&
      a.speaks(this.now) && replicaOf(a)?.followed === true && replicaOf(b)?.following === true &&
      [a, b].every((one) => one.process!.stoppedUntil <= this.now);
  }
}
