/**
 * The side that receives. A catch-up is applied in one step when it is whole: until then the table stays what it was, the source's at some
 * LSN. Only a full copy, for a table that is worth nothing anyway, is applied as it comes.
 */
import type { Copy } from "./copy.ts";
import type { CopyMessage } from "./messages.ts";
import { lastEpoch } from "./reigns.ts";
import { type ReplicaPort, URGENT } from "./replica_port.ts";

type Sync = Extract<CopyMessage, { kind: "sync" }>;
type Rows = Extract<CopyMessage, { kind: "rows" }>;
type Live = Rows | Extract<CopyMessage, { kind: "reign" }>;

/** With more keys written alone than this, or longer ones, everything is copied anew. */
const ASKED_MAX = 20_000;
const ASKED_LENGTH_MAX = 1 << 20;
/** Rows set aside at a time. */
const ORPHANS_STEP = 1000;

/**
 * Makes a copy ready for what a source offers: rows that the source does not have are set aside. Null if the offer counts on something that
 * is not so (any more): the copy's state is to be told again, and gets another offer.
 */
export function accept(copy: Copy, offer: Sync, port: ReplicaPort): FollowerSide | null {
  const { common, upTo, whole } = offer;
  if (common > copy.lsn || common > upTo) return null;
  const asked = copy.copying ? null : setAside(copy, common, lastEpoch({ reigns: offer.reigns, lsn: upTo }), port);
  if (whole || asked === null) {
    copy.startAnew();
    if (!whole) return null;
  }
  port.send(URGENT, { kind: "ready", group: copy.group, sync: offer.sync, keys: whole ? [] : asked ?? [] });
  return new FollowerSide(copy, offer, port);
}

/** Rows that the source does not have: kept apart. Their keys; null if they are too many to be asked for one by one. */
function setAside(copy: Copy, common: number, foundByEpoch: number, port: ReplicaPort): string[] | null {
  const keys: string[] = [];
  let count = 0, length = 0;
  for (;;) {
    const rows = copy.table.takeAbove(common, ORPHANS_STEP);
    if (rows.length === 0) break;
    const taken = rows.map(({ key }) => key);
    count += rows.length;
    for (const key of taken) length += key.length;
    port.store({ kind: "orphans", rows, foundByEpoch });
    port.store({ kind: "forget", keys: taken });
    if (count <= ASKED_MAX && length <= ASKED_LENGTH_MAX) keys.push(...taken);
  }
  if (count === 0) return keys;
  copy.cutOff(common);
  const text =
    `${count} keys written by this node alone were set aside, as another node has reigned since: segue state orphans`;
  port.event("alarm", "orphans", text);
  return keys.length === count ? keys : null;
}

export class FollowerSide {
  /** Everything that the source has is here, and each write comes as it happens. */
  following = false;
  readonly #copy: Copy;
  readonly #offer: Sync;
  readonly #port: ReplicaPort;
  /** What a catch-up brought, and what was written meanwhile. */
  readonly #pieces: Uint8Array[] = [];
  readonly #live: Live[] = [];
  #ackDue = false;

  constructor(copy: Copy, offer: Sync, port: ReplicaPort) {
    this.#copy = copy;
    this.#offer = offer;
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
    if (this.following) return false;
    if (this.#copy.copying) return this.#copy.applyPiece(rows, 0, false);
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

  /** The catch-up is whole: applied, then what was written meanwhile. */
  done(): boolean {
    if (this.following) return false;
    const { reigns, floor, upTo } = this.#offer;
    if (!this.#copy.copying && this.#pieces.length > 0) {
      // Until the last piece is on the disk, what stands there is neither the old state nor the new one.
      this.#port.store({ kind: "position", lsn: 0, floor: 0, copying: true, reigns: [] });
    }
    for (const piece of this.#pieces.splice(0)) if (!this.#copy.applyPiece(piece, 0, false)) return false;
    this.#copy.finish(reigns, floor, upTo);
    this.following = true;
    this.#ackDue = true;
    for (const message of this.#live.splice(0)) if (!this.#apply(message)) return false;
    this.#port.changed();
    return true;
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
