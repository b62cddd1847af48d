/** Sets, verdict maps and their elements. Pure. */
import { type NetlinkWriter, NLM_F_CREATE } from "../netlink.ts";
import { beginNft, type NftBatch, type TableRef } from "./batch.ts";
import { NFT_DATA_VERDICT, NFT_MSG } from "./constants.ts";
import { type Verdict, writeValue, writeVerdict } from "./data.ts";

const NFTA_SET_TABLE = 1;
const NFTA_SET_NAME = 2;
const NFTA_SET_FLAGS = 3;
const NFTA_SET_KEY_TYPE = 4;
const NFTA_SET_KEY_LEN = 5;
const NFTA_SET_DATA_TYPE = 6;
const NFTA_SET_DATA_LEN = 7;
const NFTA_SET_DESC = 9;
const NFTA_SET_ID = 10;
const NFTA_SET_USERDATA = 13;
const NFTA_SET_DESC_SIZE = 1;

const NFT_SET_MAP = 0x8;
const NFT_SET_TIMEOUT = 0x10;
const NFT_SET_EVAL = 0x20;

const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_LIST_ELEM = 1;
const NFTA_SET_ELEM_KEY = 1;
const NFTA_SET_ELEM_DATA = 2;
const NFTA_SET_ELEM_TIMEOUT = 4;

/**
 * What a key is. The kernel looks at the length only; `type` tells nft(8) how to print it (its datatype.h), and is what
 * that tool itself would have sent.
 */
export interface KeyType {
  readonly type: number;
  readonly bytes: number;
  /** A number in the machine's byte order; tells nft(8) only. */
  readonly hostOrder?: boolean;
}

/**
 * What nft(8) remembers of a set: byte order of the key (1: the machine's, 2: the network's), and of a map that its data
 * has none and is no interval. Type, length 4, value (libnftnl/udata.h: 0 KEYBYTEORDER, 1 DATABYTEORDER, 6 DATA_INTERVAL).
 */
function userdata(set: SetSpec): Uint8Array {
  const key = [0, 4, set.key.hostOrder ? 1 : 2, 0, 0, 0];
  return new Uint8Array(set.verdicts ? [...key, 1, 4, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0] : key);
}

export const KEY_IPV4: KeyType = { type: 7, bytes: 4 };
export const KEY_IPV6: KeyType = { type: 8, bytes: 16 };
export const KEY_ETHER: KeyType = { type: 9, bytes: 6 };
export const KEY_MARK: KeyType = { type: 19, bytes: 4, hostOrder: true };
export const KEY_NFPROTO: KeyType = { type: 2, bytes: 1, hostOrder: true };

export interface SetSpec {
  readonly name: string;
  readonly key: KeyType;
  /** Keys lead to verdicts. */
  readonly verdicts?: boolean;
  /** Elements can expire. */
  readonly timeouts?: boolean;
  /** Packets change it. Elements that expired or were deleted count towards the size until they are collected. */
  readonly dynamic?: boolean;
  /** Elements at most. */
  readonly size?: number;
}

export function addSet(batch: NftBatch, table: TableRef, set: SetSpec): void {
  const w = batch.message(NFT_MSG.newSet, NLM_F_CREATE, table.family);
  w.string(NFTA_SET_TABLE, table.name).string(NFTA_SET_NAME, set.name);
  const flags = (set.verdicts ? NFT_SET_MAP : 0) | (set.timeouts ? NFT_SET_TIMEOUT : 0) |
    (set.dynamic ? NFT_SET_EVAL : 0);
  w.u32be(NFTA_SET_FLAGS, flags).u32be(NFTA_SET_KEY_TYPE, set.key.type).u32be(NFTA_SET_KEY_LEN, set.key.bytes);
  if (set.verdicts) w.u32be(NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT).u32be(NFTA_SET_DATA_LEN, 0);
  w.u32be(NFTA_SET_ID, batch.newSetId());
  const { size } = set;
  if (size !== undefined) w.nest(NFTA_SET_DESC, (w) => w.u32be(NFTA_SET_DESC_SIZE, size));
  w.bytesAttribute(NFTA_SET_USERDATA, userdata(set));
  w.end();
}

export interface Element {
  readonly key: Uint8Array;
  readonly verdict?: Verdict;
  /** Milliseconds until it expires; the kernel rounds down to jiffies. */
  readonly timeoutMs?: number;
}

/** Adds elements; one that exists already keeps its old time-out. */
export function addElements(batch: NftBatch, table: TableRef, set: string, elements: readonly Element[]): void {
  if (elements.length === 0) return;
  elementList(batch.message(NFT_MSG.newElement, NLM_F_CREATE, table.family), table, set, elements).end();
}

/** Deletes elements; the batch fails with ENOENT if one is not there. */
export function deleteElements(batch: NftBatch, table: TableRef, set: string, elements: readonly Element[]): void {
  if (elements.length === 0) return;
  elementList(batch.message(NFT_MSG.delElement, 0, table.family), table, set, elements).end();
}

/** Deletes all elements; there may be none. */
export function flushSet(batch: NftBatch, table: TableRef, set: string): void {
  const w = batch.message(NFT_MSG.delElement, 0, table.family);
  w.string(NFTA_SET_ELEM_LIST_SET, set).string(NFTA_SET_ELEM_LIST_TABLE, table.name).end();
}

/** A request (outside a transaction) for one element; answered with ENOENT where it is not there or has expired. */
export function getElement(w: NetlinkWriter, table: TableRef, set: string, key: Uint8Array, flags: number): void {
  elementList(beginNft(w, NFT_MSG.getElement, flags, table.family), table, set, [{ key }]).end();
}

function elementList(w: NetlinkWriter, table: TableRef, set: string, elements: readonly Element[]): NetlinkWriter {
  w.string(NFTA_SET_ELEM_LIST_SET, set).string(NFTA_SET_ELEM_LIST_TABLE, table.name);
  const list = w.nestBegin(NFTA_SET_ELEM_LIST_ELEMENTS);
  for (const element of elements) {
    const nest = w.nestBegin(NFTA_LIST_ELEM);
    if (element.timeoutMs !== undefined) w.u64be(NFTA_SET_ELEM_TIMEOUT, element.timeoutMs);
    writeValue(w, NFTA_SET_ELEM_KEY, element.key);
    if (element.verdict !== undefined) writeVerdict(w, NFTA_SET_ELEM_DATA, element.verdict);
    w.nestEnd(nest);
  }
  return w.nestEnd(list);
}
