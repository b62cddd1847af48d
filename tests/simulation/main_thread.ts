/**
 * The main thread of one simulated process: state, its peer stream, the orders of a switch and who may serve, put together as
 * `control/daemon/` does. Everything here but the services, which are played, is the code that ships.
 */
import { Keeper } from "../../control/arbiter/keeper.ts";
import type { Store } from "../../control/arbiter/store.ts";
import type { SwitchReport } from "../../control/core/messages.ts";
import type { CoreEvent } from "../../control/core/node.ts";
import { Eligibility } from "../../control/daemon/eligibility.ts";
import { Serving, type ServingParts } from "../../control/daemon/serving.ts";
import type { GroupState } from "../../control/state/group_state.ts";
import { type StateManager, StateManager as Manager } from "../../control/state/manager.ts";
import { SimJournal } from "./disk.ts";
import type { ProcessClock, SimNode } from "./node.ts";
import { PeerLink, type StreamPacket } from "./peer_link.ts";
import type { FenceReport } from "./power_switch.ts";
import type { Random } from "./random.ts";

export interface MainHooks {
  /** May replace what belongs to these, to plant a bug. */
  readonly journal?: (journal: SimJournal) => void;
  readonly manager?: (manager: StateManager) => void;
}

export interface MainParts {
  readonly node: SimNode;
  readonly clock: ProcessClock;
  /** For the peer stream, whose timers and packets settle no promise. */
  readonly streamClock: ProcessClock;
  /** But what it delivers may. */
  readonly onStream: () => void;
  readonly random: Random;
  readonly startWaitUs: number;
  readonly digest: Uint8Array;
  /** To the switch thread of the same process. */
  readonly send: (event: CoreEvent) => void;
  readonly post: (packet: StreamPacket) => void;
  readonly note: (text: string) => void;
  /** Services that a switch waits for: the share of orders that fail; null: there are none. */
  readonly servicesFail: number | null;
  /** The arbiter, as this process sees it. */
  readonly store: Store | null;
  /** Runs the command that makes sure that the peer is off. @param answer to the switch thread */
  readonly fence: (report: FenceReport, answer: (event: CoreEvent) => void) => void;
  readonly hooks: MainHooks;
}

const GROUP = "web";
/** A quarter of the leases that the store gives (`etcd.ts`). */
const RENEW_US = 1_250_000;
const WAIT_US = 200_000;

export class MainThread {
  readonly journal: SimJournal;
  manager: StateManager | null = null;
  readonly #p: MainParts;
  readonly #eligibility: Eligibility;
  #serving: Serving | null = null;
  readonly #keeper: Keeper | null;
  #link: PeerLink | null = null;
  /** Reports of the switch thread that came before everything was read from the disk. */
  #early: SwitchReport[] = [];

