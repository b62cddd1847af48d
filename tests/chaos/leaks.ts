/**
 * What a run may neither gather nor leave behind: memory and descriptors of daemons, processes, files, rules, addresses, queues, namespaces,
 * mounts. What is right is not listed here: it is what was there when the pair was well for the first time.
 */
import { run } from "../../control/lab/command.ts";
import { type NodeName, NODES, SERVICE_V4, SERVICE_V6 } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";

/** One daemon at one moment at which the pair was well. */
export interface Sample {
  readonly node: NodeName;
  readonly pid: number;
  /** Since the run began. */
  readonly atMs: number;
  readonly residentMib: number;
  readonly descriptors: number;
  readonly threads: number;
}

/** A guard lingers for three seconds after its daemon (packaging/guard.c), and connections of those who asked take a while to end. */
const PATIENCE_MS = 6000;
/** Descriptors of the API's clients: the run's own, and those that are just being closed. */
const DESCRIPTORS_MORE_MAX = 8;
/** Less than this says nothing about memory that grows: buffers fill, code is compiled. */
const MEMORY_SAMPLES_MIN = 40;
const MEMORY_MORE_MIB = 16;

export class Leaks {
  readonly samples: Sample[] = [];
  readonly #world: World;
  #processes = "";
  #files = "";

  constructor(world: World) {
    this.#world = world;
  }

  /** To be called while both daemons run and all is well. @returns what was not there at the first call */
  async look(atMs: number): Promise<string[]> {
    for (const node of NODES) this.samples.push({ node, atMs, ...footprint(this.#world.daemon(node).pid) });
    if (this.#processes === "") {
      this.#processes = await this.#processNames();
      this.#files = this.#fileNames();
      return [];
    }
    const found: string[] = [];
    if (!await this.#become(() => this.#processNames(), this.#processes)) {
      found.push(`processes of the nodes are ${await this.#processNames()}, and were ${this.#processes}`);
    }
    if (!await this.#become(() => Promise.resolve(this.#fileNames()), this.#files)) {
      found.push(`files of the nodes are ${this.#fileNames()}, and were ${this.#files}`);
    }
    return found;
  }

  /** What the daemons leave on their nodes when they are stopped in an orderly manner: nothing. */
  async afterStop(): Promise<string[]> {
    const found: string[] = [];
    for (const node of NODES) {
      const inside = (...command: string[]) => run("ip", "netns", "exec", this.#world.net.node(node), ...command);
      const addresses = (await inside("ip", "-o", "address")).split("\n");
      const left = {
        rules: (await inside("nft", "list", "ruleset")).trim(),
        addresses: addresses.filter((it) => [SERVICE_V4, SERVICE_V6].some((own) => it.includes(` ${own}/`))).join("; "),
        queues: (await inside("cat", "/proc/net/netfilter/nfnetlink_queue")).trim(),
        "packet sockets": (await inside("cat", "/proc/net/packet")).trim().split("\n").slice(1).join("; "),
      };
      for (const [what, text] of Object.entries(left)) if (text !== "") found.push(`${node} has ${what}: ${text}`);
    }
    return found;
  }

  async #become(look: () => Promise<string>, wanted: string): Promise<boolean> {
    const end = Date.now() + PATIENCE_MS;
    while (await look() !== wanted) {
      if (Date.now() > end) return false;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return true;
  }

  async #processNames(): Promise<string> {
    const names = await Promise.all(NODES.map(async (node) => {
      const pids = (await run("ip", "netns", "pids", this.#world.net.node(node))).split("\n").filter((it) => it !== "");
      return `${node}: ${pids.flatMap(nameOf).toSorted().join(" ")}`;
    }));
    return names.join(", ");
  }

  #fileNames(): string {
    return NODES.map((node) =>
      [this.#world.runDir(node), this.#world.stateDir(node)].map((folder) => filesIn(folder).join(" ")).join(" | ")
    ).join(", ");
  }
}

/** The commands of a world that is gone, its namespaces, folder and mounts. @returns what is still there */
export function leftOf(prefix: string, folder: string): string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/run/netns")) {
    if (name.startsWith(`${prefix}-`)) found.push(`namespace ${name}`);
  }
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    const command = textOf(`/proc/${name}/cmdline`).replaceAll("\0", " ");
    if (command.includes(folder)) found.push(`process ${name}: ${command}`);
  }
  for (const line of textOf("/proc/self/mounts").split("\n")) if (line.includes(folder)) found.push(`mount ${line}`);
  if (exists(folder)) found.push(`folder ${folder}`);
  return found;
}

/** What the samples of a run say about memory and descriptors that grow. Pure. */
export function judgeSamples(samples: readonly Sample[]): string[] {
  const found: string[] = [];
  for (const node of NODES) {
    const own = samples.filter((it) => it.node === node);
    const first = own[0];
    if (first === undefined) continue;
    for (const { atMs, descriptors } of own) {
      if (descriptors <= first.descriptors + DESCRIPTORS_MORE_MAX) continue;
      found.push(
        `${(atMs / 1000).toFixed(1)} s: ${node} has ${descriptors} descriptors, and began with ${first.descriptors}`,
      );
      break;
    }
    if (own.length < MEMORY_SAMPLES_MIN) continue;
    const resident = own.map(({ residentMib }) => residentMib), quarter = Math.floor(resident.length / 4);
    const before = median(resident.slice(quarter, 2 * quarter)), after = median(resident.slice(-quarter));
    if (after > before + MEMORY_MORE_MIB) {
      found.push(`${node} grows: ${before} MiB in the second quarter of the run, ${after} MiB in the last`);
    }
  }
  return found;
}

export function median(values: readonly number[]): number {
  return values.toSorted((x, y) => x - y)[Math.floor(values.length / 2)] ?? 0;
}

export function footprint(pid: number): Omit<Sample, "node" | "atMs"> {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  return {
    pid,
    residentMib: Math.round(field("VmRSS") / 1024),
    descriptors: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    threads: field("Threads"),
  };
}

/** What a process is, without what differs from run to run; nothing of one that has just ended. */
function nameOf(pid: string): string[] {
  const words = textOf(`/proc/${pid}/cmdline`).split("\0");
  if (words[0] === "") return [];
  const base = words[0]!.split("/").at(-1)!;
  return [base === "guard" ? base : [base, ...words.filter((it) => it === "run" || it === "lab").slice(-1)].join(":")];
}

function filesIn(folder: string, prefix = ""): string[] {
  const names: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) names.push(`${prefix}${name}/`, ...filesIn(`${folder}/${name}`, `${prefix}${name}/`));
    else names.push(`${prefix}${name}`);
  }
  return names.toSorted();
}

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
