/** The state's side of a running node: the manager with its stream to the peer and its file, and what status says of it. */
import { pairDigest } from "../../config/digest.ts";
import type { GroupConfig, PairConfig } from "../../config/model.ts";
import { keyIdOf } from "../core/wire.ts";
import type { SwitchCommand } from "../core/messages.ts";
import type { EventLevel } from "../core/vocabulary.ts";
import type { StateJournal } from "../journal/state_client.ts";
import type { StateHealth } from "../journal/state_store.ts";
import { StateManager } from "../state/manager.ts";
import type { StateRules } from "../state/rules.ts";
import type { StoredState } from "../state/stored.ts";
import { StateApi } from "./state_api.ts";
import { PeerStream } from "../stream/peer_stream.ts";

export interface NodeStateParts {
  readonly config: PairConfig;
  readonly node: string;
  /** The first one seals, all open. */
  readonly keys: readonly Uint8Array[];
  readonly journal: StateJournal;
  readonly event: (level: EventLevel, kind: string, text: string, group?: string) => void;
  readonly alarm: (kind: string, text: string | null) => void;
  readonly eligible: (group: string, ok: boolean, reason: string) => void;
  /** What the switch thread has to know of a copy besides. */
  readonly copy: (news: Extract<SwitchCommand, { kind: "compared" | "reignKnown" }>) => void;
  readonly managed: (group: string, on: boolean) => void;
}

const FAILURE_ALARM = "state-stream";
/** A failure that has not come again for this long is over. */
const FAILURE_MS = 60_000;

export class NodeState {
  readonly manager: StateManager;
  readonly api: StateApi;
  readonly #p: NodeStateParts;
  #stream: PeerStream | null = null;
  #keys: readonly Uint8Array[];
  /** Id of the key that seals: the first one until the switch thread says another. */
  #sealing: number;
  #failureOver: ReturnType<typeof setTimeout> | undefined;

  /** Reads what is stored. Until that is done, no group may be served here. */
  static async open(parts: NodeStateParts): Promise<NodeState> {
    const { config, journal } = parts;
    for (const { name } of config.groups) {
      parts.copy({ kind: "compared", group: name, on: false });
      parts.eligible(name, false, "its state is being read from the disk");
    }
    const manager = await StateManager.open({
      groups: config.groups.map((group) => ({ name: group.name, rules: rulesOf(group) })),
      peerName: config.nodes.find(({ name }) => name !== parts.node)?.name ?? "the peer",
      digest: pairDigest(config),
      startWaitMs: config.timing.startWaitUs / 1000,
      disk: journal,
      event: parts.event,
      alarm: parts.alarm,
      eligible: parts.eligible,
      compared: (group, on) => parts.copy({ kind: "compared", group, on }),
      reignKnown: (group, epoch) => parts.copy({ kind: "reignKnown", group, epoch }),
      managed: parts.managed,
    }, (group) => loadGroup(journal, group));
    return new NodeState(parts, manager);
  }

  private constructor(parts: NodeStateParts, manager: StateManager) {
    this.#p = parts;
    this.#keys = parts.keys;
    this.#sealing = keyIdOf(parts.keys[0]!);
    this.manager = manager;
    this.api = new StateApi(manager, parts.journal, () => this.#stream?.stats() ?? null);
  }

  /** Says what it has, and looks for the peer. */
  start(): void {
    const { config, node } = this.#p, { manager } = this;
    manager.start();
    this.#watchDisk();
    const self = config.nodes[0].name === node ? 0 : 1;
    const own = config.nodes[self], peer = config.nodes[1 - self]!;
    const stream: PeerStream = this.#stream = new PeerStream({
      pair: config.pair.name,
      self,
      paths: own.paths.map((local, i) => ({ local, remote: peer.paths[i]! })),
      keys: this.#ordered(),
      onUp: () => manager.connected(stream),
      onDown: () => manager.disconnected(),
      onMessage: (_channel, bytes) => manager.receive(bytes),
      onDrained: () => manager.drained(),
      onFailure: (error) => this.#failed(error),
    });
  }

  #watchDisk(): void {
    const { journal, event, alarm } = this.#p, { manager } = this;
    journal.onDurable((sequence) => manager.durable(sequence));
    // Also when that was at the start.
    journal.onLost((text) => {
      event("alarm", "state-lost", text);
      manager.rewrite();
    });
    const health = ({ ok, text, setAside }: StateHealth) => {
      manager.diskHealth(ok);
      const aside = setAside === undefined ? "" : `; the damaged file is kept as ${setAside}`;
      alarm("state-journal", ok && setAside === undefined ? null : text + aside);
    };
    journal.onHealth(health);
    health(journal.health());
  }

  /** A fault of this program, or of the peer's: said for as long as it may come again. */
  #failed(error: unknown): void {
    const [text, where = ""] = (error instanceof Error ? error.stack ?? error.message : String(error)).split("\n");
    const report =
      `what the peer said of its state could not be taken (${text} ${where.trim()}); the connection is made anew`;
    this.#p.alarm(FAILURE_ALARM, report);
    clearTimeout(this.#failureOver);
    this.#failureOver = setTimeout(() => this.#p.alarm(FAILURE_ALARM, null), FAILURE_MS);
  }

  /** What was refused of the peer's datagrams and messages, by reason. */
  rejected(): Readonly<Record<string, number>> {
    const { refused } = this.manager, rejected = Object.entries(this.#stream?.stats().rejected ?? {});
    return {
      ...Object.fromEntries(rejected.map(([reason, count]) => [`stream_${reason}`, count])),
      ...(refused === 0 ? {} : { state_refused: refused }),
    };
  }

  reload(config: PairConfig): void {
    this.manager.setRules(new Map(config.groups.map((group) => [group.name, rulesOf(group)])));
  }

  /** All open from now on; until `sealWith` says otherwise, what sealed goes on sealing, or else the first. */
  setKeys(keys: readonly Uint8Array[]): void {
    this.#keys = keys;
    this.#stream?.setKeys(this.#ordered());
  }

  /** The key that heartbeats are signed with, which the peer is known to have, seals the stream too. */
  sealWith(keyId: number): void {
    this.#sealing = keyId;
    this.#stream?.setKeys(this.#ordered());
  }

  #ordered(): readonly Uint8Array[] {
    const first = (key: Uint8Array) => keyIdOf(key) === this.#sealing ? 0 : 1;
    return this.#keys.toSorted((a, b) => first(a) - first(b));
  }

  /** What was written goes to the disk with the journal's own end. */
  close(): void {
    clearTimeout(this.#failureOver);
    this.manager.close();
    this.#stream?.close();
  }
}

/** What was in a file that was lost is not known: an empty table in its place is not a whole one. */
async function loadGroup(journal: StateJournal, group: string): Promise<StoredState> {
  const loaded = await journal.load(group);
  return { ...loaded, copying: loaded.copying || loaded.lost };
}

function rulesOf({ state }: GroupConfig): StateRules {
  return { whenAlone: state.whenAlone, waitUs: state.waitUs, maxBytes: state.maxBytes };
}
