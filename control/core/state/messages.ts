/**
 * What two copies of the state say to each other over the peer stream. One byte of type, one of group, then binary fields (big-endian) or
 * JSON where it is rare. What cannot be read is null: the caller counts it and starts the group's synchronisation anew.
 */
import type { Reign } from "./reigns.ts";

export interface CopyState {
  /** This node serves the group: its copy is the one that counts. */
  readonly serving: boolean;
  readonly lsn: number;
  readonly floor: number;
  /** A full copy into this table has not been finished. */
  readonly copying: boolean;
  readonly reigns: readonly Reign[];
}

export type CopyMessage =
  /** Both: what I have. On every connection, and whenever `serving` changes. */
  | ({ readonly kind: "state"; readonly group: number } & CopyState)
  /**
   * Source: follow me. Up to `common` we are the same; I send all rows above it up to `upTo`, and everything later as it happens.
   * `whole`: what you have is too old or too different; you get all rows.
   */
  | {
    readonly kind: "sync";
    readonly group: number;
    readonly sync: number;
    readonly common: number;
    readonly whole: boolean;
    readonly upTo: number;
    readonly floor: number;
    readonly reigns: readonly Reign[];
  }
  /** Follower: go on. These keys I had written otherwise; tell me what they are with you. */
  | { readonly kind: "ready"; readonly group: number; readonly sync: number; readonly keys: readonly string[] }
  /**
   * Source: rows, packed. `live`: as they are written, from `first` on; else some of those that the follower lacks. `urgent`: somebody
   * waits for them to be on the disk. `more`: the next message has more of the same write, which is done whole or not at all. (A version
   * that does not know the flag applies each message as it comes.)
   */
  | {
    readonly kind: "rows";
    readonly group: number;
    readonly sync: number;
    readonly live: boolean;
    readonly urgent: boolean;
    readonly more: boolean;
    readonly first: number;
    readonly last: number;
    readonly rows: Uint8Array;
  }
  /**
   * Source: that was all of them. What was written again meanwhile came with the live rows alone: whole is what you have only with those up
   * to `lsn`. (A version that does not know the field leaves it out: 0.)
   */
  | { readonly kind: "done"; readonly group: number; readonly sync: number; readonly lsn: number }
  /** Follower: I have everything up to here, in memory and on the disk. */
  | {
    readonly kind: "ack";
    readonly group: number;
    readonly sync: number;
    readonly received: number;
    readonly durable: number;
  }
  /** Source: from the next row on another reign writes. */
  | { readonly kind: "reign"; readonly group: number; readonly sync: number; readonly reign: Reign }
  /** Old node of a switchover: the last row is this one; nothing comes behind it. */
  | { readonly kind: "sealed"; readonly group: number; readonly switchId: number; readonly lsn: number };

const KINDS = ["state", "sync", "ready", "rows", "done", "ack", "reign", "sealed"] as const;
const ROWS_HEAD = 2 + 4 + 1 + 8 + 8;
const LIVE = 1, URGENT_ROWS = 2, MORE = 4;
const ACK_BYTES = 2 + 4 + 8 + 8;

export function encodeCopyMessage(message: CopyMessage): Uint8Array<ArrayBuffer> {
  switch (message.kind) {
    case "rows": {
      const { out, view } = start(message, ROWS_HEAD + message.rows.length);
      view.setUint32(2, message.sync);
      view.setUint8(6, (message.live ? LIVE : 0) | (message.urgent ? URGENT_ROWS : 0) | (message.more ? MORE : 0));
      view.setFloat64(7, message.first);
      view.setFloat64(15, message.last);
      out.set(message.rows, ROWS_HEAD);
      return out;
    }
    case "ack": {
      const { out, view } = start(message, ACK_BYTES);
      view.setUint32(2, message.sync);
      view.setFloat64(6, message.received);
      view.setFloat64(14, message.durable);
      return out;
    }
    default: {
      const body = new TextEncoder().encode(JSON.stringify(message));
      const { out } = start(message, 2 + body.length);
      out.set(body, 2);
      return out;
    }
  }
}

