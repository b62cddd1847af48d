/** The services of all groups and the followers of their roles, as the daemon sees them. */
import type { GroupConfig, ServiceConfig } from "../../config/model.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import type { ServiceSnapshot } from "../core/messages.ts";
import type { EventLevel } from "../core/vocabulary.ts";
import { Children } from "./children.ts";
import { type Identity, serviceEnvironment } from "./environment.ts";
import type { BecomeContext, BecomeResult, Errand } from "./errand.ts";
import { ExecRunner } from "./exec_runner.ts";
import { type Acknowledgement, type AckOutcome, type FollowerRequest, Followers } from "./followers.ts";
import { GroupServices } from "./group_services.ts";
import { KeptLines, LineRate } from "./lines.ts";
import type { ServiceRole } from "./plan.ts";
import { RoleFiles } from "./role_file.ts";
import { Service } from "./service.ts";
import { UnitRunner } from "./unit_runner.ts";
import { within } from "./waiting.ts";

export type { BecomeContext, BecomeResult, ServiceStep } from "./errand.ts";
export type { Identity } from "./environment.ts";
export type { ServiceRole } from "./plan.ts";

/** For all services together at the daemon's end: less than the service manager gives the daemon. */
const STOP_MAX_US = 8_000_000;

export interface ManagerParts {
  readonly groups: readonly GroupConfig[];
  readonly identity: Identity;
  readonly log: (level: EventLevel, text: string) => void;
  readonly event: (level: EventLevel, kind: string, text: string, group: string) => void;
  /** Whether the group's services allow this node to be its primary; told when it changes. */
  readonly eligible: (group: string, ok: boolean, reason: string) => void;
  readonly inMaintenance?: boolean;
  /** The program that speaks to systemd; `systemctl` unless told otherwise. */
  readonly systemctl?: string;
  readonly unitLookUs?: number;
}

export interface GroupRole {
  readonly role: ServiceRole;
  readonly epoch: number;
  /** Names of those who follow it over the API. */
  readonly followers: readonly string[];
}

const START = { role: "standby", epoch: 0 } as const;

interface Output {
  readonly kept: KeptLines;
  readonly rate: LineRate;
}

export class ServiceManager {
  readonly #p: ManagerParts;
  readonly #groups = new Map<string, GroupServices>();
  readonly #followers: Followers;
  readonly #children: Children;
  readonly #roles: RoleFiles;
  readonly #output = new Map<string, Output>();
  readonly #settled = new Map<string, { readonly role: ServiceRole; readonly epoch: number }>();
  readonly #saidEligible = new Map<string, string>();
  readonly #saidManaged = new Map<string, boolean>();
  #onManaged: (group: string, managed: boolean) => void = () => {};
  #begin: () => void = () => {};
  #maintenance: boolean;

