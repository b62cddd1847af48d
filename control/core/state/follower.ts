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
/** So many of them are set aside in one turn. */
const ASIDE_ROWS = 1000;

/** Of rows that were written meanwhile, as many bytes, or messages, are applied in one turn; of a catch-up one piece. More would keep others waiting. */
const TURN_BYTES = 64 * 1024;
const TURN_MESSAGES = 64;

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
  if (!copy.copying && copy.table.hasMoreAbove(common, ASKED_MAX, ASKED_LENGTH_MAX)) {
    const follower = new FollowerSide(copy, offer, NO_TAIL, port, broken);
    follower.giveUpTail(common);
    return follower;
  }
  const tail = copy.copying ? NO_TAIL : copy.cutOff(common);
  // All that the source has is what an empty copy lacks.
  const all = whole || (upTo > 0 && copy.table.lsn === 0 && tail.rows.length === 0);
  if (all || copy.copying) {
    setAside(tail.rows, offer, port);
    copy.startAnew();
    if (!all) return null;
  }
  const keys = all ? [] : tail.rows.map(({ key }) => key);
  port.send(URGENT, { kind: "ready", group: copy.group, sync: offer.sync, keys });
  return new FollowerSide(copy, offer, all ? NO_TAIL : tail, port, broken);
}

/** Rows that only this node has had: kept apart, for people. */
function setAside(rows: readonly StateRow[], offer: Sync, port: ReplicaPort): void {
  if (rows.length === 0) return;
  storeOrphans(rows, offer, port);
  sayOrphans(rows.length, port);
}

function storeOrphans(rows: readonly StateRow[], { reigns, upTo }: Sync, port: ReplicaPort): void {
  port.store({ kind: "orphans", rows, foundByEpoch: lastEpoch({ reigns, lsn: upTo }) });
}