function start(message: CopyMessage, length: number) {
  const out = new Uint8Array(length);
  out[0] = KINDS.indexOf(message.kind);
  out[1] = message.group;
  return { out, view: new DataView(out.buffer) };
}

/** Null for what is malformed. `rows` is a view of `bytes`. */
export function decodeCopyMessage(bytes: Uint8Array): CopyMessage | null {
  const kind = KINDS[bytes[0] ?? -1];
  if (kind === undefined || bytes.length < 2) return null;
  const group = bytes[1]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (kind === "rows") return decodeRowsMessage(bytes, view, group);
  if (kind === "ack") {
    if (bytes.length !== ACK_BYTES) return null;
    const received = view.getFloat64(6), durable = view.getFloat64(14);
    return isLsn(received) && isLsn(durable) ? { kind, group, sync: view.getUint32(2), received, durable } : null;
  }
  try {
    const body: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(2)));
    return isObject(body) ? checkBody(kind, group, body) : null;
  } catch {
    return null;
  }
}

function decodeRowsMessage(bytes: Uint8Array, view: DataView, group: number): CopyMessage | null {
  if (bytes.length <= ROWS_HEAD) return null;
  const first = view.getFloat64(7), last = view.getFloat64(15);
  if (!isLsn(first) || !isLsn(last) || first > last) return null;
  const rows = bytes.subarray(ROWS_HEAD);
  const flags = bytes[6]!, has = (flag: number) => (flags & flag) !== 0;
  const live = has(LIVE), urgent = has(URGENT_ROWS), more = has(MORE);
  return { kind: "rows", group, sync: view.getUint32(2), live, urgent, more, first, last, rows };
}

type Body = Readonly<Record<string, unknown>>;

function checkBody(kind: Exclude<CopyMessage["kind"], "rows" | "ack">, group: number, b: Body): CopyMessage | null {
  const sync = isNumber(b.sync) ? b.sync : null;
  switch (kind) {
    case "state": {
      const reigns = readReigns(b.reigns);
      if (reigns === null || !isLsn(b.lsn) || !isLsn(b.floor)) return null;
      return {
        kind,
        group,
        serving: b.serving === true,
        lsn: b.lsn,
        floor: b.floor,
        copying: b.copying === true,
        reigns,
      };
    }
    case "sync": {
      const reigns = readReigns(b.reigns);
      if (sync === null || reigns === null || !isLsn(b.common) || !isLsn(b.upTo) || !isLsn(b.floor)) return null;
      return { kind, group, sync, common: b.common, whole: b.whole === true, upTo: b.upTo, floor: b.floor, reigns };
    }
    case "ready": {
      const keys = b.keys;
      if (sync === null || !Array.isArray(keys) || !keys.every((key) => typeof key === "string")) return null;
      return { kind, group, sync, keys };
    }
    case "done":
      return sync === null ? null : { kind, group, sync, lsn: isLsn(b.lsn) ? b.lsn : 0 };
    case "reign": {
      const reign = readReigns([b.reign])?.[0];
      return sync === null || reign === undefined ? null : { kind, group, sync, reign };
    }
    case "sealed":
      return isNumber(b.switchId) && isLsn(b.lsn) ? { kind, group, switchId: b.switchId, lsn: b.lsn } : null;
    default:
      return kind satisfies never;
  }
}

/** Reigns by epoch and LSN, both growing. */
function readReigns(value: unknown): readonly Reign[] | null {
  if (!Array.isArray(value)) return null;
  let last: Reign = { epoch: 0, firstLsn: 0 };
  const reigns: Reign[] = [];
  for (const entry of value as unknown[]) {
    if (!isObject(entry) || !isNumber(entry.epoch) || !isLsn(entry.firstLsn)) return null;
    if (entry.epoch <= last.epoch || entry.firstLsn <= last.firstLsn) return null;
    last = { epoch: entry.epoch, firstLsn: entry.firstLsn };
    reigns.push(last);
  }
  return reigns;
}

function isObject(value: unknown): value is Body {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function isLsn(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}

/** 32 bits. */
function isNumber(value: unknown): value is number {
  return isLsn(value) && value <= 0xffff_ffff;
}
