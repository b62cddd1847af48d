/** Watches what a group depends on besides its own interface: commands that must succeed, interfaces that must be up. */
import type { GroupConfig, Track } from "../../config/model.ts";
import { LinkMonitor, Rtnetlink } from "../../kernel_ffi/rtnetlink.ts";

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
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
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
        } else void this.#watchCommand(track, tracks, tracks.add(track.exec.join(" "), ok));
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
    this.#timers.add(setInterval(() => {
      if (monitor.read().length > 0) look();
    }, LINK_POLL_MS));
  }

  async #watchCommand(
    track: Extract<Track, { kind: "exec" }>,
    tracks: GroupTracks,
    watched: Watched,
  ): Promise<void> {
    const name = watched.name;
    let failures = 0, successes = 0;
    while (!this.#stopped.signal.aborted) {
      const problem = await runOnce(track, this.#stopped.signal);
      if (this.#stopped.signal.aborted) return;
      failures = problem === null ? 0 : failures + 1;
      successes = problem === null ? successes + 1 : 0;
      if (watched.ok && failures >= track.fall) {
        watched.ok = false;
        watched.reason = `${name}: ${problem}`;
        tracks.changed();
      } else if (!watched.ok && successes >= track.rise) {
        watched.ok = true;
        tracks.changed();
      }
      await this.#pause(track.everyUs / 1000);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, ms);
      this.#timers.add(timer);
      this.#stopped.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  stop(): void {
    this.#stopped.abort();
    for (const timer of this.#timers) clearInterval(timer);
    this.#monitor?.close();
  }
}

/** Null if the command succeeded, else what went wrong. */
async function runOnce(track: Extract<Track, { kind: "exec" }>, stop: AbortSignal): Promise<string | null> {
  const [command, ...args] = track.exec;
  const timeout = AbortSignal.timeout(track.timeoutUs / 1000);
  try {
    const child = new Deno.Command(command!, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      signal: AbortSignal.any([stop, timeout]),
    });
    const { success, code, signal } = await child.output();
    if (timeout.aborted) return `no answer within ${track.timeoutUs / 1000} ms`;
    return success ? null : signal === null ? `exit code ${code}` : `ended by ${signal}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