function sayOrphans(count: number, port: ReplicaPort): void {
  const text =
    `${count} keys written by this node alone were set aside, as another node has reigned since: segue state orphans`;
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
  /** What a catch-up brought, of which so many pieces are applied, and what was written meanwhile. */
  readonly #pieces: Uint8Array[] = [];
  #applied = 0;
  readonly #live: Live[] = [];
  /** Of a write that came in part. It is done whole or not at all: if the rest never comes, it has not been. */
  readonly #parts: Rows[] = [];
  /** Last LSN of these, and the one up to which they must have come for the catch-up to be whole; null while it goes on. */
  #liveLsn: number;
  #wholeLsn: number | null = null;
  /** The catch-up is whole, and is being applied; it is in the table. */
  #begun = false;
  #finished = false;
  /** A turn is ordered that goes on. */
  #scheduled = false;
  /** Abandoned. */
  #over = false;
  #ackDue = false;

  constructor(copy: Copy, offer: Sync, tail: Tail, port: ReplicaPort, broken: () => void) {
    this.#broken = broken;
    this.#copy = copy;
    this.#offer = offer;
    this.#liveLsn = offer.upTo;
    this.#tail = tail;
    this.#port = port;
  }

  get sync(): number {
    return this.#offer.sync;
  }

  /**
   * More was written alone than can be asked for: what the source never had is set aside, some rows in a turn, and then the copy begins anew. Whatever ends this before
   * leaves the table as it was; rows that were set aside by then are so again.
   */
  giveUpTail(above: number, count = 0): void {
    const rows = this.#copy.table.rowsAbove(above, ASIDE_ROWS);
    if (rows.length > 0) {
      // A table read from the disk may have had later rows without being whole.
      const foreign = rows.filter(({ epoch, lsn }) => lsn > this.#offer.upTo || !this.#isKnown(epoch, lsn));
      if (foreign.length > 0) storeOrphans(foreign, this.#offer, this.#port);
      return this.#port.later(() => {
        if (!this.#over) this.giveUpTail(rows.at(-1)!.lsn, count + foreign.length);
      });
    }
    if (count > 0) sayOrphans(count, this.#port);
    this.#copy.startAnew();
    this.#port.changed();
    this.#broken();
  }

  /** False: it fits nothing, and all is to begin anew. */
  receive(message: Live): boolean {
    if (message.kind === "rows" && !message.live) return this.#bulk(message.rows);
    if (this.following) return this.#apply(message);
    this.#live.push(message);
    if (message.kind === "rows") this.#liveLsn = message.last;
    return this.#work();
  }

  #bulk(rows: Uint8Array): boolean {
    if (this.#wholeLsn !== null) return false;
    // All or nothing: what cannot be read is refused before anything is applied. (A full copy says so when it is.)
    if (!this.#copy.copying && PackedReader.open(rows) === null) return false;
    this.#pieces.push(rows);
    return this.#work();
  }

  #apply(message: Live): boolean {
    const copy = this.#copy, parts = this.#parts;
    if (message.kind === "reign") {
      if (parts.length > 0) return false;
      copy.addReign(message.reign);
      return true;
    }
    if (message.first !== (parts.at(-1)?.last ?? copy.table.lsn) + 1) return false;
    if (message.more || parts.length > 0) {
      if (PackedReader.open(message.rows) === null) return false;
      parts.push(message);
      if (message.more) return true;
    }
    for (const { rows, last, urgent } of parts.length > 0 ? parts.splice(0) : [message]) {
      if (!copy.applyPiece(rows, last, urgent)) return false;
      copy.table.restore(0, last);
    }
    this.#ackDue = true;
    return true;
  }

  /** All of the catch-up has come; it is whole with the live rows up to `lsn`: what was written again meanwhile comes with those. */
  done(lsn: number): boolean {
    if (this.#wholeLsn !== null) return false;
    this.#wholeLsn = lsn;
    return this.#work();
  }

  get #whole(): boolean {
    return this.#wholeLsn !== null && this.#liveLsn >= this.#wholeLsn;
  }

  /** One turn's share of what can be done; the rest of it after others have had theirs. False: something is missing. */
  #work(): boolean {
    if (this.#scheduled) return true;
    if (this.#whole && !this.#begun) this.#begin();
    if (this.#applied < this.#pieces.length && (this.#begun || this.#copy.copying)) {
      if (!this.#applyPiece()) return false;
    } else if (!this.#begun) return true;
    else if (!this.#applyLive()) return false;
    this.#scheduled = true;
    this.#port.later(() => {
      this.#scheduled = false;
      if (!this.#over && !this.following && !this.#work()) this.#broken();
    });
    return true;
  }

  #begin(): void {
    this.#begun = true;
    if (!this.#copy.copying) this.#copy.holdAt(this.#offer.common);
  }

  /** A full copy is stored as it comes; a catch-up when all of it is in the table. */
  #applyPiece(): boolean {
    const copy = this.#copy;
    if (copy.copying) return copy.applyPiece(this.#pieces.shift()!, 0, false);
    return copy.table.applyPacked(this.#pieces[this.#applied++]!) !== null;
  }

  /** What was written meanwhile, and what comes while that is applied. */
  #applyLive(): boolean {
    if (!this.#finished) this.#finish();
    let bytes = 0;
    for (let count = 0; count < TURN_MESSAGES && bytes < TURN_BYTES; count++) {
      const message = this.#live.shift();
      if (message === undefined) break;
      if (message.kind === "rows") bytes += message.rows.length;
      if (!this.#apply(message)) return false;
    }
    if (this.#live.length > 0) return true;
    this.following = true;
    this.#ackDue = true;
    this.#port.changed();
    return true;
  }

  #finish(): void {
    const { reigns, floor, upTo } = this.#offer, tail = this.#tail.rows;
    const pieces = this.#pieces.splice(0);
    this.#finished = true;
    if (pieces.length + tail.length === 0) return this.#copy.finish(reigns, floor, upTo);
    // Until the last piece is on the disk, what stands there is neither the old state nor the new one.
    this.#copy.storeSlowly(pieces, () => {
      setAside(this.#foreign(), this.#offer, this.#port);
      if (tail.length > 0) this.#port.store({ kind: "forget", keys: tail.map(({ key }) => key) });
      this.#tail = NO_TAIL;
    });
    this.#copy.finish(reigns, floor, upTo);
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
    if (!this.#begun) {
      this.#tail.undo();
      this.#tail = NO_TAIL;
      return;
    }
    while (this.#applied < this.#pieces.length) if (!this.#applyPiece()) return;
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
