/** The services of one group: brings them to a role in order, and keeps them there. */
import { formatDuration } from "../../config/duration.ts";
import type { GroupConfig, ServiceConfig } from "../../config/model.ts";
import type { ServiceSnapshot } from "../core/messages.ts";
import { type BecomeContext, type BecomeResult, Errand } from "./errand.ts";
import { tellRole } from "./commands.ts";
import { belongsTo, hasRole, type ServiceRole, startOrder } from "./plan.ts";
import type { Service } from "./service.ts";
import { unlessAborted } from "./waiting.ts";

export interface GroupParts {
  readonly config: GroupConfig;
  /** What the group's programs are told of its role, at this moment. */
  readonly make: (config: ServiceConfig) => Service;
  readonly env: (service: string) => Readonly<Record<string, string>>;
  readonly printed: (service: string, line: string) => void;
  readonly alarm: (kind: string, text: string) => void;
  /** Asks those who follow the role by themselves; resolves with the veto of one of them, or null. */
  readonly askFollowers: (errand: Errand) => Promise<string | null>;
  /** The role that programs find from now on. */
  readonly publish: (role: ServiceRole, epoch: number) => void;
}

export class GroupServices {
  readonly #p: GroupParts;
  #configs: readonly ServiceConfig[];
  readonly #services = new Map<string, Service>();
  #order: Service[] = [];
  #role: ServiceRole | null = null;
  #epoch = 0;
  #errand: Errand | null = null;
  /** The role has been reached: what is restarted from now on is told it again. */
  #reached = false;
  readonly #stopped = new AbortController();
  /** What is done for the group is done one after the other. */
  #work: Promise<unknown>;

  /** @param begun when services may be touched: what a former daemon left is gone */
  constructor(parts: GroupParts, begun: Promise<unknown>) {
    this.#p = parts;
    this.#work = begun;
    this.#configs = [];
    this.#arrange(parts.config.services);
  }

