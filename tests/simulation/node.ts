/** One simulated machine: its power, port, clocks, kernel and disk, and the process that runs on it, if one does. */
import type { Clock } from "../../control/state/clock.ts";
import type { SimDisk } from "./disk.ts";
import type { SimKernel } from "./kernel.ts";
import type { MainThread } from "./main_thread.ts";
import type { NodeIndex } from "./network.ts";
import type { EventQueue } from "./queue.ts";
import type { SwitchThread } from "./switch_thread.ts";

/** The monotonic clock of a machine: drifts against the world's, and stands still while the machine is frozen, if it is of that kind. */
export class MachineClock {
  readonly #rate: number;
  #offset: number;

  /** @param ppm drift  @param offset what it shows when the world begins */
  constructor(ppm: number, offset: number) {
    this.#rate = 1 + ppm / 1e6;
    this.#offset = offset;
  }

  /** Whole microseconds, as a clock of the system gives them. */
  at(worldUs: number): number {
    return Math.floor(worldUs * this.#rate) + this.#offset;
  }

  /** The earliest moment of the world at which this clock has come so far. */
  worldAt(us: number): number {
    const at = Math.ceil((us - this.#offset) / this.#rate);
    return this.at(at) < us ? at + 1 : at;
  }

  /** It has not gone on for so long. */
  standStill(us: number): void {
    this.#offset -= Math.floor(us * this.#rate);
  }
}

/** One run of the daemon: its threads stop and end together. */
export class Process {
  alive = true;
  /** Neither runs nor reads until then, world's time. */
  stoppedUntil = -Infinity;
  /** What waits for a process that is stopped, in order. */
  waiting: (() => void)[] = [];
}

export class SimNode {
  readonly index: NodeIndex;
  readonly name: string;
  readonly clock: MachineClock;
  readonly kernel: SimKernel;
  readonly disk: SimDisk;
  powered = true;
  /** Each loss of power begins another life. */
  boots = 0;
  carrier = true;
  /** The whole machine stands still; its kernel answers nobody. */
  frozen = false;
  startsAtThaw = false;
  /** When somebody flushed its rules last. */
  flushedUs = -Infinity;
  /** Wall clock against the monotonic one. */
  wallOffsetUs = 0;
  process: Process | null = null;
  /** The process was told to end. */
  ending = false;
  switchThread: SwitchThread | null = null;
  main: MainThread | null = null;
  /** Version of the program that is installed. */
  software = "1";

  constructor(index: NodeIndex, clock: MachineClock, kernel: SimKernel, disk: SimDisk) {
    this.index = index;
    this.name = "ab"[index]!;
    this.clock = clock;
    this.kernel = kernel;
    this.disk = disk;
  }

  /** Somebody takes its rules away. */
  flush(worldUs: number): void {
    this.kernel.flushed = true;
    this.flushedUs = worldUs;
  }

  /** Its kernel answers as the address on the LAN at this moment. */
  speaks(worldUs: number): boolean {
    return this.powered && this.carrier && !this.frozen && this.kernel.speaks(this.clock.at(worldUs));
  }
}

/** What one process does later, on its own clock. Work for a process that is gone is not done; for one that is stopped it waits. */
export class ProcessClock implements Clock {
  readonly #queue: EventQueue;
  readonly #node: SimNode;
  readonly #process: Process;
  readonly #nowWorld: () => number;
  readonly soon: (act: () => void) => void;
  readonly #onRun: () => void;

  /**
   * @param soon does something when the code that runs now has ended
   * @param onRun called whenever the process does something by this clock
   */
  constructor(
    queue: EventQueue,
    node: SimNode,
    process: Process,
    nowWorld: () => number,
    soon: (act: () => void) => void,
    onRun: () => void,
  ) {
    this.#queue = queue;
    this.#node = node;
    this.#process = process;
    this.#nowWorld = nowWorld;
    this.soon = soon;
    this.#onRun = onRun;
  }

  nowUs(): number {
    return this.#node.clock.at(this.#nowWorld());
  }

  wall(): string {
    return `${this.nowUs() + this.#node.wallOffsetUs} µs`;
  }

  after(us: number, act: () => void): () => void {
    let wanted = true;
    const dueUs = this.nowUs() + Math.max(0, us);
    const at = Math.max(this.#nowWorld(), this.#node.clock.worldAt(dueUs));
    this.#queue.add(at, () =>
      this.run(() => {
        if (wanted) act();
      }));
    return () => void (wanted = false);
  }

  /** Behind everything of this moment. */
  behind(act: () => void): void {
    this.after(0, act);
  }

  run(act: () => void): void {
    const process = this.#process;
    if (!process.alive) return;
    this.#onRun();
    if (this.#nowWorld() < process.stoppedUntil) process.waiting.push(act);
    else act();
  }
}
