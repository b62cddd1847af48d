/**
 * Watches what a group depends on besides its own interface: commands that must succeed, interfaces that must be up. A gateway is
 * asked by the switch thread: its answer has to be there before a takeover needs it.
 */
import type { GroupConfig, Track } from "../../config/model.ts";
import { LinkMonitor, Rtnetlink } from "../../kernel_ffi/rtnetlink.ts";
import { HealthCounter } from "../services/health_counter.ts";
import { runCommand } from "../services/run_command.ts";
import { pause } from "../services/waiting.ts";

export type TellEligible = (group: string, ok: boolean, reason: string) => void;

/** What was told last of a group; a group that is not in the map may serve. */
export type Told = ReadonlyMap<string, { readonly ok: boolean; readonly reason: string }>;

interface Watched {
  readonly name: string;
  ok: boolean;
  reason: string;
}

/** One group may serve here while all its tracks say so. */
class GroupTracks {
  readonly #watched: Watched[] = [];
  readonly #tell: TellEligible;
  readonly #group: string;
  #said: boolean;
  #saidReason: string;

  constructor(group: string, tell: TellEligible, told: Told) {
    this.#group = group;
    this.#tell = tell;
    const { ok, reason } = told.get(group) ?? { ok: true, reason: "" };
    this.#said = ok;
    this.#saidReason = reason;
  }

  /** @param ok until it is known */
  add(name: string, ok = true): Watched {
    const watched = { name, ok, reason: ok ? "" : this.#saidReason };
    this.#watched.push(watched);
    return watched;
  }

  changed(): void {
    const bad = this.#watched.filter((one) => !one.ok);
    const reason = bad.map((one) => one.reason).join("; ");
    if (this.#said === (bad.length === 0) && this.#saidReason === reason) return;
    this.#said = bad.length === 0;
    this.#saidReason = reason;
    this.#tell(this.#group, this.#said, reason);
  }
}

const LINK_POLL_MS = 20;

export class Tracks {
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #stopped = new AbortController();
  #monitor: LinkMonitor | null = null;

  /** @param told what the tracks before these said, after a reload: a group that may not serve must prove that it may again */
  constructor(groups: readonly GroupConfig[], tell: TellEligible, told: Told = new Map()) {
    const interfaces: { readonly name: string; readonly watched: Watched; readonly tracks: GroupTracks }[] = [];
    for (const group of groups) {
      const tracks = new GroupTracks(group.name, tell, told);
      const ok = told.get(group.name)?.ok ?? true;
      for (const track of group.track) {
        if (track.kind === "interface") {
          interfaces.push({ name: track.interface, watched: tracks.add(track.interface), tracks });
        } else if (track.kind === "exec") void this.#watchCommand(track, tracks, tracks.add(track.exec.join(" "), ok));
      }
      // A track that spoke against it may be gone.
      if (!ok && !group.track.some((track) => track.kind === "exec")) tracks.changed();
    }
    if (interfaces.length > 0) this.#watchInterfaces(interfaces);
  }

  #watchInterfaces(
    interfaces: readonly { readonly name: string; readonly watched: Watched; readonly tracks: GroupTracks }[],
  ): void {
    const monitor = this.#monitor = new LinkMonitor();
    const netlink = new Rtnetlink();
    const look = () => {
      const links = netlink.listLinks();
      for (const { name, watched, tracks } of interfaces) {
        const link = links.find((one) => one.name === name);
        watched.ok = link !== undefined && link.up && link.carrier;
        watched.reason = link === undefined
          ? `there is no interface ${name}`
          : link.up
          ? `no carrier on ${name}`
          : `${name} is down`;
        tracks.changed();
      }
    };
    look();
    // The main thread has no ppoll of its own; reading a socket that has nothing costs a microsecond.
    this.#timer = setInterval(() => {
      if (monitor.read().length > 0) look();
    }, LINK_POLL_MS);
  }

  async #watchCommand(
    track: Extract<Track, { kind: "exec" }>,
    tracks: GroupTracks,
    watched: Watched,
  ): Promise<void> {
    const name = watched.name;
    const counter = new HealthCounter(track, watched.ok);
    while (!this.#stopped.signal.aborted) {
      const problem = await runCommand(track.exec, { timeoutUs: track.timeoutUs, signal: this.#stopped.signal });
      if (this.#stopped.signal.aborted) return;
      if (counter.note(problem === null)) {
        watched.ok = problem === null;
        watched.reason = `${name}: ${problem ?? ""}`;
        tracks.changed();
      }
      await pause(track.everyUs, this.#stopped.signal);
    }
  }

  stop(): void {
    this.#stopped.abort();
    clearInterval(this.#timer);
    this.#monitor?.close();
  }
}
