/** One service: keeps it running while it is wanted, knows whether it is well, and says what speaks against this node. */
import { formatDuration } from "../../config/duration.ts";
import type { ServiceConfig } from "../../config/model.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import type { ServiceSnapshot } from "../core/messages.ts";
import { checkHealth } from "./check_health.ts";
import type { StopOutcome } from "./child.ts";
import { HealthCounter } from "./health_counter.ts";
import type { ServiceRole } from "./plan.ts";
import { RestartPolicy } from "./restart_policy.ts";
import type { Instance, Runner } from "./runner.ts";
import { Changes, pause, unlessAborted } from "./waiting.ts";

export type ServiceState = "stopped" | "starting" | "running" | "stopping" | "restarting" | "failed";

/** While a switch may wait for it, a service that is starting is asked this often. */
const STARTING_EVERY_US = 25_000;

export interface ServiceParts {
  readonly config: ServiceConfig;
  readonly runner: Runner;
  /** For the health check's command. */
  readonly env: () => Readonly<Record<string, string>>;
  /** While it says so, what has ended stays so. */
  readonly inMaintenance: () => boolean;
  readonly say: (level: "info" | "notice" | "alarm", kind: string, text: string) => void;
  /** State, health or complaint may have changed. */
  readonly changed: () => void;
}

