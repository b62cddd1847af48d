/** Carries words between the switch thread and the arbiter, and says when it cannot be asked. */
import type { PairConfig } from "../../config/model.ts";
import type { Etcd } from "../arbiter/etcd.ts";
import { Keeper } from "../arbiter/keeper.ts";
import { openEtcd } from "../arbiter/open.ts";
import type { Claim, Store } from "../arbiter/store.ts";
import type { ArbiterSnapshot, SwitchCommand, SwitchReport } from "../core/messages.ts";
import { SYSTEM_CLOCK } from "../state/clock.ts";

/** In the time of a lease, so that one that fails costs nothing. */
const RENEWALS = 4;
/** The daemon does not wait longer than this to give the key back when it ends. */
const CLOSE_MAX_MS = 500;

export interface ArbiterParts {
  readonly node: string;
  /** To the switch thread. */
  readonly send: (command: SwitchCommand) => void;
}

export class ArbiterDesk {
  readonly #p: ArbiterParts;
  readonly #store: Reopened;
  readonly #keeper: Keeper | null;
  #config: PairConfig;
  #alarm: string | null = null;

  constructor(config: PairConfig, parts: ArbiterParts) {
    this.#config = config;
    this.#p = parts;
    this.#store = new Reopened(() => openEtcd(this.#config));
    this.#keeper = config.arbiter === undefined ? null : new Keeper({
      store: this.#store,
      clock: SYSTEM_CLOCK,
      node: parts.node,
      run: crypto.randomUUID(),
      renewUs: () => (this.#config.arbiter?.ttlUs ?? Infinity) / RENEWALS,
      tell: (order, word) => parts.send({ kind: "arbiter", order, word }),
      health: (reason) => this.#health(reason),
    });
  }

  start(): void {
    this.#keeper?.start();
  }

  order({ kind, order }: Extract<SwitchReport, { kind: "claimKey" | "releaseKey" }>): void {
    if (kind === "claimKey") this.#keeper?.claim(order);
    else this.#keeper?.release(order);
  }

  /** Who is asked, and how, by the new file; whether anybody is stays as it was. */
  reload(config: PairConfig): void {
    this.#config = config;
    this.#store.reopen();
  }

  async close(): Promise<void> {
    if (this.#keeper === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, CLOSE_MAX_MS));
    await Promise.race([this.#keeper.close(), late]);
    clearTimeout(timer);
    this.#store.reopen();
  }

  snapshot(): ArbiterSnapshot | null {
    if (this.#keeper === null) return null;
    const { etcd, prefix } = this.#config.arbiter!;
    return { etcd, key: prefix + this.#config.pair.name, ...this.#keeper.status() };
  }

  #health(reason: string | null): void {
    const peer = this.#config.nodes.find(({ name }) => name !== this.#p.node)!.name;
    const text = reason === null
      ? null
      : `the arbiter cannot be asked, and without hearing ${peer} this node could not serve: ${reason}`;
    if (text === this.#alarm) return;
    this.#alarm = text;
    this.#p.send({ kind: "alarm", alarm: "arbiter", text });
  }
}

/** A store that is opened when it is first asked, and again after a reload: files may be missing when the daemon starts. */
class Reopened implements Store {
  readonly #open: () => Promise<Etcd>;
  #etcd: Promise<Etcd> | null = null;

  constructor(open: () => Promise<Etcd>) {
    this.#open = open;
  }

  reopen(): void {
    this.#etcd?.then((etcd) => etcd.close(), () => {});
    this.#etcd = null;
  }

  async #opened(): Promise<Etcd> {
    const opening = this.#etcd ??= this.#open();
    try {
      return await opening;
    } catch (error) {
      if (this.#etcd === opening) this.#etcd = null;
      throw error;
    }
  }

  async grant() {
    return await (await this.#opened()).grant();
  }

  async renew(id: string) {
    return await (await this.#opened()).renew(id);
  }

  async claim(id: string, claim: Claim) {
    return await (await this.#opened()).claim(id, claim);
  }

  async revoke(id: string) {
    await (await this.#opened()).revoke(id);
  }
}
