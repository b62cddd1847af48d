/** A real pair under load, and faults by seed: rounds of a fault, sometimes two, each ended by a pair that must be well again. */
import type { StatusJson } from "../../control/api/json.ts";
import { sleep } from "../../control/lab/command.ts";
import { type NodeName, NODES } from "../../control/lab/topology.ts";
import { World, type WorldOptions } from "../../control/lab/world.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { withGuardProgram } from "../netns/guard_program.ts";
import { other } from "../pair/pair.ts";
import { Random } from "../simulation/random.ts";
import { mountDisks, unmountDisks } from "./disks.ts";
import { type Begun, type Fault, FAULTS, type Scene } from "./faults.ts";
import { footprint, judgeSamples, Leaks, leftOf } from "./leaks.ts";
import { Ledger } from "./ledger.ts";
import { Observer } from "./observer.ts";
import { type ChaosReport, countBy, gapHistogram, type Round } from "./report.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly profile: WorldOptions["profile"];
  /** Rounds at most; as many as there is time for if not given. */
  readonly rounds?: number;
  readonly progress?: (text: string) => void;
}

const DISK_BYTES = "64m";
/** Name of the lab's pair (control/lab/pair_file.ts). */
const PAIR = "lab";
const TRAFFIC_MS = 4500;
const FAULT_AT_MS = 500;
const SECOND_AFTER_MS_MAX = 600;
/** How long a fault lasts. */
const HOLD_MS = [20, 2200] as const;
const SETTLE_MS_MAX = 25_000;
/** What two nodes have sent before a lease ended may be heard this much later on a busy machine: the switch's own delay. */
const IN_FLIGHT_US = 300;
/** The watcher tells what it has heard twenty times a second. */
const WATCHER_MS = 150;

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  return await withGuardProgram(() => inWorld(options));
}

async function inWorld(options: ChaosOptions): Promise<ChaosReport> {
  const world = await World.create({ family: "segtest", profile: options.profile });
  let report: ChaosReport;
  try {
    await mountDisks(world, DISK_BYTES);
    report = await new Chaos(world, options).run();
  } finally {
    await unmountDisks(world);
    await world.close();
  }
  const left = leftOf(world.net.prefix, world.folder).map((it) => `left behind: ${it}`);
  return { ...report, violations: [...report.violations, ...left] };
}

class Chaos {
  readonly #world: World;
  readonly #o: ChaosOptions;
  readonly #random: Random;
  readonly #rounds: Round[] = [];
  readonly #violations: string[] = [];
  readonly #began = performance.now();
  readonly #leaks: Leaks;
  /** Frames of a node without a gate, spoken before its guard had put it back. */
  #excused = 0;
  readonly #gateless: NonNullable<Begun["gateless"]>[] = [];

  constructor(world: World, options: ChaosOptions) {
    this.#world = world;
    this.#leaks = new Leaks(world);
    this.#o = options;
    this.#random = new Random(options.seed);
  }

  get #nowMs(): number {
    return Math.round(performance.now() - this.#began);
  }

  async run(): Promise<ChaosReport> {
    const { minutes, rounds = Infinity } = this.#o;
    const observer = await Observer.start(this.#world, PAIR);
    await this.#world.startBoth();
    const ledger = new Ledger(this.#world);
    try {
      await this.#well();
      await this.#leaks.look(this.#nowMs);
      for (let n = 1; n <= rounds && this.#nowMs < minutes * 60_000; n++) {
        await this.#round(n, ledger);
        if (!observer.running) throw new Error(`the watcher has ended: ${observer.words.slice(-5).join("\n")}`);
      }
    } catch (error) {
      this.#broken(error instanceof Error ? error.message : String(error));
    }
    await ledger.stop();
    await this.#check("at the end", ledger, true);
    await sleep(WATCHER_MS);
    this.#judgeOwners(observer);
    this.#broken(...judgeSamples(this.#leaks.samples));
    const report = this.#report(observer, ledger);
    await observer.stop();
    const ended = await Promise.all(NODES.map((node) => this.#world.daemon(node).stop()));
    if (ended.some((code) => code !== 0)) {
      this.#broken(
        `stopped in an orderly manner they ended with ${ended.join(" and ")}:\n${this.#world.logs()}`,
      );
    }
    this.#broken(...(await this.#leaks.afterStop()).map((it) => `after both were stopped: ${it}`));
    return report;
  }

  /** Told at once: a run is long, and may not come to its end. */
  #broken(...violations: readonly string[]): void {
    for (const it of violations) this.#o.progress?.(`BROKEN: ${it}`);
    this.#violations.push(...violations);
  }

  async #round(number: number, ledger: Ledger): Promise<void> {
    const primary = await this.#well(), atMs = this.#nowMs;
    const [udp, tcp] = await Promise.all([
      this.#world.udp({ durationMs: TRAFFIC_MS, intervalUs: 2000 }),
      this.#world.tcp({ durationMs: TRAFFIC_MS }),
    ]);
    await sleep(FAULT_AT_MS);
    const said: { atMs: number; what: string }[] = [];
    const faults = this.#chosen();
    const scene = { world: this.#world, random: this.#random, primary, standby: other(primary), down: null };
    await this.#play(faults, scene, ledger, said);
    const mendedMs = this.#nowMs;
    const [seen, tcpSeen] = await Promise.all([udp.result(), tcp.result()]);
    await this.#well();
    const settledMs = Math.max(0, this.#nowMs - mendedMs);
    this.#rounds.push({
      number,
      atMs,
      faults: faults.map(({ name }) => name),
      said,
      gapMs: seen.longestGapMs,
      lost: seen.lost,
      duplicates: seen.duplicates,
      tcpMs: tcpSeen.longestMs,
      settledMs,
    });
    await this.#check(`after round ${number}`, ledger, false);
    this.#broken(...(await this.#leaks.look(this.#nowMs)).map((it) => `after round ${number}: ${it}`));
    this.#o.progress?.(
      `${(atMs / 1000).toFixed(1)} s  ${
        said.map(({ what }) => what).join("; ")
      }: gap ${seen.longestGapMs} ms, ${seen.lost} lost`,
    );
  }