  constructor(parts: MainParts) {
    this.#p = parts;
    this.journal = new SimJournal(parts.node.disk, parts.clock, parts.random);
    parts.hooks.journal?.(this.journal);
    this.#eligibility = new Eligibility((_group, { ok, reason }) =>
      parts.send({ kind: "eligible", group: 0, ok, reason })
    );
    parts.send({ kind: "compared", group: 0, on: false });
    this.#keeper = this.#openKeeper();
    this.#eligibility.say("state", GROUP, { ok: false, reason: "its state is being read from the disk" });
    void this.#open();
  }

  #openKeeper(): Keeper | null {
    const { store, clock, node, random, send } = this.#p;
    if (store === null) return null;
    const keeper = new Keeper({
      store,
      clock,
      node: node.name,
      run: `${random.int(0, 2 ** 30)}`,
      renewUs: () => RENEW_US,
      tell: (order, word) => send({ kind: "arbiter", order, word }),
      health: () => {},
    });
    keeper.start();
    return keeper;
  }

  async #open(): Promise<void> {
    const { node, clock, hooks, note } = this.#p;
    const manager: StateManager = await Manager.open({
      groups: [{ name: GROUP, rules: { whenAlone: "accept", waitUs: WAIT_US, maxBytes: 1 << 30 } }],
      peerName: "ba"[node.index]!,
      digest: this.#p.digest,
      startWaitMs: this.#p.startWaitUs / 1000,
      disk: this.journal,
      event: (_level, kind, text) => note(`${kind}: ${text}`),
      alarm: () => {},
      eligible: (_group, ok, reason) => this.#eligibility.say("state", GROUP, { ok, reason }),
      reignKnown: (_group, epoch) => this.#p.send({ kind: "reignKnown", group: 0, epoch }),
      compared: (_group, on) => this.#p.send({ kind: "compared", group: 0, on }),
      managed: (_group, on) => this.#serving!.managed(GROUP, "state", on),
      clock,
    }, () => Promise.resolve(stored(node)));
    hooks.manager?.(manager);
    this.manager = manager;
    this.journal.listener = {
      durable: (sequence) => manager.durable(sequence),
      health: (ok) => manager.diskHealth(ok),
    };
    this.#serving = new Serving({
      services: this.#services(),
      state: manager,
      send: (command) => this.#send(command as { kind: "managed" | "served" } & Record<string, unknown>),
      clock,
    });
    this.#serving.managed(GROUP, "services", this.#p.servicesFail !== null);
    manager.start();
    const { onStream } = this.#p;
    this.#link = new PeerLink({
      index: node.index,
      clock: this.#p.streamClock,
      random: this.#p.random,
      post: this.#p.post,
      onUp: () => {
        onStream();
        manager.connected(this.#link!);
      },
      onDown: () => {
        onStream();
        manager.disconnected();
      },
      onMessage: (bytes) => {
        onStream();
        manager.receive(bytes);
      },
      onDrained: () => manager.drained(),
    });
    this.reports(this.#early.splice(0));
  }

  /** What the mailbox carries, in the core's words. */
  #send(command: { readonly kind: "managed" | "served" } & Record<string, unknown>): void {
    this.#p.send({ ...command, group: 0 } as CoreEvent);
  }

  /** Played: mostly quick, now and then slow, and sometimes they cannot. */
  #services(): ServingParts["services"] {
    const { servicesFail, random, clock } = this.#p;
    return {
      managed: () => servicesFail !== null,
      settled: () => {},
      become: (_group, role) => {
        if (servicesFail === null) return Promise.resolve({ ok: true, reason: "", steps: [] });
        const us = random.chance(0.1) ? random.int(10_000, 100_000) : random.int(100, 2000);
        const ok = role === "standby" || !random.chance(servicesFail);
        return new Promise((resolve) =>
          void clock.after(us, () => resolve({ ok, reason: ok ? "" : "a service fails", steps: [] }))
        );
      },
    };
  }

  /** From the switch thread. */
  reports(reports: readonly SwitchReport[]): void {
    for (const report of reports) {
      if (report.kind === "claimKey") this.#keeper?.claim(report.order);
      else if (report.kind === "releaseKey") this.#keeper?.release(report.order);
    }
    if (this.#serving === null) return void this.#early.push(...reports);
    for (const report of reports) {
      if (report.kind === "serve") void this.#serving.order(report);
      else if (report.kind === "role") this.#serving.role(report);
      else if (report.kind === "fencePeer" || report.kind === "fenceOff") this.#p.fence(report, this.#p.send);
    }
  }

  heard(packet: StreamPacket): void {
    this.#link?.heard(packet);
  }

  /** A track says whether the node may serve. */
  track(ok: boolean): void {
    this.#eligibility.say("tracks", GROUP, { ok, reason: ok ? "" : "a track fails" });
  }

  get group(): GroupState | null {
    return this.manager?.groups.get(GROUP) ?? null;
  }
}

function stored(node: SimNode) {
  const { reigns, position } = node.disk.group, chunks = node.disk.chunks();
  return { ...position, reigns, chunks: each(chunks) };
}

async function* each(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await chunk;
}
