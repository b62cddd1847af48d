/** The state's side of a running node: the manager with its stream to the peer and its file, and what status says of it. */
import { pairDigest } from "../../config/digest.ts";
import type { GroupConfig, PairConfig } from "../../config/model.ts";
import type { EventLevel } from "../core/vocabulary.ts";
import type { StateJournal } from "../journal/state_client.ts";
import type { StateHealth } from "../journal/state_store.ts";
import { StateManager } from "../state/manager.ts";
import type { StateRules } from "../state/rules.ts";
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
  readonly managed: (group: string, on: boolean) => void;
}

export class NodeState {
  readonly manager: StateManager;
  readonly api: StateApi;
  readonly #p: NodeStateParts;
  #stream: PeerStream | null = null;

  /** Reads what is stored. Until that is done, no group may be served here. */
  static async open(parts: NodeStateParts): Promise<NodeState> {
    const { config, journal } = parts;
    for (const { name } of config.groups) parts.eligible(name, false, "its state is being read from the disk");
    const manager = await StateManager.open({
      groups: config.groups.map((group) => ({ name: group.name, rules: rulesOf(group) })),
      peerName: config.nodes.find(({ name }) => name !== parts.node)?.name ?? "the peer",
      digest: pairDigest(config),
      startWaitMs: config.timing.startWaitUs / 1000,
      disk: journal,
      event: parts.event,
      alarm: parts.alarm,
      eligible: parts.eligible,
      managed: parts.managed,
    }, (group) => journal.load(group));
    return new NodeState(parts, manager);
  }

  private constructor(parts: NodeStateParts, manager: StateManager) {
    this.#p = parts;
    this.manager = manager;
    this.api = new StateApi(manager, parts.journal, () => this.#stream?.stats() ?? null);
  }

  /** Says what it has, and looks for the peer. */
  start(): void {
    const { config, node, keys } = this.#p, { manager } = this;
    manager.start();
    this.#watchDisk();
    const self = config.nodes[0].name === node ? 0 : 1;
    const own = config.nodes[self], peer = config.nodes[1 - self]!;
    const stream: PeerStream = this.#stream = new PeerStream({
      pair: config.pair.name,
      self,
      paths: own.paths.map((local, i) => ({ local, remote: peer.paths[i]! })),
      keys,
      onUp: () => manager.connected(stream),
      onDown: () => manager.disconnected(),
      onMessage: (_channel, bytes) => manager.receive(bytes),
      onDrained: () => manager.drained(),
    });
  }

  #watchDisk(): void {
    const { journal, event, alarm } = this.#p, { manager } = this;
    journal.onDurable((sequence) => manager.durable(sequence));
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

  reload(config: PairConfig): void {
    this.manager.setRules(new Map(config.groups.map((group) => [group.name, rulesOf(group)])));
  }

  setKeys(keys: readonly Uint8Array[]): void {
    this.#stream?.setKeys(keys);
  }

  /** What was written goes to the disk with the journal's own end. */
  close(): void {
    this.manager.close();
    this.#stream?.close();
  }
}

function rulesOf({ state }: GroupConfig): StateRules {
  return { whenAlone: state.whenAlone, waitUs: state.waitUs, maxBytes: state.maxBytes };
}
