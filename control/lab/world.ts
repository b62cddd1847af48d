/** A whole pair: topology, services, two real daemons, and everything that can happen to them. */
import { generateKey } from "../../config/key_change.ts";
import { ApiClient } from "../api/client.ts";
import { SOCKET_NAME } from "../api/socket.ts";
import { run, sleep } from "./command.ts";
import type { TcpMeasurement } from "./client.ts";
import type { CrowdMeasurement, CrowdOptions } from "./crowd.ts";
import { Janitor } from "./janitor.ts";
import { LinkSwitch } from "./link_switch.ts";
import type { Measurement } from "./measurement.ts";
import { GROUP, type PairFile, pairFileText } from "./pair_file.ts";
import { LabProcess, segueCommand } from "./process.ts";
import {
  HEARTBEAT_PORT,
  type NodeName,
  NODES,
  removeStale,
  SERVER_V4,
  type ServiceDevice,
  Topology,
} from "./topology.ts";
import { startClient, startCrowd, type Traffic, type TrafficOptions } from "./traffic.ts";
import type { Reign, Watched } from "./watcher.ts";

/** Families of namespace names: people's lab, and the project's tests. */
export type Family = "seglab" | "segtest";

export interface WorldOptions extends PairFile {
  readonly family: Family;
  readonly device?: ServiceDevice;
}

type Status = Awaited<ReturnType<ApiClient["status"]>>;

const WORLD_LETTERS = "abcdefghijklmnopqrstuvwxyz";
let worlds = 0;

export class World {
  readonly net: Topology;
  readonly folder: string;
  /** The daemon that was started last on each node. */
  readonly nodes = new Map<NodeName, LabProcess>();
  readonly #daemons: LabProcess[] = [];
  readonly #services: LabProcess[] = [];
  readonly #others: LabProcess[] = [];
  readonly #janitor: Janitor;
  #watcher: LabProcess | null = null;
  #watched: Watched = { reigns: [], missed: 0 };
  #closing: Promise<void> | null = null;

  /** Builds everything but the daemons. What a killed run left behind is taken away first. */
  static async create(options: WorldOptions): Promise<World> {
    await removeStale(options.family);
    // The process's id in the name is what tells a stale world from a living one.
    const world = new World(`${options.family}${Deno.pid}${WORLD_LETTERS[worlds++ % WORLD_LETTERS.length]}`, options);
    try {
      await world.net.up();
      await world.#startServices(options.routed);
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  private constructor(prefix: string, options: WorldOptions) {
    this.net = new Topology(prefix, options.routed, options.device);
    this.folder = Deno.makeTempDirSync({ prefix: `${options.family}-` });
    this.#janitor = new Janitor(prefix, this.folder);
    generateKey(`${this.folder}/pair.key`);
    this.writeConfig(options);
  }

  /** One file for both nodes, as it should be. */
  writeConfig(options: PairFile, path = this.config): void {
    Deno.writeTextFileSync(path, pairFileText(options, `${this.folder}/pair.key`));
  }

  get config(): string {
    return `${this.folder}/segue.toml`;
  }

  runDir(name: NodeName): string {
    return `${this.folder}/run-${name}`;
  }

  stateDir(name: NodeName): string {
    return `${this.folder}/state-${name}`;
  }

  async #startServices(routed = false): Promise<void> {
    if (routed) this.#services.push(LabProcess.inner(this.net.server, { part: "tcp-echo" }));
    for (const name of NODES) {
      for (const part of ["udp-echo", "tcp-echo"]) this.#services.push(LabProcess.inner(this.net.node(name), { part }));
    }
    this.#watcher = LabProcess.inner(this.net.switch, { part: "watcher" }, (line) => {
      if (!line.startsWith("{")) return false;
      this.#watched = JSON.parse(line) as Watched;
      return true;
    });
    for (const process of [...this.#services, this.#watcher]) await process.line((line) => line === "ready", 20_000);
  }

  /** Who spoke as the addresses so far, in order, as heard on the switch. Up to 100 ms old. */
  get reigns(): readonly Reign[] {
    return this.#watched.reigns;
  }

  /** Frames that the watcher could not take, so far. */
  get missed(): number {
    return this.#watched.missed;
  }

  // ---- the daemons

  start(name: NodeName, config = this.config): LabProcess {
    const args = [
      "--config",
      config,
      "--node",
      name,
      "--state-dir",
      this.stateDir(name),
      "--run-dir",
      this.runDir(name),
    ];
    return this.startProgram(name, segueCommand("run", ...args));
  }

  /** Another program in segue's place: for comparison. */
  startProgram(name: NodeName, command: readonly string[]): LabProcess {
    // An interrupt may come while a scenario is about to start something: it would outlive its namespace.
    if (this.#closing !== null) throw new Error("the pair is being taken away");
    const daemon = new LabProcess(`node ${name}`, this.net.node(name), command, {});
    this.#daemons.push(daemon);
    this.nodes.set(name, daemon);
    return daemon;
  }

  /** Starts both and waits until one is primary and the other ready. */
  async startBoth(): Promise<void> {
    for (const name of NODES) this.start(name);
    await this.settled();
  }

  daemon(name: NodeName): LabProcess {
    const daemon = this.nodes.get(name);
    if (daemon === undefined) throw new Error(`node ${name} was never started`);
    return daemon;
  }

  async status(name: NodeName): Promise<Status | null> {
    const client = new ApiClient(`${this.runDir(name)}/${SOCKET_NAME}`);
    try {
      return await client.status();
    } catch {
      return null;
    } finally {
      client.close();
    }
  }

  async role(name: NodeName): Promise<string | null> {
    return (await this.status(name))?.groups[0]?.role ?? null;
  }

  async primary(): Promise<NodeName | null> {
    for (const name of NODES) if (await this.role(name) === "primary") return name;
    return null;
  }

  /** Exactly one primary and one standby. */
  async settled(timeoutMs = 15_000): Promise<NodeName> {
    let roles: (string | null)[] = [];
    await this.until(
      async () => {
        for (const name of NODES) if (!this.daemon(name).running) throw new Error(`node ${name} ended\n${this.logs()}`);
        roles = [await this.role("a"), await this.role("b")];
        return roles.includes("primary") && roles.includes("standby");
      },
      timeoutMs,
      () => `one primary and one standby (a is ${roles[0]}, b is ${roles[1]})`,
    );
    return roles[0] === "primary" ? "a" : "b";
  }

  async until(
    condition: () => boolean | Promise<boolean>,
    timeoutMs: number,
    what: string | (() => string),
  ): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!await condition()) {
      if (Date.now() > end) {
        throw new Error(
          `waited ${timeoutMs} ms in vain for ${typeof what === "string" ? what : what()}\n${this.logs()}`,
        );
      }
      await sleep(20);
    }
  }

