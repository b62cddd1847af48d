/** The main thread of a running node: carries words between switch, journal, API and the service manager. Decides no role. */
import { sdNotify } from "../../kernel_ffi/systemd.ts";
import type { Floor } from "../answers/floor.ts";
import type { Rehearsal } from "../answers/rehearsal.ts";
import type { ApiBackend, ServicesBackend, StateBackend, SwitchoverRequest } from "../api/backend.ts";
import { ApiProblem } from "../api/problem.ts";
import type { SwitchCommand, SwitchInit, SwitchReport, SwitchSnapshot } from "../core/messages.ts";
import type { NodeEvent, SwitchReceipt } from "../core/vocabulary.ts";
import type { JournalClient } from "../journal/client.ts";
import { healthAlarm, type JournalEntry, type JournalHealth } from "../journal/entry.ts";
import { ConnectionCounts } from "./connections.ts";
import { Acquaintance } from "./acquaintance.ts";
import { AnswerDesk } from "./answer_desk.ts";
import { ArbiterDesk } from "./arbiter.ts";
import { Fencer } from "./fencer.ts";
import { KeyRing } from "./key_ring.ts";
import type { Log } from "./log.ts";
import { NodeServices } from "./node_services.ts";
import { NodeState } from "./node_state.ts";
import { readForReload } from "./reload_file.ts";
import { requireGroup } from "./services_api.ts";
import { Serving } from "./serving.ts";
import type { RunOptions, Settings } from "./settings.ts";
import { SwitchThread } from "./switch_thread.ts";
import { watchSwitch } from "./watchdog.ts";

export interface DaemonParts {
  readonly options: RunOptions;
  readonly settings: Settings;
  readonly log: Log;
  readonly journal: JournalClient;
}

export class Daemon implements ApiBackend {
  readonly #p: DaemonParts;
  #settings: Settings;
  #switch!: SwitchThread;
  #services!: NodeServices;
  #state!: NodeState;
  #serving!: Serving;
  #fencer!: Fencer;
  readonly #acquaintance = new Acquaintance();
  #arbiter!: ArbiterDesk;
  readonly #keys: KeyRing;
  #desk: AnswerDesk | null = null;
  #end: (code: number) => void = () => {};
  readonly #connections = new ConnectionCounts();
  #stopping = false;
  #ready = false;
  readonly #undo: (() => void)[] = [];

  constructor(parts: DaemonParts) {
    this.#p = parts;
    this.#settings = parts.settings;
    this.#keys = this.#makeKeyRing();
  }

