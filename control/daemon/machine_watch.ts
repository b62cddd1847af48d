/** Looks at the machine once a second, on the main thread, and remembers the last seconds: for whoever asks later what it was doing. */
import type { MachineSample } from "../core/evidence.ts";
import { type MachineCounters, MachineRing, parseCpuLine, parsePressure, parseRunDelay } from "../answers/machine.ts";

const EVERY_MS = 1000;
/** What a receipt gets. */
const RECENT_MS = 10_000;

export class MachineWatch {
  readonly #ring = new MachineRing();
  /** Held open: a look is a seek and a read. Null where the kernel has no such file. */
  readonly #stat = open("/proc/stat");
  readonly #schedstat: Deno.FsFile | null;
  readonly #pressure = open("/proc/pressure/cpu");
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #buffer = new Uint8Array(1024);
  readonly #decoder = new TextDecoder();

  /** @param thread the kernel's number of the switch thread, a thread of this process */
  constructor(thread: number) {
    this.#schedstat = open(`/proc/self/task/${thread}/schedstat`);
    this.#look();
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  /** The last seconds up to now, oldest first. */
  recent(): readonly MachineSample[] {
    this.#look();
    return this.#ring.samples(RECENT_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const file of [this.#stat, this.#schedstat, this.#pressure]) file?.close();
  }

  #look(): void {
    const cpu = parseCpuLine(this.#read(this.#stat));
    if (cpu === null) return;
    const reading: MachineCounters = {
      ...cpu,
      atMs: performance.now(),
      runDelayNs: parseRunDelay(this.#read(this.#schedstat)),
      pressureUs: parsePressure(this.#read(this.#pressure)),
    };
    this.#ring.note(reading);
  }

  #read(file: Deno.FsFile | null): string {
    if (file === null) return "";
    try {
      file.seekSync(0, Deno.SeekMode.Start);
      return this.#decoder.decode(this.#buffer.subarray(0, file.readSync(this.#buffer) ?? 0));
    } catch {
      // A file of /proc that cannot be read says nothing: what is missing is left out.
      return "";
    }
  }
}

function open(path: string): Deno.FsFile | null {
  try {
    return Deno.openSync(path);
  } catch {
    return null;
  }
}
