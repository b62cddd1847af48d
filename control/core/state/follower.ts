/**
 * The side that receives. A catch-up is applied when it is whole: until then the table stays what it was, the source's at some LSN. Only a
 * full copy, for a table that is worth nothing anyway, is applied as it comes.
 */
import type { Copy } from "./copy.ts";
import type { CopyMessage } from "./messages.ts";
import { PackedReader } from "./packed.ts";
import { lastEpoch } from "./reigns.ts";
import { type ReplicaPort, URGENT } from "./replica_port.ts";
import type { StateRow } from "./row.ts";

type Sync = Extract<CopyMessage, { kind: "sync" }>;
type Rows = Extract<CopyMessage, { kind: "rows" }>;
type Live = Rows | Extract<CopyMessage, { kind: "reign" }>;

/** With more keys written alone than this, or longer ones, everything is copied anew. */
const ASKED_MAX = 20_000;
const ASKED_LENGTH_MAX = 1 << 20;

/** Pieces of a catch-up, or messages that waited for its end, that are applied at once: more would keep others waiting. */
const AT_ONCE = 4;

type Tail = ReturnType<Copy["cutOff"]>;
const NO_TAIL: Tail = { rows: [], undo: () => {} };

/**
 * Makes a copy ready for what a source offers. Null if the offer counts on something that is not so (any more): the copy's state is to be
 * told again, and gets another offer.
 * @param broken called later if the follower finds that something is missing, and all is to begin anew
 */
export function accept(copy: Copy, offer: Sync, port: ReplicaPort, broken: () => void): FollowerSide | null {
  const { common, upTo, whole } = offer;
  if (common > copy.lsn || common > upTo) return null;
  const tail = copy.copying ? NO_TAIL : copy.cutOff(common);
  const asked = tail.rows.reduce((sum, { key }) => sum + key.length, 0);
  const tooMuch = tail.rows.length > ASKED_MAX || asked > ASKED_LENGTH_MAX;
  // All that the source has is what an empty copy lacks.
  const all = whole || (upTo > 0 && copy.table.lsn === 0 && tail.rows.length === 0);
  if (all || tooMuch || copy.copying) {
    setAside(tail.rows, offer, port);
    copy.startAnew();
    if (!all) return null;
  }
  const keys = all ? [] : tail.rows.map(({ key }) => key);
  port.send(URGENT, { kind: "ready", group: copy.group, sync: offer.sync, keys });
  return new FollowerSide(copy, offer, all ? NO_TAIL : tail, port, broken);
}

/** Rows that only this node has had: kept apart, for people. */
function setAside(rows: readonly StateRow[], { reigns, upTo }: Sync, port: ReplicaPort): void {
  if (rows.length === 0) return;
  port.store({ kind: "orphans", rows, foundByEpoch: lastEpoch({ reigns, lsn: upTo }) });
  const text =
    `${rows.length} keys written by this node alone were set aside, as another node has reigned since: segue state orphans`;
  port.event("alarm", "orphans", text);
}

export class FollowerSide {
  /** Everything that the source has is here, and each write comes as it happens. */
  following = false;
  readonly #copy: Copy;
  readonly #offer: Sync;
  /** What this copy had beyond the common LSN. */
  #tail: Tail;
  readonly #port: ReplicaPort;
  readonly #broken: () => void;
  /** What a catch-up brought, and what was written meanwhile. */
  readonly #pieces: Uint8Array[] = [];
  readonly #live: Live[] = [];
  /** The catch-up is whole, and so many of its pieces are applied; -1: it is not whole yet. */
  #applied = -1;
  #finished = false;
  /** Abandoned. */
  #over = false;
  #ackDue = false;

  constructor(copy: Copy, offer: Sync, tail: Tail, port: ReplicaPort, broken: () => void) {
    this.#broken = broken;
    this.#copy = copy;
    this.#offer = offer;
    this.#tail = tail;
    this.#port = port;
  }

  get sync(): number {
    return this.#offer.sync;
  }

  /** False: it fits nothing, and all is to begin anew. */
  receive(message: Live): boolean {
    if (message.kind === "rows" && !message.live) return this.#bulk(message.rows);
    if (this.following) return this.#apply(message);
    this.#live.push(message);
    return true;
  }