  #chosen(): Fault[] {
    const first = this.#random.pick(FAULTS);
    if (!this.#random.chance(0.25)) return [first];
    const second = this.#random.pick(FAULTS.filter(({ light, name }) => light && name !== first.name));
    return [first, second];
  }

  /** One after the other, and mended in the same order: the second one stands alone for a while too. */
  async #play(
    faults: readonly Fault[],
    scene: Scene,
    ledger: Ledger,
    said: { atMs: number; what: string }[],
  ): Promise<void> {
    const begun: Begun[] = [];
    try {
      for (const [i, fault] of faults.entries()) {
        if (i > 0) await sleep(this.#random.between(0, SECOND_AFTER_MS_MAX));
        const atMs = this.#nowMs;
        const down = begun.find((it) => it.down !== undefined)?.down ?? null;
        const it = await fault.begin({ ...scene, down });
        begun.push(it);
        if (it.bothKilled === true) ledger.bothKilled();
        if (it.gateless !== undefined) this.#gateless.push(it.gateless);
        if (it.broken !== undefined) this.#broken(`${atMs} ms: ${it.broken}\n${this.#world.logs()}`);
        said.push({ atMs, what: it.said });
      }
      await sleep(this.#random.between(...HOLD_MS));
    } finally {
      for (const it of begun) {
        if (it.mend === undefined) continue;
        said.push({ atMs: this.#nowMs, what: `mended: ${it.said}` });
        await it.mend();
      }
    }
  }

  /** Both up, one serves, and both have the same state. */
  async #well(): Promise<NodeName> {
    const primary = await this.#world.settled(SETTLE_MS_MAX);
    for (const node of NODES) {
      await this.#world.until(
        async () => ((await this.#world.status(node)) as StatusJson | null)?.groups[0]?.state?.sync === "synced",
        SETTLE_MS_MAX,
        `the state of ${node} to be in step`,
      );
    }
    return primary;
  }

  async #check(when: string, ledger: Ledger, all: boolean): Promise<void> {
    try {
      for (const lost of await ledger.missing(all)) this.#broken(`${when}: ${lost}`);
    } catch (error) {
      this.#broken(
        `${when}: what was acknowledged could not be read: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  #judgeOwners({ intrusions, sameEpoch, claims, spoken, missed }: Observer): void {
    const zeroUs = monotonicUs() - this.#nowMs * 1000;
    for (const { node, kind, atUs, owner, epoch, afterUs } of intrusions) {
      if (afterUs <= IN_FLIGHT_US) continue;
      if (this.#gateless.some((it) => it.node === node && atUs >= it.fromUs && atUs <= it.toUs)) {
        this.#excused++;
        continue;
      }
      const atMs = ((atUs - zeroUs) / 1000).toFixed(1);
      this.#broken(
        `${atMs} ms: ${node} spoke (${kind}) ${afterUs} µs after ${owner} had taken the address with epoch ${epoch}`,
      );
    }
    this.#broken(...sameEpoch);
    if (claims.length === 0 || spoken === 0) this.#broken("the watcher heard nobody: the run proves nothing");
    if (missed > 0) this.#broken(`the watcher missed ${missed} frames: the run proves nothing about owners`);
  }

  #report(observer: Observer, ledger: Ledger): ChaosReport {
    const lines = NODES.flatMap((node) => this.#world.linesOf(node));
    return {
      seed: this.#o.seed,
      profile: this.#o.profile,
      minutes: this.#nowMs / 60_000,
      rounds: this.#rounds,
      faults: countBy(this.#rounds.flatMap(({ faults }) => faults)),
      switches: countBy(
        lines.flatMap((line) => /: (\w+ (?:done|failed|aborted|\w+)) in \d+ µs, epoch/.exec(line)?.[1] ?? []),
      ),
      alarms: countBy(lines.flatMap((line) => / alarm +(.*)$/.exec(line)?.[1] ?? []).map(plain)),
      gaps: gapHistogram(this.#rounds),
      owners: {
        claims: observer.claims,
        intrusions: observer.intrusions,
        framesSpoken: observer.spoken,
        framesMissed: observer.missed,
        excused: this.#excused,
      },
      writes: { acknowledged: ledger.acknowledged, degraded: ledger.degraded, refused: ledger.refused },
      daemons: NODES.filter((node) => this.#world.daemon(node).running).map((node) => ({
        node,
        ...footprint(this.#world.daemon(node).pid),
      })),
      samples: this.#leaks.samples,
      violations: this.#violations,
    };
  }
}

/** An alarm without its numbers, so that alike ones count as one. */
function plain(text: string): string {
  return text.replace(/[0-9][0-9.,]*/g, "N").slice(0, 80);
}