  /** Starts the node; resolves with the exit code when it has ended. */
  async start(entryUrl: string, init: Omit<SwitchInit, "mailbox" | "mailboxFd">): Promise<number> {
    const early: SwitchReport[] = [];
    let report = (one: SwitchReport): void => {
      early.push(one);
    };
    this.#switch = new SwitchThread(entryUrl, init, (one) => report(one));
    this.#services = this.#makeServices();
    this.#state = await this.#openState(init.keys);
    this.#serving = this.#makeServing();
    const { config, node } = this.#settings;
    const parts = { node, log: this.#p.log, send: (command: SwitchCommand) => this.#switch.send(command) };
    this.#fencer = new Fencer(config, parts);
    this.#arbiter = new ArbiterDesk(config, parts);
    this.#state.start();
    return await new Promise((resolve) => {
      this.#end = (code) => {
        for (const undo of this.#undo.splice(0)) undo();
        this.#services.abandon();
        this.#fencer.off();
        this.#acquaintance.close();
        this.#state.close();
        this.#desk?.stop();
        this.#switch.abandon();
        resolve(code);
      };
      report = (one) => this.#report(one);
      for (const one of early) this.#report(one);
      this.#listen();
      this.#p.journal.onHealth((health) => this.#journalHealth(health));
      this.#journalHealth(this.#p.journal.health());
      this.#undo.push(watchSwitch(this.#switch, () => this.#ready, (text) => this.#fatal(text)));
    });
  }

  #listen(): void {
    const on = (signal: Deno.Signal, act: () => void) => {
      Deno.addSignalListener(signal, act);
      this.#undo.push(() => Deno.removeSignalListener(signal, act));
    };
    on("SIGTERM", () => void this.#stop("SIGTERM"));
    on("SIGINT", () => void this.#stop("SIGINT"));
    on(
      "SIGHUP",
      () => void this.reload().catch((error) => this.#p.log.write("alarm", `reload refused: ${error.message}`)),
    );
  }

  #report(report: SwitchReport): void {
    switch (report.kind) {
      case "ready":
        this.#ready = true;
        this.#p.log.write(
          "info",
          `node ${this.#settings.node} of pair ${this.#settings.config.pair.name} is ready after ${
            Math.round(performance.now())
          } ms`,
        );
        this.#desk = new AnswerDesk({
          journal: this.#p.journal,
          switchThread: this.#switch,
          snapshot: () => this.snapshot(),
          ready: report,
          config: () => this.#settings.config,
        });
        this.#services.start();
        this.#arbiter.start();
        sdNotify("READY=1");
        return;
      case "event":
        return this.#event(report.event);
      case "receipt":
        this.#p.log.receipt(report.receipt);
        return this.#p.journal.addReceipt(this.#desk?.file(report.receipt) ?? report.receipt);
      case "jitter":
        return this.#desk?.count(report.jitter);
      case "serve":
        return void this.#serving.order(report);
      case "role":
        return this.#serving.role(report);
      case "fencePeer":
        return void this.#fencer.order(report);
      case "fenceOff":
        return this.#fencer.off();
      case "speakers":
        return this.#acquaintance.make(report.addresses);
      case "claimKey":
      case "releaseKey":
        return this.#arbiter.order(report);
      case "keys":
        return this.#state.sealWith(report.signs);
      case "reserveEpochs":
        return void this.#reserve(report.group, report.above);
      case "fatal":
        return this.#fatal(report.text);
      default:
        return;
    }
  }

  #makeServices(): NodeServices {
    const { config, node } = this.#settings;
    const { stateDir, runDir } = this.#p.options;
    return new NodeServices({
      config,
      node,
      stateDir,
      runDir,
      log: this.#p.log,
      event: (event) => this.#event(event),
      send: (command) => this.#switch.send(command),
    });
  }

  async #openState(keys: readonly Uint8Array[]): Promise<NodeState> {
    const { config, node } = this.#settings;
    return await NodeState.open({
      config,
      node,
      keys,
      journal: this.#p.journal.state,
      event: (level, kind, text, group) => {
        this.#event({ at: new Date().toISOString(), level, kind, text, ...(group === undefined ? {} : { group }) });
      },
      alarm: (alarm, text) => this.#switch.send({ kind: "alarm", alarm, text }),
      eligible: (group, ok, reason) => this.#services.sayEligible("state", group, ok, reason),
      copy: (news) => this.#switch.send(news),
      managed: (group, on) => this.#serving.managed(group, "state", on),
    });
  }

  #makeKeyRing(): KeyRing {
    return new KeyRing({
      keys: this.#settings.keys,
      snapshot: () => this.#switch.snapshot(),
      use: async (keys) => {
        // The stream opens what the peer will be told that it may seal with.
        this.#state.setKeys(keys);
        const texts = keys.map((key) => key.toBase64());
        await this.#switch.result({ kind: "keys", keys: texts });
      },
      alarm: (text) => this.#switch.send({ kind: "alarm", alarm: "key-file", text }),
    });
  }

  #makeServing(): Serving {
    const { manager: services } = this.#services, { manager: state } = this.#state;
    const serving = new Serving({ services, state, send: (command) => this.#switch.send(command) });
    for (const { name } of this.#settings.config.groups) serving.managed(name, "services", services.managed(name));
    services.onManaged((group, on) => serving.managed(group, "services", on));
    return serving;
  }

  #event(event: NodeEvent): void {
    this.#p.log.event(event);
    this.#p.journal.addEvent(this.#desk?.event(event) ?? event);
  }

  async #reserve(group: string, above: number): Promise<void> {
    try {
      this.#switch.send({ kind: "epochReserved", group, upTo: await this.#p.journal.reserve(group, above) });
    } catch (error) {
      this.#p.log.write("alarm", `no epochs for ${group}: ${error instanceof Error ? error.message : error}`);
    }
  }

  #journalHealth(health: JournalHealth): void {
    this.#switch.send({ kind: "alarm", alarm: "journal", text: healthAlarm(health) });
  }

  /** A broken invariant: this process must not go on. What the kernel holds of leases ends by itself. */
  #fatal(text: string): void {
    this.#p.log.write("alarm", `stopped: ${text}`);
    this.#end(1);
  }

  async #stop(signal: string): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#p.log.write("notice", `${signal}: handing over what can be handed over, then stopping`);
    await this.#switch.result({ kind: "stop" });
    await this.#arbiter.close();
    await this.#services.manager.stop();
    this.#end(0);
  }

  // ---- what the API asks

  get #groupNames(): readonly string[] {
    return this.#settings.config.groups.map((one) => one.name);
  }

  async snapshot(): Promise<SwitchSnapshot> {
    const snapshot = await this.#switch.snapshot();
    return {
      ...snapshot,
      arbiter: this.#arbiter.snapshot(),
      rejected: { ...snapshot.rejected, ...this.#state.rejected() },
      groups: snapshot.groups.map((group) => ({
        ...group,
        services: this.#services.manager.status(group.name),
        last_switch: group.last_switch && (this.#desk?.filed(group.last_switch) ?? group.last_switch),
        state: this.#state.manager.status(group.name),
        connections: this.#connections.of(this.#settings.config, group.name),
      })),
    };
  }

  get services(): ServicesBackend {
    return this.#services.api;
  }

  get state(): StateBackend {
    return this.#state.api;
  }

  async switchover(group: string, request: SwitchoverRequest): Promise<SwitchReceipt> {
    requireGroup(group, this.#groupNames);
    const nodes = this.#settings.config.nodes.map((one) => one.name);
    if (request.to !== null && !nodes.includes(request.to)) {
      throw new ApiProblem(
        400,
        "no-such-node",
        "No such node",
        `there is no node ${request.to}`,
        `nodes: ${nodes.join(", ")}`,
      );
    }
    if (request.force) this.#state.manager.force(group);
    const result = await this.#switch.result({
      kind: "switchover",
      group,
      to: request.to,
      timeoutUs: request.timeoutUs,
      force: request.force,
    });
    const { receipt } = result;
    if (receipt !== undefined && (result.ok || receipt.outcome === "aborted")) {
      return this.#desk?.filed(receipt) ?? receipt;
    }
    if (result.ok) {
      throw new ApiProblem(
        409,
        "nothing-to-do",
        "Nothing to do",
        `${request.to ?? "the node"} is primary of ${group} already`,
      );
    }
    throw new ApiProblem(
      409,
      "cannot-switch",
      "Cannot switch",
      result.error ?? "refused",
      "segue status shows both nodes' state",
    );
  }

  async rehearsal(group: string): Promise<Rehearsal> {
    requireGroup(group, this.#groupNames);
    return (await this.#answers().rehearsal(group))!;
  }

  async floor(hours: number): Promise<Floor> {
    return await this.#answers().floor(hours);
  }

  #answers(): AnswerDesk {
    if (this.#desk !== null) return this.#desk;
    throw new ApiProblem(503, "starting", "Not ready yet", "the node is starting", "ask again in a moment");
  }

  /** The new file is read and checked whole before anything changes; what both nodes must agree on needs a restart. */
  async reload(): Promise<{ readonly changed: readonly string[] }> {
    const { config, changed } = await readForReload(this.#p.options.config, this.#settings.config);
    const keys = await this.#keys.read(config.pair.keyFile);
    await this.#switch.result({ kind: "reload", configJson: JSON.stringify(config) });
    this.#settings = { ...this.#settings, config };
    this.#desk?.configChanged();
    this.#services.reload(config);
    this.#state.reload(config);
    if (keys !== null) {
      await this.#keys.take(keys);
      changed.push("the keys of pair.key_file");
    }
    this.#fencer.reload(config);
    this.#arbiter.reload(config);
    this.#p.log.write("notice", changed.length === 0 ? "reload: nothing has changed" : `reload: ${changed.join(", ")}`);
    return { changed };
  }

  journalHealth(): JournalHealth {
    return this.#p.journal.health();
  }

  subscribe(callback: (entry: JournalEntry) => void): () => void {
    return this.#p.journal.subscribe(callback);
  }

  recentEvents(afterId: number | null, limit: number): Promise<readonly JournalEntry[]> {
    return this.#p.journal.entries(afterId === null ? { limit } : { afterId, limit });
  }
}
