/** The services' side of a running node: manager, maintenance, and what both say about who may be primary. */
import { join } from "node:path";
import type { PairConfig } from "../../config/model.ts";
import type { MaintenanceJson } from "../api/json.ts";
import { SOCKET_NAME } from "../api/socket.ts";
import type { SwitchCommand } from "../core/messages.ts";
import type { EventLevel, NodeEvent } from "../core/vocabulary.ts";
import { ServiceManager } from "../services/manager.ts";
import { Eligibility, type JointVerdict } from "./eligibility.ts";
import type { Log } from "./log.ts";
import { Maintenance } from "./maintenance.ts";
import { ServicesApi } from "./services_api.ts";
import { Tracks } from "./tracks.ts";

export interface NodeServicesParts {
  readonly config: PairConfig;
  readonly node: string;
  readonly stateDir: string;
  readonly runDir: string;
  readonly log: Log;
  readonly event: (event: NodeEvent) => void;
  /** To the switch thread. */
  readonly send: (command: SwitchCommand) => void;
}

const MAINTENANCE_ALARM = "maintenance";

export class NodeServices {
  readonly manager: ServiceManager;
  readonly api: ServicesApi;
  readonly #p: NodeServicesParts;
  readonly #keeper: Maintenance;
  readonly #eligibility: Eligibility;
  #tracks: Tracks | null = null;

  constructor(parts: NodeServicesParts) {
    this.#p = parts;
    const { config, node, runDir, stateDir } = parts;
    const keeper = this.#keeper = new Maintenance(stateDir);
    this.#eligibility = new Eligibility((group, verdict) => this.#eligible(group, verdict), keeper.state.on);
    this.manager = new ServiceManager({
      groups: config.groups,
      identity: {
        pair: config.pair.name,
        node,
        peer: config.nodes.find(({ name }) => name !== node)?.name ?? "",
        runDir,
        socket: join(runDir, SOCKET_NAME),
      },
      log: (level, text) => parts.log.write(level, text),
      event: (level, kind, text, group) => this.#event(level, kind, text, group),
      eligible: (group, ok, reason) => this.#eligibility.say("services", group, { ok, reason }),
      inMaintenance: keeper.state.on,
    });
    this.api = new ServicesApi({
      node,
      groups: config.groups.map(({ name }) => name),
      manager: this.manager,
      keeper,
      onMaintenance: () => this.#maintain(),
    });
  }

  /** What another room says about who may be primary. */
  sayEligible(source: "state", group: string, ok: boolean, reason: string): void {
    this.#eligibility.say(source, group, { ok, reason });
  }

  /** The switch thread listens: from now on tracks and services count. */
  start(): void {
    if (this.#keeper.state.on) this.#tellMaintenance(this.#keeper.state);
    this.#watchTracks(this.#p.config);
    this.manager.start().catch((error) => {
      const reason = error instanceof Error ? error.message : String(error);
      this.#p.log.write("alarm", `services cannot be started: ${reason}`);
    });
  }

  /** Services that change are exchanged in the background. */
  reload(config: PairConfig): void {
    this.#tracks?.stop();
    this.#watchTracks(config);
    this.manager.reload(config.groups).catch((error) => {
      this.#p.log.write("alarm", `reload of services: ${error instanceof Error ? error.message : String(error)}`);
    });
  }

  /** Watches nothing any more; what runs goes on. */
  abandon(): void {
    this.#tracks?.stop();
  }

  #watchTracks(config: PairConfig): void {
    this.#tracks = new Tracks(
      config.groups,
      (group, ok, reason) => this.#eligibility.say("tracks", group, { ok, reason }),
      this.#eligibility.saidBy("tracks"),
    );
  }

  #eligible(group: string, { ok, reason, alarming }: JointVerdict): void {
    this.#p.send({ kind: "eligible", group, ok, reason });
    // Shown in status for as long as it lasts; the switch thread makes an event of its beginning and of its end.
    const text = !alarming ? null : `${group}: may not be served here: ${reason}`;
    this.#p.send({ kind: "alarm", alarm: `eligible ${group}`, text });
  }

  #maintain(): void {
    const { state } = this.#keeper;
    this.#event("notice", "maintenance", `maintenance is ${state.on ? "on" : "off"}`);
    // What was given up is tried again before its failures count again.
    this.manager.maintenance(state.on);
    this.#eligibility.suspend(state.on);
    this.#tellMaintenance(state);
  }

  #tellMaintenance({ on, since }: MaintenanceJson): void {
    this.#p.send({ kind: "maintenance", on });
    const text = on
      ? `maintenance since ${since}: services are not restarted, health and tracks move no group; segue maintenance off ends it`
      : null;
    this.#p.send({ kind: "alarm", alarm: MAINTENANCE_ALARM, text });
  }

  #event(level: EventLevel, kind: string, text: string, group?: string): void {
    const at = new Date().toISOString();
    this.#p.event({ at, level, kind, text, ...(group === undefined ? {} : { group }) });
  }
}