  constructor(parts: ManagerParts) {
    this.#p = parts;
    this.#maintenance = parts.inMaintenance ?? false;
    this.#children = new Children(`${parts.identity.runDir}/children`);
    this.#roles = new RoleFiles(parts.identity.runDir);
    this.#followers = new Followers((group) => this.#tellManaged(group));
    const begun = new Promise<void>((resolve) => this.#begin = resolve);
    for (const group of parts.groups) {
      this.#groups.set(group.name, this.#makeGroup(group, begun));
      this.#roles.write(group.name, "standby", 0);
      this.#saidManaged.set(group.name, this.managed(group.name));
    }
  }

  /** Ends what a former daemon has left, then starts what runs in any role. Resolves when that is done or has failed. */
  async start(): Promise<void> {
    try {
      const ended = await this.#children.endLeftovers();
      if (ended.length > 0) this.#p.log("notice", `ended what the daemon before had left running: ${ended.join(", ")}`);
    } finally {
      this.#begin();
    }
    await Promise.all([...this.#groups.values()].map((group) => group.start()));
  }

  /**
   * Brings the group to the role. A newer order supersedes an older one, which resolves with ok=false at once. The role it has
   * already: only what is missing is done.
   */
  become(group: string, role: ServiceRole, context: BecomeContext): Promise<BecomeResult> {
    return this.#group(group).become(role, context);
  }

  /** The switch thread has confirmed a role, or a new epoch of it. Also for groups that are not managed. */
  settled(group: string, role: ServiceRole, epoch: number): void {
    this.#group(group).settle(role, epoch);
    this.#settled.set(group, { role, epoch });
    this.#followers.tell(group, role, epoch);
  }

  /** Whether a switch of the group has to ask `become`. */
  managed(group: string): boolean {
    return this.#group(group).managed || this.#followers.names(group).length > 0;
  }

  /** Called back whenever that changes. */
  onManaged(callback: (group: string, managed: boolean) => void): void {
    this.#onManaged = callback;
  }

  status(group: string): readonly ServiceSnapshot[] {
    return this.#group(group).status();
  }

  /** The role that was settled last, and who follows it. */
  role(group: string): GroupRole {
    const { role, epoch } = this.#settled.get(group) ?? START;
    return { role, epoch, followers: this.#followers.names(group) };
  }

  /** The last lines that a service has printed. */
  output(group: string, name: string): readonly string[] {
    return this.#output.get(outputKey(group, name))?.kept.all() ?? [];
  }

  /** What ends it; null where there are too many followers. */
  follow(group: string, request: FollowerRequest): (() => void) | null {
    return this.#followers.add(group, this.#settled.get(group) ?? START, request);
  }

  acknowledge(group: string, ack: Acknowledgement): AckOutcome {
    return this.#followers.acknowledge(group, ack);
  }

  get inMaintenance(): boolean {
    return this.#maintenance;
  }

  /** While it is on, nothing is restarted. At its end, what was given up is tried again. */
  maintenance(on: boolean): void {
    this.#maintenance = on;
    if (!on) { for (const group of this.#groups.values()) group.retry(); }
  }

  /** The groups are the same ones; of their services, those that did not change are not touched. */
  async reload(groups: readonly GroupConfig[]): Promise<void> {
    await Promise.all(groups.map(async ({ name, services }) => {
      await this.#groups.get(name)?.replace(services);
      if (this.#groups.has(name)) this.#changed(name);
    }));
  }

  /** The daemon's end. */
  async stop(): Promise<void> {
    this.#begin();
    const stopped = Promise.all([...this.#groups.values()].map((group) => group.stop()));
    if (await within(stopped, STOP_MAX_US) === null) {
      this.#p.log("alarm", `services have not stopped within ${STOP_MAX_US / 1e6} s: killed`);
      await this.#children.killAll();
    }
    // Nobody has a role here any more, and nothing is left running.
    for (const folder of ["roles", "children"]) removeQuietly(`${this.#p.identity.runDir}/${folder}`);
  }

  #group(name: string): GroupServices {
    const group = this.#groups.get(name);
    if (group === undefined) throw new RangeError(`services: there is no group ${name}`);
    return group;
  }

  #makeGroup(config: GroupConfig, begun: Promise<void>): GroupServices {
    const { name } = config;
    const env = (service: string) =>
      serviceEnvironment(Deno.env.toObject(), this.#p.identity, config, service, this.#group(name).ordered);
    return new GroupServices({
      config,
      make: (service) => this.#makeService(name, service, () => env(service.name)),
      env,
      printed: (service, line) => this.#printed(name, service, line),
      alarm: (kind, text) => this.#p.event("alarm", kind, `${name}: ${text}`, name),
      askFollowers: (errand) => this.#askFollowers(name, errand),
      publish: (role, epoch) => this.#publish(name, role, epoch),
    }, begun);
  }

  #makeService(group: string, config: ServiceConfig, env: () => Readonly<Record<string, string>>): Service {
    const { name, exec, systemd, startTimeoutUs } = config;
    const runner = systemd === undefined
      ? new ExecRunner({
        command: exec ?? [],
        env,
        onLine: (line) => this.#printed(group, name, line),
        register: (child) => this.#children.add(`${group}/${name}`, child, config.stopTimeoutUs),
      })
      : new UnitRunner({
        unit: systemd,
        systemctl: this.#p.systemctl ?? "systemctl",
        startTimeoutUs,
        ...(this.#p.unitLookUs === undefined ? {} : { lookUs: this.#p.unitLookUs }),
      });
    return new Service({
      config,
      runner,
      env,
      inMaintenance: () => this.#maintenance,
      say: (level, kind, text) => this.#p.event(level, kind, `${group}: ${text}`, group),
      changed: () => this.#changed(group),
    });
  }

  /** Something may be different now: say what it means for the group. */
  #changed(name: string): void {
    const group = this.#groups.get(name);
    if (group === undefined) return;
    group.serviceChanged();
    this.#tellManaged(name);
    const reason = group.complaints.join("; ");
    if ((this.#saidEligible.get(name) ?? "") === reason) return;
    this.#saidEligible.set(name, reason);
    this.#p.eligible(name, reason === "", reason);
  }

  #tellManaged(name: string): void {
    const managed = this.managed(name);
    if (this.#saidManaged.get(name) === managed) return;
    this.#saidManaged.set(name, managed);
    this.#onManaged(name, managed);
  }

  #publish(group: string, role: ServiceRole, epoch: number): void {
    try {
      this.#roles.write(group, role, epoch);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#p.event("alarm", "roleFile", `${group}: the file of its role cannot be written: ${reason}`, group);
    }
  }

  async #askFollowers(group: string, errand: Errand): Promise<string | null> {
    const { epoch, deadlineUs } = errand.context;
    const { signal, role } = errand;
    const answers = await this.#followers.ask(group, role, epoch, { deadlineUs, signal });
    for (const { name, kind, reason } of answers) {
      if (kind === "yes") errand.step(`${name} said yes`);
      else if (kind === "no") errand.step(`${name} said no`);
      else errand.step(`${name} did not answer`);
      if (kind === "late" && !signal.aborted) {
        this.#p.event("notice", "followerLate", `${group}: follower ${name} let becoming ${role} pass`, group);
      } else if (kind === "no" && role === "standby") {
        this.#p.event(
          "notice",
          "followerRefused",
          `${group}: follower ${name} is not ready to leave: ${reason}`,
          group,
        );
      }
    }
    const veto = answers.find(({ kind }) => kind === "no");
    return veto === undefined || role === "standby" ? null : `follower ${veto.name}: ${veto.reason || "said no"}`;
  }

  #printed(group: string, service: string, line: string): void {
    const key = outputKey(group, service);
    let output = this.#output.get(key);
    if (output === undefined) {
      output = { kept: new KeptLines(), rate: new LineRate(monotonicUs()) };
      this.#output.set(key, output);
    }
    output.kept.add(line);
    const leftOut = output.rate.pass(monotonicUs());
    if (leftOut === null) return;
    if (leftOut > 0) this.#p.log("notice", `${group}/${service}: ${leftOut} lines left out`);
    this.#p.log("info", `${group}/${service}: ${line}`);
  }
}

function outputKey(group: string, service: string): string {
  return `${group}/${service}`;
}

function removeQuietly(folder: string): void {
  try {
    Deno.removeSync(folder, { recursive: true });
  } catch {
    // It was never made, or somebody took it away.
  }
}
