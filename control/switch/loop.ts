/** The reactor: one thread, one ppoll, no await. Reads what came, ticks the core, sleeps until the core wants to be woken. */
import type { SwitchCommand } from "../core/messages.ts";
import { nextWakeUs } from "../core/wake.ts";
import { planLimits } from "../core/limits.ts";
import { leased } from "../core/group.ts";
import { compareBytes, sameBytes } from "../../kernel_ffi/address.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { Poller } from "../../kernel_ffi/poll.ts";
import type { ProbeSocket, Speaker } from "../../kernel_ffi/probe_socket.ts";
import type { UdpQueues } from "../../kernel_ffi/sock_diag.ts";
import type { PairConfig } from "../../config/model.ts";
import { Aftercare } from "./aftercare.ts";
import { ClosedPorts } from "./closed_ports.ts";
import type { SwitchContext } from "./context.ts";
import { DrainWatch } from "./drain_watch.ts";
import type { Executor } from "./executor.ts";
import { judgeHearing } from "./hearing.ts";
import { HoldWatch } from "./hold_watch.ts";
import type { KeyWatch } from "./key_watch.ts";
import type { MailboxReader } from "./mailbox.ts";
import type { News } from "./news.ts";
import type { Receiver } from "./receiver.ts";
import { applyReload } from "./reload.ts";
import { takeSnapshot } from "./snapshot.ts";
import { WireWatch } from "./wire_watch.ts";

/** Counters, paths that could not be opened, word to the watchdog. */
const HOUSEKEEPING_US = 500_000;
/** What was counted of delays goes to the journal. */
const HAND_OVER_US = 60_000_000;
/** A node that stops waits this long for the peer to take over (longer where services have to be moved), and then passes stragglers on for a while. */
const STOP_MAX_US = 3_000_000;
const STOP_SERVICES_MAX_US = 30_000_000;
const STOP_LINGER_US = 1_200_000;
/** Neither a filled table nor a slow disk of another thread keeps this one from looking at its sockets. */
const WAIT_MAX_US = 100_000;
const BUSY_TURNS_MAX = 50;
const BUSY_REST_US = 500;

export interface LoopParts {
  readonly context: SwitchContext;
  readonly executor: Executor;
  readonly receiver: Receiver;
  readonly keys: KeyWatch;
  readonly news: News;
  readonly probes: readonly ProbeSocket[];
  readonly queues: UdpQueues;
  readonly mailbox: MailboxReader;
  readonly mailboxFd: number;
}

export class SwitchLoop {
  readonly #p: LoopParts;
  readonly #c: SwitchContext;
  readonly #poller = new Poller();
  readonly #aftercare: Aftercare;
  readonly #wires: WireWatch;
  readonly #closedPorts: ClosedPorts;
  readonly #drain: DrainWatch;
  readonly #holds: HoldWatch;
  readonly #startUs = monotonicUs();
  #housekeepingUs = monotonicUs();
  #handOverUs = monotonicUs() + HAND_OVER_US;
  #busyTurns = 0;
  #started = false;
  #stop: { readonly id: number; readonly sinceUs: number; handedUs: number } | null = null;
  #done = false;

  constructor(parts: LoopParts) {
    this.#p = parts;
    this.#c = parts.context;
    this.#aftercare = new Aftercare(parts.context);
    this.#wires = new WireWatch(parts.context, parts.executor);
    this.#closedPorts = new ClosedPorts(parts.context, parts.executor);
    this.#drain = new DrainWatch(parts.context, parts.executor, parts.queues);
    this.#holds = new HoldWatch(parts.context.holds, this.#poller);
    this.#poller.set(parts.mailboxFd);
    this.#poller.set(parts.news.monitor.fd);
    this.#poller.set(parts.context.rules.notificationFd);
    for (const probe of parts.probes) this.#poller.set(probe.fd);
    for (const frame of parts.context.links.frames) this.#poller.set(frame.socket.fd);
    this.#openPaths(monotonicUs());
  }