  /** What was ordered last: what programs are started as and told. */
  get ordered(): { readonly role: ServiceRole; readonly epoch: number } {
    return { role: this.#role ?? "standby", epoch: this.#epoch };
  }

  /** Whether a switch has to ask: somebody is to be told, or not all are ready to serve. */
  get managed(): boolean {
    return this.#order.some((service) => hasRole(service.config) || !service.healthy);
  }

  get complaints(): readonly string[] {
    return this.#order.map((service) => service.complaint).filter((text) => text !== null);
  }

  status(): readonly ServiceSnapshot[] {
    return this.#configs.map(({ name }) => this.#services.get(name)!.status());
  }

  /** Starts those that belong to the role that this node has, in order. A switch does not wait for this. */
  async start(): Promise<void> {
    await this.#work;
    for (const service of this.#order) {
      if (this.#stopped.signal.aborted) return;
      if (!belongsTo(this.#role, service.config) || service.wanted) continue;
      service.start();
      await service.ready(this.#stopped.signal);
    }
  }

  become(role: ServiceRole, context: BecomeContext): Promise<BecomeResult> {
    this.#errand?.callOff("superseded");
    const errand = this.#errand = new Errand(role, context);
    return this.#inTurn(() => this.#run(errand));
  }

  /** The switch is over; where nobody had to be asked, this is the first word of it. */
  settle(role: ServiceRole, epoch: number): void {
    if (this.#errand !== null && this.#errand.role !== role) return;
    if (this.#errand === null && this.#role !== role) this.#reached = true;
    this.#take(role, epoch);
  }

  /** A service may have been restarted: what its commands told it is gone with it. */
  serviceChanged(): void {
    if (this.#role === null || this.#errand !== null || !this.#reached) return;
    if (!this.#order.some((service) => this.#isUntold(service))) return;
    const errand = this.#errand = new Errand(this.#role, {
      epoch: this.#epoch,
      planned: false,
      reason: "restarted",
      deadlineUs: null,
    });
    void this.#inTurn(() => this.#tellAgain(errand));
  }

  retry(): void {
    for (const service of this.#order) service.retry();
  }

  /** Services that did not change are not touched. */
  replace(services: readonly ServiceConfig[]): Promise<void> {
    return this.#inTurn(() => this.#replace(services));
  }

  async #replace(services: readonly ServiceConfig[]): Promise<void> {
    const old = new Map([...this.#services].filter(([name, { config }]) => {
      const next = services.find((one) => one.name === name);
      return next === undefined || JSON.stringify(next) !== JSON.stringify(config);
    }));
    for (const name of old.keys()) this.#services.delete(name);
    const gone = this.#order.filter((service) => old.get(service.config.name) === service).reverse();
    this.#arrange(services);
    for (const service of gone) {
      await service.stop();
      service.close();
    }
    this.retry();
    void this.start();
  }

  /** In reverse. Units that run in any role are left to systemd. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#errand?.callOff("superseded");
    await this.#work;
    for (const service of this.#order.toReversed()) {
      const { systemd, run } = service.config;
      if (systemd === undefined || run === "primary") await service.stop();
      else await service.leave();
      service.close();
    }
  }

  /** Whatever comes of it, the next one has its turn. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#work.then(work);
    this.#work = turn.catch(() => {});
    return turn;
  }

  #arrange(services: readonly ServiceConfig[]): void {
    for (const config of services) {
      if (!this.#services.has(config.name)) this.#services.set(config.name, this.#p.make(config));
    }
    this.#configs = services;
    this.#order = startOrder(services).map(({ name }) => this.#services.get(name)!);
  }

  #take(role: ServiceRole, epoch: number): void {
    if (this.#role === role && this.#epoch === epoch) return;
    this.#role = role;
    this.#epoch = epoch;
    this.#p.publish(role, epoch);
  }

  async #run(errand: Errand): Promise<BecomeResult> {
    const problem = errand.signal.aborted ? null : await this.#carryOut(errand);
    const result = errand.result(problem);
    if (this.#errand !== errand) return result;
    this.#errand = null;
    this.#reached = result.ok;
    // One that was restarted after its turn has not been told.
    this.serviceChanged();
    return result;
  }

  /** What the kernel refuses (a signal, a file) is a reason like any other: the next order must find this one ended. */
  async #carryOut(errand: Errand): Promise<string | null> {
    try {
      this.#take(errand.role, errand.context.epoch);
      return errand.role === "primary" ? await this.#enter(errand) : await this.#leave(errand);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async #enter(errand: Errand): Promise<string | null> {
    for (const service of this.#order) {
      const { name } = service.config;
      service.start();
      const unready = await service.ready(errand.signal);
      if (unready !== null) return `service ${name}: ${unready}`;
      errand.step(`${name} ready`);
      if (service.told === "primary") continue;
      const refused = await this.#tell(service, errand);
      if (refused !== null) return `service ${name}: on_primary: ${refused}`;
    }
    return await this.#p.askFollowers(errand);
  }

  async #leave(errand: Errand): Promise<string | null> {
    await this.#p.askFollowers(errand);
    for (const service of this.#order.toReversed()) {
      if (errand.signal.aborted) return null;
      const { name, run } = service.config;
      if (service.told !== "standby") {
        const problem = await this.#tell(service, errand);
        if (problem !== null) this.#p.alarm("commandFailed", `service ${name}: on_standby: ${problem}`);
      }
      if (run === "primary" && !errand.signal.aborted) await this.#stop(service, errand);
    }
    return null;
  }

  async #stop(service: Service, errand: Errand): Promise<void> {
    const { name, stopTimeoutUs } = service.config;
    const wasWanted = service.wanted;
    const outcome = await unlessAborted(service.stop(), errand.signal);
    if (outcome === "killed") {
      const text = `service ${name} did not stop within ${formatDuration(stopTimeoutUs)} and was killed`;
      this.#p.alarm("serviceKilled", text);
      errand.step(`${name} killed after ${formatDuration(stopTimeoutUs)}`);
    } else if (wasWanted && outcome !== null) errand.step(`${name} stopped`);
  }

  /** Null, or what went wrong. */
  async #tell(service: Service, errand: Errand): Promise<string | null> {
    const { config } = service;
    // A command that is called off in the middle may have had its effect or not.
    service.told = null;
    const { instance } = service;
    const problem = await tellRole(config, errand.role, {
      signal: errand.signal,
      env: this.#p.env(config.name),
      onLine: (line) => this.#p.printed(config.name, line),
    });
    if (errand.signal.aborted) return problem;
    const same = service.instance === instance;
    if (same && (problem === null || errand.role === "standby")) service.told = errand.role;
    const commands = errand.role === "primary" ? config.onPrimary : config.onStandby;
    if (commands.length > 0) errand.step(`${config.name} ${problem === null ? "told" : "refused"}`);
    return problem;
  }

  #isUntold(service: Service): boolean {
    return service.healthy && service.told !== this.#role && belongsTo(this.#role, service.config);
  }

  async #tellAgain(errand: Errand): Promise<void> {
    for (const service of this.#order) {
      if (errand.signal.aborted) break;
      if (!this.#isUntold(service)) continue;
      const problem = await this.#tell(service, errand);
      if (problem === null || errand.signal.aborted) continue;
      // Told once is enough: a command that fails would otherwise be run again and again.
      service.told = errand.role;
      this.#p.alarm("commandFailed", `service ${service.config.name}: on_${errand.role} after its restart: ${problem}`);
    }
    errand.result(null);
    if (this.#errand !== errand) return;
    this.#errand = null;
    // One that was restarted meanwhile has not been told.
    this.serviceChanged();
  }
}