  #bulk(rows: Uint8Array): boolean {
    if (this.#applied >= 0) return false;
    if (this.#copy.copying) return this.#copy.applyPiece(rows, 0, false);
    // All or nothing: what cannot be read is refused before anything is applied.
    if (PackedReader.open(rows) === null) return false;
    this.#pieces.push(rows);
    return true;
  }

  #apply(message: Live): boolean {
    const copy = this.#copy;
    if (message.kind === "reign") {
      copy.addReign(message.reign);
      return true;
    }
    if (message.first !== copy.table.lsn + 1 || !copy.applyPiece(message.rows, message.last, message.urgent)) {
      return false;
    }
    copy.table.restore(0, message.last);
    this.#ackDue = true;
    return true;
  }

  /** The catch-up is whole: it is applied bit by bit, then what was written meanwhile. */
  done(): boolean {
    if (this.#applied >= 0) return false;
    this.#applied = 0;
    this.#copy.holdAt(this.#offer.common);
    return this.#applySome();
  }

  #applySome(): boolean {
    const next = this.#applied + AT_ONCE;
    for (const piece of this.#pieces.slice(this.#applied, next)) this.#copy.table.applyPacked(piece);
    this.#applied = next;
    if (next < this.#pieces.length) return this.#goOn(() => this.#applySome());
    this.#finish();
    return this.#applyLive();
  }

  /** What was written meanwhile, and what comes while that is applied. */
  #applyLive(): boolean {
    for (const message of this.#live.splice(0, AT_ONCE)) if (!this.#apply(message)) return false;
    if (this.#live.length > 0) return this.#goOn(() => this.#applyLive());
    this.following = true;
    this.#ackDue = true;
    this.#port.changed();
    return true;
  }

  #goOn(next: () => boolean): true {
    this.#port.later(() => {
      if (!this.#over && !next()) this.#broken();
    });
    return true;
  }

  #finish(): void {
    const { reigns, floor, upTo } = this.#offer;
    this.#storeCatchUp(this.#pieces.splice(0));
    this.#copy.finish(reigns, floor, upTo);
    this.#finished = true;
  }

  #storeCatchUp(pieces: readonly Uint8Array[]): void {
    const tail = this.#tail.rows;
    if (pieces.length + tail.length === 0) return;
    // Until the last piece is on the disk, what stands there is neither the old state nor the new one.
    this.#port.store({ kind: "position", lsn: 0, floor: 0, copying: true, reigns: [] });
    setAside(this.#foreign(), this.#offer, this.#port);
    if (tail.length > 0) this.#port.store({ kind: "forget", keys: tail.map(({ key }) => key) });
    this.#tail = NO_TAIL;
    for (const piece of pieces) {
      this.#port.store({ kind: "rows", piece, lsn: 0, urgent: false });
    }
  }

  /** Of the tail, what the source does not have: a table read from the disk may have had later rows without being whole. */
  #foreign(): readonly StateRow[] {
    return this.#tail.rows.filter(({ key, lsn, epoch }) => {
      const row = this.#copy.table.get(key);
      // A later row of a reign that the source knows stands in place of this one.
      return row === null || row.lsn < lsn || (row.lsn === lsn ? row.epoch !== epoch : !this.#isKnown(epoch, lsn));
    });
  }

  /** The source's history has this write. */
  #isKnown(epoch: number, lsn: number): boolean {
    const { reigns } = this.#offer;
    const at = reigns.findIndex((reign) => reign.epoch === epoch);
    return at >= 0 && reigns[at]!.firstLsn <= lsn && lsn < (reigns[at + 1]?.firstLsn ?? Infinity);
  }

  /** Nothing more will come. A catch-up that is whole is done, with what came behind it; without one the copy is what it was. */
  abandon(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#applied < 0) {
      this.#tail.undo();
      this.#tail = NO_TAIL;
      return;
    }
    for (const piece of this.#pieces.slice(this.#applied)) this.#copy.table.applyPacked(piece);
    if (!this.#finished) this.#finish();
    for (const message of this.#live.splice(0)) if (!this.#apply(message)) return;
  }

  /** Something new is on the disk. */
  noteDurable(): void {
    if (this.following) this.#ackDue = true;
  }

  /** Tells the source what has come; once for all that came together. */
  flushAck(): void {
    if (!this.#ackDue) return;
    this.#ackDue = false;
    const { group, lsn: received, durableLsn: durable } = this.#copy;
    this.#port.send(URGENT, { kind: "ack", group, sync: this.sync, received, durable });
  }
}