  async switchover(on: NodeName, to?: NodeName, timeoutMs = 5000) {
    const client = new ApiClient(`${this.runDir(on)}/${SOCKET_NAME}`);
    try {
      return await client.switchover(GROUP, { ...(to === undefined ? {} : { to }), timeoutUs: timeoutMs * 1000 });
    } finally {
      client.close();
    }
  }

  // ---- what happens to nodes and links

  /**
   * All current gone at once: cable, LAN, and then whatever ran, within a third of a millisecond. The cable comes first: over
   * it a node whose LAN has died could still consent to a takeover, which a dead one cannot.
   */
  async powerOff(name: NodeName): Promise<void> {
    const daemon = this.daemon(name);
    this.#setLinks(this.#linksOf(name), false);
    daemon.signal("SIGKILL");
    await daemon.ended;
  }

  /** Links as after a boot, and the daemon started. */
  powerOn(name: NodeName): Promise<void> {
    this.#setLinks(this.#linksOf(name), true);
    this.start(name);
    return Promise.resolve();
  }

  /** The cable first, see `powerOff`. */
  #linksOf(name: NodeName): readonly (readonly [namespace: string, device: string])[] {
    return [[this.net.node(name), "veth1"], ...this.net.ports(name).map((port) => [this.net.switch, port] as const)];
  }

  lan(name: NodeName, up: boolean): Promise<void> {
    this.#setLinks([[this.net.switch, `p-${name}`]], up);
    return Promise.resolve();
  }

  cable(up: boolean): Promise<void> {
    this.#setLinks([[this.net.node("a"), "veth1"]], up);
    return Promise.resolve();
  }

  /** In this order, with nothing but the calls themselves in between. */
  #setLinks(links: readonly (readonly [namespace: string, device: string])[], up: boolean): void {
    const switches = links.map(([namespace, device]) => new LinkSwitch(namespace, device));
    for (const it of switches) it.set(up);
    for (const it of switches) it.close();
  }

  /** Drops every heartbeat that comes from the peer into this node, on all paths and as frames. Needs nft. */
  async deafen(name: NodeName, deaf: boolean): Promise<void> {
    const drops = (device: string) => [
      `add chain netdev labfilter ${device} { type filter hook ingress device ${device} priority -600; }`,
      `add rule netdev labfilter ${device} udp dport ${HEARTBEAT_PORT} drop`,
      `add rule netdev labfilter ${device} ether type 0x88b5 drop`,
    ];
    const rules = deaf
      ? ["add table netdev labfilter", ...drops("veth0"), ...drops("veth1")].join("\n")
      // Added first: a fault may have flushed it with everything else.
      : "add table netdev labfilter\ndelete table netdev labfilter";
    await run("ip", "netns", "exec", this.net.node(name), "nft", rules);
  }

  // ---- traffic

  async udp(options: TrafficOptions): Promise<Traffic<Measurement>> {
    const { process, traffic } = await startClient(this.net, "udp-client", options);
    this.#others.push(process);
    return traffic;
  }

  async tcp(options: TrafficOptions): Promise<Traffic<TcpMeasurement>> {
    const { process, traffic } = await startClient(this.net, "tcp-client", options);
    this.#others.push(process);
    return traffic;
  }

  /** Many connections to the server behind a pair that routes. */
  async crowd(options: Omit<CrowdOptions, "remote">): Promise<Traffic<CrowdMeasurement>> {
    const { process, traffic } = await startCrowd(this.net, { ...options, remote: SERVER_V4 });
    this.#others.push(process);
    return traffic;
  }

  /** Everything that a node's daemons have said, one after the other. */
  linesOf(name: NodeName): readonly string[] {
    return this.#daemons.filter((daemon) => daemon.name === `node ${name}`).flatMap(({ lines }) => lines);
  }

  logs(): string {
    return [...this.nodes].map(([name, daemon]) => `--- node ${name}\n${daemon.lines.slice(-25).join("\n")}`).join(
      "\n",
    );
  }

  /** Takes everything away. Safe to call twice, also meanwhile, and after a half-made start. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    const watcher = this.#watcher === null ? [] : [this.#watcher];
    const processes = [...this.#others, ...watcher, ...this.#daemons, ...this.#services];
    await Promise.all(processes.map((process) => process.kill()));
    await this.net.down();
    Deno.removeSync(this.folder, { recursive: true });
    await this.#janitor.dismiss();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