  /** Returns when the node has stopped, with the id of the command that asked for it. */
  run(): number {
    while (!this.#done) this.#turn();
    return this.#stop!.id;
  }

  #turn(): void {
    const wake = this.#wakeUs();
    this.#holds.begin();
    const waitUs = Math.max(this.#restUs(wake), wake - monotonicUs());
    this.#poller.wait(Math.min(WAIT_MAX_US, waitUs));
    const now = monotonicUs();
    this.#noteLate(now - wake, now);
    this.#read();
    const tickUs = monotonicUs();
    this.#drain.look(tickUs);
    this.#p.executor.tick(tickUs);
    this.#announce(monotonicUs());
    this.#c.shadow?.turn(monotonicUs());
    this.#c.tellSpeakers(now);
    if (now >= this.#housekeepingUs) this.#housekeep(now);
    this.#p.news.mendHold();
    if (this.#stop !== null) this.#tryStop(monotonicUs());
    this.#c.flush();
  }

  /**
   * A real-time thread that never sleeps is stopped by the kernel again and again, and its lease with it. If
   * anything ever wants to be woken again and again in the past, it gets its way only so often.
   */
  #restUs(wake: number): number {
    this.#busyTurns = wake <= monotonicUs() ? this.#busyTurns + 1 : 0;
    return this.#busyTurns > BUSY_TURNS_MAX ? BUSY_REST_US : 0;
  }

  #wakeUs(): number {
    let wake = Math.min(nextWakeUs(this.#c.node), this.#housekeepingUs);
    if (this.#c.shadow !== null) wake = Math.min(wake, this.#c.shadow.nextUs);
    for (const schedule of this.#p.executor.schedules) wake = Math.min(wake, schedule.nextUs);
    return wake;
  }

  /** Who slept past its time knows nothing of the time between: first everything that waits is read, and old questions are void. */
  #noteLate(lateUs: number, now: number): void {
    // The first turn comes after a start that took its time.
    const first = !this.#started;
    this.#started = true;
    if (!first && lateUs > 0) this.#c.jitter.wakes.note(lateUs);
    if (first || lateUs <= this.#c.node.limits.lateUs) return;
    this.#c.evidence.noteLateWake(lateUs, now);
    this.#c.counters.late_wakes++;
    this.#c.counters.late_wake_max_us = Math.max(this.#c.counters.late_wake_max_us, Math.round(lateUs));
    this.#p.executor.step(now, { kind: "lateWake", lateUs });
  }

  #read(): void {
    const { context, receiver, news } = this.#p, poller = this.#poller;
    const frames = context.links.frames;
    // Refusals first: what they say is refuted by a heartbeat that came at the same time, not the other way round.
    for (const path of context.links.paths) {
      if (path.socket !== null && poller.failed(path.socket.fd)) {
        this.#closedPorts.failed(path.socket.drainErrors(), path);
      }
    }
    for (let i = 0; i < frames.length; i++) if (poller.revents(frames[i]!.socket.fd) !== 0) receiver.readFrames(i);
    for (const path of context.links.paths) {
      if (path.socket !== null && poller.readable(path.socket.fd)) receiver.readPath(path);
    }
    for (let i = 0; i < this.#p.probes.length; i++) {
      if (poller.revents(this.#p.probes[i]!.fd) !== 0) this.#readProbes(i);
    }
    if (poller.readable(context.rules.notificationFd)) news.rulesTouched();
    if (poller.readable(news.monitor.fd)) news.read();
    this.#holds.read();
    if (poller.readable(this.#p.mailboxFd)) {
      for (const command of this.#p.mailbox.take()) this.#command(command as SwitchCommand);
    }
  }

  #readProbes(index: number): void {
    const probes = this.#p.probes[index]!;
    for (let speaker = probes.receive(); speaker !== null; speaker = probes.receive()) this.#spoken(index, speaker);
  }

  /** Somebody else speaks as one of the addresses, or asks for it as one who means to take it. */
  #spoken(index: number, { address, mac: spoken, from, owns }: Speaker): void {
    const { socket, peerMac } = this.#c.links.frames[index]!;
    for (const group of this.#c.gateways.groupsOf(address)) {
      if (owns) this.#p.executor.step(monotonicUs(), { kind: "gatewayHeard", group });
    }
    const slot = this.#c.slotsOf[index]!.find((one) => one.addresses.some((it) => it.bytes === address));
    // On a shared wire both speak of the same MAC; who sends is told by the frame.
    const mac = slot?.virtual === undefined ? spoken : from;
    const order = compareBytes(socket.mac, mac);
    if (order === 0 || slot === undefined) return;
    const group = slot.group, lower = order < 0;
    if (!owns) {
      // Whose MAC is not known may be a peer with another key; once it is known, nobody else is given a turn.
      if (peerMac === null || sameBytes(peerMac, mac)) {
        this.#p.executor.step(monotonicUs(), { kind: "peerAsks", group, lower });
      }
      return;
    }
    const g = this.#c.node.groups[group]!;
    if (!leased(g)) {
      if (peerMac !== null && sameBytes(peerMac, mac)) this.#c.shadow?.answered(group, index, g.probing.sentUs);
      this.#c.counters.probes_answered++;
      this.#c.evidence.noteAnswer(group);
    } else if (peerMac === null || !sameBytes(peerMac, mac)) {
      // A second owner can only be the peer; anybody else who claims the address is to be seen, and obeyed by nobody.
      return this.#c.reject("addressClaimed");
    }
    this.#p.executor.step(monotonicUs(), { kind: "probeAnswered", group, lower });
  }

  #announce(now: number): void {
    const { executor } = this.#p;
    for (const group of this.#c.plan.groups) {
      if (!executor.schedules[group.index]!.due(now, () => this.#trafficSeen(group.index))) continue;
      if (!leased(this.#c.node.groups[group.index]!)) executor.schedules[group.index]!.stop();
      else for (const slot of group.slots) executor.announce(slot);
    }
  }

  #trafficSeen(group: number): boolean {
    const served = this.#c.plan.groups[group]!.slots.reduce(
      (sum, slot) => sum + (this.#c.slotCounters.get(slot.id)?.served ?? 0),
      0,
    );
    return this.#c.servedAtTake[group]! >= 0 && served > this.#c.servedAtTake[group]!;
  }

  #housekeep(now: number): void {
    this.#housekeepingUs = now + HOUSEKEEPING_US;
    this.#openPaths(now);
    this.#c.report({ kind: "alive" });
    this.#p.keys.look();
    this.#p.executor.renewHold();
    this.#holds.end();
    this.#c.sayOverflows();
    // Not in the middle of a switch, whose receipt counts from the last reading.
    if (this.#c.plan.groups.some((group) => this.#c.receipts.isOpen(group.index))) return;
    this.#c.readCounters();
    for (const group of this.#c.plan.groups) {
      if (this.#c.servedAtTake[group.index]! >= 0) continue;
      this.#c.servedAtTake[group.index] = group.slots.reduce(
        (sum, slot) => sum + (this.#c.slotCounters.get(slot.id)?.served ?? 0),
        0,
      );
    }
    judgeHearing(this.#c, monotonicUs());
    this.#aftercare.look(now);
    this.#wires.look(now);
    if (now < this.#handOverUs) return;
    this.#handOverUs = now + HAND_OVER_US;
    this.#c.report({ kind: "jitter", jitter: this.#c.jitter.take(this.#c.links) });
  }

  #openPaths(now: number): void {
    for (const path of this.#c.links.openPaths(now)) this.#poller.set(path.socket!.fd);
  }

  #command(command: SwitchCommand): void {
    const now = monotonicUs(), { executor } = this.#p, c = this.#c;
    switch (command.kind) {
      case "snapshot":
        return c.report({ kind: "snapshot", id: command.id, snapshot: takeSnapshot(c, this.#startUs) });
      case "jitter":
        return c.report({ kind: "jitter", id: command.id, jitter: c.jitter.take(c.links) });
      case "switchover": {
        const group = c.node.groups.find((one) => one.name === command.group);
        if (group === undefined) {
          return c.report({ kind: "result", id: command.id, ok: false, error: `no group ${command.group}` });
        }
        const toSelf = command.to === null ? null : command.to === c.plan.name;
        return executor.step(now, {
          kind: "switchover",
          group: group.index,
          command: command.id,
          toSelf,
          timeoutUs: command.timeoutUs,
          force: command.force,
        });
      }
      case "epochReserved":
        return this.#forGroup(
          command.group,
          (group) => executor.step(now, { kind: "reserved", group, upTo: command.upTo }),
        );
      case "eligible":
        return this.#forGroup(
          command.group,
          (group) => executor.step(now, { kind: "eligible", group, ok: command.ok, reason: command.reason }),
        );
      case "compared":
        return this.#forGroup(
          command.group,
          (group) => executor.step(now, { kind: "compared", group, on: command.on }),
        );
      case "reignKnown":
        return this.#forGroup(
          command.group,
          (group) => executor.step(now, { kind: "reignKnown", group, epoch: command.epoch }),
        );
      case "managed":
        return this.#forGroup(command.group, (group) => executor.step(now, { kind: "managed", group, on: command.on }));
      case "served":
        return this.#forGroup(command.group, (group) => {
          const { order, ok, reason } = command;
          for (const { step, atUs } of command.steps) c.receipts.step(group, step, atUs);
          executor.step(now, { kind: "served", group, order, ok, reason });
        });
      case "peerFenced": {
        const { order, ok, reason } = command;
        for (const g of c.node.groups) for (const { step, atUs } of command.steps) c.receipts.step(g.index, step, atUs);
        return executor.step(now, { kind: "peerFenced", order, ok, reason });
      }
      case "arbiter":
        return executor.step(now, command);
      case "maintenance":
        return executor.step(now, { kind: "maintenance", on: command.on });
      case "alarm":
        return c.alarm(command.alarm, command.text);
      case "keys":
        this.#p.keys.replace(command.keys);
        return c.report({ kind: "result", id: command.id, ok: true });
      case "reload":
        return this.#reload(command.id, JSON.parse(command.configJson) as PairConfig);
      case "stop":
        this.#stop ??= { id: command.id, sinceUs: now, handedUs: Infinity };
        return executor.step(now, { kind: "stop" });
      default:
        command satisfies never;
    }
  }

  #forGroup(name: string, act: (index: number) => void): void {
    const group = this.#c.node.groups.find((one) => one.name === name);
    if (group !== undefined) act(group.index);
  }

  #reload(id: number, config: PairConfig): void {
    this.#p.executor.step(monotonicUs(), { kind: "limits", limits: planLimits(config.timing) });
    applyReload(this.#c.node, this.#c.plan, config);
    this.#c.report({ kind: "result", id, ok: true });
  }

  /** Hands over what can be handed over; goes mute where nobody takes it; then lets stragglers be passed on for a moment. */
  #tryStop(now: number): void {
    const stop = this.#stop!;
    const serving = this.#c.node.groups.filter((g) =>
      g.role === "primary" || g.role === "leaving" || g.role === "preparing"
    );
    const heard = now - this.#c.node.heardUs <= this.#c.node.limits.aliveUs;
    const hopeless = !heard || serving.every((g) => g.role === "primary" && !g.peer.able && g.phase === "none");
    const patience = serving.some((g) => g.managed) ? STOP_SERVICES_MAX_US : STOP_MAX_US;
    if (serving.length > 0 && !hopeless && now - stop.sinceUs < patience) return;
    if (serving.length > 0) {
      for (const g of serving) {
        this.#c.event("notice", "stopped", `${g.name}: stopped as primary, nobody took over in time`, g.name);
      }
    } else if (stop.handedUs === Infinity) {
      stop.handedUs = now;
    }
    // What is held for the old node of a move that was called off would end with this process.
    if (this.#c.node.groups.some((g) => g.phase === "giveBack") && now - stop.sinceUs < STOP_MAX_US) return;
    const passing = serving.length === 0 && this.#c.node.groups.some((g) => g.passUntilUs > now);
    if (passing && now - stop.handedUs < STOP_LINGER_US) return;
    this.#done = true;
  }
}