export class Service {
  readonly config: ServiceConfig;
  /** The role that its commands have told the instance that runs, or its absence; null: none yet. */
  told: ServiceRole | null = null;
  /** Counts the instances: what was told to one does not hold for the next. */
  instance = 0;
  readonly #p: ServiceParts;
  readonly #changes = new Changes();
  readonly #policy: RestartPolicy;
  #state: ServiceState = "stopped";
  #healthy: boolean | null = null;
  #since = new Date().toISOString();
  #restarts = 0;
  #pid: number | undefined;
  #problem = "";
  #complaint: string | null = null;
  /** Ends the life that goes on; null: it is not wanted. */
  #end: AbortController | null = null;
  #life: Promise<unknown> = Promise.resolve();
  #outcome: StopOutcome = "ended";
  #left = false;
  #late: ReturnType<typeof setTimeout> | undefined;
  #grudge: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: ServiceParts) {
    this.#p = parts;
    this.config = parts.config;
    this.#policy = new RestartPolicy(parts.config);
  }

  get healthy(): boolean {
    return this.#healthy === true;
  }

  get wanted(): boolean {
    return this.#end !== null;
  }

  /** Why this node should not serve, or null. */
  get complaint(): string | null {
    return this.#complaint === null ? null : `service ${this.config.name}: ${this.#complaint}`;
  }

  /** Wants it to run from now on; one that was given up is tried again. */
  start(): void {
    if (this.#end !== null && this.#state !== "failed") return;
    clearTimeout(this.#grudge);
    const end = this.#end = new AbortController();
    this.#policy.clear();
    // At once, so that nobody takes the former end for this one's.
    if (this.#state === "failed") this.#set("starting", false);
    this.#complain(null);
    this.#expectReady();
    this.#life = this.#life.then(() => this.#live(end.signal));
  }

  /** Tries again what was given up, and forgets what it is blamed for. */
  retry(): void {
    if (this.#state === "failed") this.start();
    else if (!this.wanted) this.#forgive();
    this.#changes.tell();
  }

  /** Resolves with null when it is healthy, with the reason when that will not be, or not in time. */
  async ready(signal: AbortSignal): Promise<string | null> {
    const timeout = AbortSignal.timeout(this.config.startTimeoutUs / 1000);
    const over = AbortSignal.any([signal, timeout]);
    await this.#changes.until(() => this.healthy || this.#state === "failed" || !this.wanted, over);
    if (this.healthy) return null;
    if (this.#state === "failed") return this.#complaint ?? this.#problem;
    const why = this.#problem === "" ? "" : `: ${this.#problem}`;
    if (timeout.aborted) return `not healthy within ${formatDuration(this.config.startTimeoutUs)}${why}`;
    return `not healthy yet${why}`;
  }

  /** Wants it no longer, and waits until it is gone. What it is blamed for is held against this node for a while. */
  async stop(): Promise<StopOutcome> {
    const end = this.#end;
    this.#end = null;
    clearTimeout(this.#late);
    if (end !== null) {
      this.#outcome = "ended";
      if (this.#complaint !== null) this.#resent();
    }
    end?.abort();
    await this.#life;
    if (end === null) {
      // A unit may run although nobody here has started it.
      if (!this.wanted && !this.#left) await this.#p.runner.clear();
      return "ended";
    }
    // One that was given up has no life that could say so.
    if (!this.wanted) this.#set("stopped", null);
    return this.#outcome;
  }

  /** Watches it no longer; what runs goes on without this process. */
  async leave(): Promise<void> {
    this.#left = true;
    await this.stop();
  }

  /** No timer is left behind. Call it when it has been stopped for good. */
  close(): void {
    clearTimeout(this.#late);
    clearTimeout(this.#grudge);
  }

  status(): ServiceSnapshot {
    return {
      name: this.config.name,
      state: this.#state,
      healthy: this.#healthy,
      run: this.config.run,
      ...(this.#pid === undefined ? {} : { pid: this.#pid }),
      restarts: this.#restarts,
      since: this.#since,
      ...(this.#problem === "" ? {} : { last_error: this.#problem }),
    };
  }

  async #live(end: AbortSignal): Promise<void> {
    while (!end.aborted) {
      const why = await this.#runOnce(end);
      if (why === null) break;
      this.#problem = why;
      this.#set("restarting", false);
      if (this.#p.inMaintenance()) {
        this.#p.say("notice", "serviceEnded", `${this.#name}: ${why}; not restarted: maintenance`);
        await this.#changes.until(() => !this.#p.inMaintenance(), end);
        this.#policy.clear();
        continue;
      }
      const decision = this.#policy.failed(monotonicUs());
      if (decision.kind === "giveUp") return this.#giveUp(why, decision.failures);
      const delay = formatDuration(Math.round(decision.afterUs));
      this.#p.say("notice", "serviceRestarts", `${this.#name}: ${why}; started again in ${delay}`);
      this.#restarts++;
      await pause(decision.afterUs, end);
    }
    this.#set("stopped", null);
  }

  #giveUp(why: string, failures: number): void {
    const window = formatDuration(this.config.restartWindowUs);
    this.#set("failed", false);
    this.#complain(`given up after ${failures} failures within ${window}: ${why}`);
  }

  /** Null: it was stopped. Else why it is not running any more. */
  async #runOnce(end: AbortSignal): Promise<string | null> {
    this.#set("starting", false);
    let instance: Instance;
    try {
      instance = await this.#p.runner.start(end);
    } catch (error) {
      return end.aborted ? null : error instanceof Error ? error.message : String(error);
    }
    this.#pid = instance.pid;
    this.told = null;
    this.instance++;
    const over = new AbortController();
    const checking = this.#watchHealth(AbortSignal.any([end, over.signal]));
    const why = await unlessAborted(instance.ended, end);
    over.abort();
    await checking;
    if (why === null) {
      if (this.#left) instance.leave();
      else await this.#stopInstance(instance);
    }
    this.#pid = undefined;
    return why;
  }

  async #stopInstance(instance: Instance): Promise<void> {
    this.#set("stopping", null);
    this.#outcome = await instance.stop(this.config.stopTimeoutUs);
  }

  async #watchHealth(over: AbortSignal): Promise<void> {
    const { health } = this.config;
    if (health === undefined) return this.#ready();
    const counter = new HealthCounter(health);
    while (!over.aborted) {
      const problem = await checkHealth(health, this.#p.env(), over);
      if (over.aborted) return;
      if (problem !== null) this.#problem = problem;
      const changed = counter.note(problem === null);
      if (changed && counter.healthy) this.#ready();
      else if (changed) this.#fell(problem ?? "");
      const starting = counter.healthy === null;
      await pause(starting ? Math.min(STARTING_EVERY_US, health.everyUs) : health.everyUs, over);
    }
  }

  #ready(): void {
    clearTimeout(this.#late);
    this.#late = undefined;
    if (this.#complaint !== null) this.#p.say("notice", "serviceHealthy", `${this.#name} is healthy again`);
    this.#problem = "";
    this.#complaint = null;
    this.#set("running", true);
  }

  #fell(problem: string): void {
    this.#set("running", false);
    this.#complain(`not healthy: ${problem}`);
  }

  /** From here on the time runs in which it should become healthy, over however many restarts. */
  #expectReady(): void {
    clearTimeout(this.#late);
    this.#late = setTimeout(() => {
      if (this.healthy || this.#state === "failed") return;
      const why = this.#problem === "" ? "" : `: ${this.#problem}`;
      this.#complain(`not healthy within ${formatDuration(this.config.startTimeoutUs)}${why}`);
    }, this.config.startTimeoutUs / 1000);
  }

  /** A node that has just failed with it must not take the group back at once. */
  #resent(): void {
    clearTimeout(this.#grudge);
    this.#grudge = setTimeout(() => this.#forgive(), this.config.restartWindowUs / 1000);
  }

  #forgive(): void {
    clearTimeout(this.#grudge);
    this.#complain(null);
  }

  #complain(text: string | null): void {
    if (this.#complaint === text) return;
    this.#complaint = text;
    if (text !== null) this.#p.say("alarm", "serviceUnhealthy", `${this.#name}: ${text}`);
    this.#tell();
  }

  #set(state: ServiceState, healthy: boolean | null): void {
    // A service that is not wanted any more has no health, whatever its last check says.
    const known = this.wanted ? healthy : null;
    if (this.#state !== state) this.#since = new Date().toISOString();
    else if (this.#healthy === known) return;
    this.#state = state;
    this.#healthy = known;
    this.#tell();
  }

  #tell(): void {
    this.#changes.tell();
    this.#p.changed();
  }

  get #name(): string {
    return `service ${this.config.name}`;
  }
}
