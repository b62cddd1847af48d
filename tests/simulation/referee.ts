/**
 * Watches a pair and says what must never be. Its rules are those of ARCHITECTURE.md, and nothing else ends a history:
 *
 * 1. at most one node's kernel lets the address speak on one LAN;
 * 2. an epoch is used once, and each node's only grow;
 * 3. what was acknowledged as replicated survives any single fault, as durable any two;
 * 4. packets are neither lost nor doubled nor reordered in a switchover of a healthy pair;
 * 5. what one node wrote alone is set aside before it is forgotten;
 * 6. a healthy pair that loses one node goes on with the other, and one whose faults have ended settles, each within a bound.
 */
import type { Replica } from "../../control/core/state/replica.ts";
import type { History } from "../../control/core/state/reigns.ts";
import type { StateRow } from "../../control/core/state/row.ts";
import type { AckLevel } from "../../control/state/waits.ts";
import type { NodeIndex } from "./network.ts";
import type { Process, SimNode } from "./node.ts";

export interface Acknowledged {
  readonly key: string;
  readonly value: string;
  readonly lsn: number;
  readonly epoch: number;
  readonly level: AckLevel;
  readonly by: NodeIndex;
  /** Nodes that have had it ever since; a crash takes it from one. */
  readonly holders: Set<number>;
  /** Nodes on whose disks it is. */
  readonly disks: Set<number>;
  /** A node has served without it, by right: more was lost than it was promised to survive. */
  gone: boolean;
}

/** What a running daemon needs to hear of a flush and to put its gate back. */
const RULES_BACK_US = 400;

const text = (bytes: Uint8Array | null) => bytes === null ? null : new TextDecoder().decode(bytes);

export class Referee {
  readonly violations: string[] = [];
  /** Moments at which two nodes alone cannot know better; `excuse`. */
  excused = 0;
  /** With an arbiter one owner is all that there may be, though the LAN is in two parts. */
  acrossSplits = false;
  readonly writes: Acknowledged[] = [];
  readonly #takes: { readonly node: number; readonly epoch: number }[] = [];
  readonly #nodes: readonly [SimNode, SimNode];
  readonly #say: (text: string) => void;
  #excusedUntil = -Infinity;
  #counted = -Infinity;
  #partsUs: number | null = null;
  #bothSinceUs = -Infinity;

  constructor(nodes: readonly [SimNode, SimNode], say: (text: string) => void) {
    this.#nodes = nodes;
    this.#say = say;
  }

  violate(rule: string): void {
    if (this.violations.length < 20) this.violations.push(rule);
    this.#say(`BROKEN: ${rule}`);
  }

  // ---- owners

  /** Two owners until then are what two nodes without an arbiter cannot help (README, "Limits"). */
  excuse(untilUs: number): void {
    this.#excusedUntil = Math.max(this.#excusedUntil, untilUs);
  }

  /**
   * Somebody has flushed the rules of a node that is about to take the address in a planned move, and has it on its interface already: the
   * gate was all that kept it mute. Only until a running daemon has put that back (README, "Limits").
   */
  #flushedAhead(nowUs: number): SimNode | undefined {
    return this.#nodes.find(({ kernel, switchThread, flushedUs }) =>
      kernel.flushed && switchThread?.group.role === "preparing" && nowUs - flushedUs <= RULES_BACK_US
    );
  }

  /** After every event. */
  watch(nowUs: number, split: boolean): void {
    const [a, b] = this.#nodes;
    const both = a.speaks(nowUs) && b.speaks(nowUs);
    if (split && !this.acrossSplits) return this.#watchParts(nowUs, both);
    if (!both) return;
    const ahead = this.#flushedAhead(nowUs);
    if (ahead !== undefined) this.excuse(Math.max(this.#excusedUntil, ahead.flushedUs + RULES_BACK_US));
    if (nowUs <= this.#excusedUntil) {
      if (this.#counted !== this.#excusedUntil) this.excused++;
      this.#counted = this.#excusedUntil;
      return;
    }
    if (this.violations.length > 0) return;
    this.violate(`two owners: both kernels let the address speak ${split ? "on two parts of the LAN" : "on one LAN"}`);
  }

  /**
   * On two parts of a LAN: not decidable, but for a pair with a gateway, which stands on one of them. There an owner that is killed
   * has at most the rest of its lease when the other one takes over, and so has one that is stopped, each time anew.
   */
  #watchParts(nowUs: number, both: boolean): void {
    const stopped = this.#nodes.some(({ process }) => process !== null && process.stoppedUntil > nowUs);
    if (!both || stopped || this.#partsUs === null) this.#bothSinceUs = nowUs;
    else if (nowUs - this.#bothSinceUs > this.#partsUs && this.violations.length === 0) {
      this.violate("two owners: on two parts of the LAN for longer than a lease, though one of them has no gateway");
    }
  }

  /** The two parts of a split LAN have one owner, but for so long. */
  oneAcrossParts(us: number): void {
    this.#partsUs = us;
  }

  /** @param off the node knows that its peer is off */
  tookUnheard(node: SimNode, off: boolean): void {
    const { nowUs, heardUs, limits } = node.switchThread!.core;
    if (off || nowUs - heardUs < limits.suspectUs) return;
    this.violate(`${node.name} took over without a word of its peer, which nobody had fenced`);
  }

  took(node: SimNode, epoch: number, handedOverBy: number | null): void {
    if (this.#takes.some((one) => one.epoch === epoch)) this.violate(`epoch ${epoch} was used twice`);
    if (this.#takes.some((one) => one.node === node.index && one.epoch > epoch)) {
      this.violate(`epoch ${epoch} of ${node.name} is lower than an earlier one of its own`);
    }
    this.#takes.push({ node: node.index, epoch });
    if (handedOverBy !== null) this.#requireReign(node, handedOverBy);
  }

  // ---- writes

  /** A client was told that its write is safe. @param peer the process that should have it, if it still is the one that was asked */
  acknowledged(write: Acknowledged, peer: Process | null): void {
    const { key, lsn, by, level } = write, other = this.#nodes[1 - by]!;
    if (level !== "local" && peer !== null && other.process === peer && !has(replicaOf(other), write)) {
      this.violate(`${key} with LSN ${lsn} was acknowledged as ${level}, but ${other.name} does not have it`);
    }
    if (level === "durable") {
      for (const { name, disk, index } of this.#nodes) {
        if (!write.disks.has(index)) continue;
        if ((disk.group.rows.get(key)?.lsn ?? 0) >= lsn) continue;
        this.violate(`${key} with LSN ${lsn} was acknowledged as durable, but it is not on the disk of ${name}`);
      }
    }
    // Who was stopped may read an acknowledgement that its sender has lost since, and reigned without: two faults, and so no promise.
    const since = replicaOf(other);
    if (since !== null && since.epoch > write.epoch && !has(since, write)) write.gone = true;
    this.writes.push(write);
  }

  /** A process has ended: what its disk does not have is gone with it. */
  ended(node: SimNode): void {
    const other = this.#nodes[1 - node.index]!;
    for (const write of this.writes) {
      if (has(replicaOf(other), write)) write.holders.add(other.index);
      if (!onDisk(node, write)) write.holders.delete(node.index);
    }
  }

  /** The state's file of a node is gone. */
  fileLost(node: SimNode): void {
    for (const write of this.writes) {
      write.disks.delete(node.index);
      if (node.process === null) write.holders.delete(node.index);
    }
  }

  /** A copy that is served from here on has everything that it was trusted with. */
  serves(node: SimNode): void {
    const replica = replicaOf(node);
    const other = this.#nodes[1 - node.index]!;
    for (const write of this.writes) {
      if (write.level === "local" || write.gone || has(replica, write)) continue;
      const { key, lsn, level } = write;
      const trusted = write.holders.has(node.index) || (level === "durable" && write.disks.has(node.index));
      if (trusted) this.violate(`${node.name} serves without ${key} with LSN ${lsn}, acknowledged as ${level}`);
      else if (hear(node, other) && replica?.peer && has(replicaOf(other), write)) {
        this.violate(`${node.name} serves without ${key} with LSN ${lsn}, which ${other.name} has and could give`);
      }
      write.gone = true;
    }
  }

  /** In a switchover nothing that was acknowledged in any way is left behind. */
  #requireReign(node: SimNode, epoch: number): void {
    const replica = replicaOf(node);
    for (const write of this.writes) {
      if (write.epoch !== epoch || has(replica, write)) continue;
      this.violate(`${write.key} with LSN ${write.lsn} stayed behind in a switchover`);
    }
  }

  /** All is mended and quiet: both copies are the same, in memory and on the disk, and have what was promised. */
  requireSettled(): void {
    const [a, b] = this.#nodes.map(replicaOf) as [Replica | null, Replica | null];
    if (a === null || b === null) return;
    if (!a.followed && !b.followed) return this.violate("after mending: no copy follows the other");
    const serving = a.serving ? a : b;
    const contents = [a, b].map(({ table }) => contentOf(table));
    if (contents[0] !== contents[1]) this.violate("after mending: the copies differ");
    for (const node of this.#nodes) this.#judgeDisk(node, replicaOf(node)!, serving.history);
    for (const write of this.writes) {
      if (write.level !== "local" && !write.gone && !has(serving, write)) {
        this.violate(`after mending: ${write.key} with LSN ${write.lsn} is lost`);
      }
    }
  }

  #judgeDisk(node: SimNode, replica: Replica, history: History): void {
    const { disk } = node, { position, rows } = disk.group;
    if (position.copying || position.lsn !== replica.lsn) {
      this.violate(`after mending: the disk of ${node.name} stands at ${JSON.stringify(position)}, not ${replica.lsn}`);
    }
    const stored = [...rows.values()].filter(({ value }) => value !== null).sort((x, y) => x.key < y.key ? -1 : 1);
    if (stored.map(line).join() !== contentOf(replica.table)) {
      this.violate(`after mending: the disk of ${node.name} differs from its memory`);
    }
    for (const row of disk.written) {
      if (isKnown(history, row) || disk.orphans.some((one) => one.lsn === row.lsn && one.epoch === row.epoch)) continue;
      // A later version of its key stands for it, though that may have been set aside before it was ever kept.
      const later = [...disk.written, ...disk.orphans].some((one) =>
        one.key === row.key && one.lsn > row.lsn && (one.epoch === row.epoch || !isKnown(history, one))
      );
      if (!later) this.violate(`${row.key} with LSN ${row.lsn} of epoch ${row.epoch} is neither kept nor set aside`);
    }
  }
}

export function replicaOf(node: SimNode): Replica | null {
  return node.main?.group?.replica ?? null;
}

function has(replica: Replica | null, { key, lsn, epoch, value }: Acknowledged): boolean {
  const row = replica?.table.get(key) ?? null;
  if (row === null || row.lsn < lsn) return false;
  return row.lsn > lsn || (row.epoch === epoch && text(row.value) === value);
}

function onDisk(node: SimNode, { key, lsn }: Acknowledged): boolean {
  return (node.disk.row(key)?.lsn ?? 0) >= lsn;
}

/** Each has heard the other a moment ago. */
function hear(a: SimNode, b: SimNode): boolean {
  return [a, b].every(({ switchThread }) =>
    switchThread !== null && switchThread.core.nowUs - switchThread.core.heardUs < switchThread.core.limits.suspectUs
  );
}

function contentOf(table: Replica["table"]): string {
  return table.list("", "", 1000).map(({ key, lsn, epoch }) => line({ key, lsn, epoch })).join();
}

function line({ key, lsn, epoch }: Pick<StateRow, "key" | "lsn" | "epoch">): string {
  return `${key} ${lsn} ${epoch}`;
}

/** The write is one of this history. */
function isKnown({ reigns, lsn }: History, row: StateRow): boolean {
  const at = reigns.findIndex(({ epoch }) => epoch === row.epoch);
  return at >= 0 && reigns[at]!.firstLsn <= row.lsn && row.lsn < (reigns[at + 1]?.firstLsn ?? lsn + 1);
}
