/** Reading nf_tables: requests and what answers them. Pure. */
import {
  attributes,
  attributeText,
  attributeU32be,
  attributeU64be,
  findAttribute,
  type NetlinkAttribute,
  NetlinkWriter,
  NLM_F_DUMP,
  viewOf,
} from "../netlink.ts";
import { beginNft, type TableRef } from "./batch.ts";
import { NFGENMSG_BYTES, NFNL_SUBSYS_NFTABLES, NFT_MSG, NFT_OBJECT_COUNTER } from "./constants.ts";
import { getElement } from "./set.ts";

const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4;
const NFTA_CHAIN_USE = 6;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_HOOK_DEV = 3;
const NFTA_OBJ_TABLE = 1;
const NFTA_OBJ_NAME = 2;
const NFTA_OBJ_TYPE = 3;
const NFTA_OBJ_DATA = 4;
const NFTA_COUNTER_PACKETS = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_LIST_ELEM = 1;
const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_KEY = 1;
const NFTA_SET_ELEM_EXPIRATION = 5;
const NFTA_SET_ELEM_EXPR = 7;
const NFTA_DATA_VALUE = 1;
const NFTA_EXPR_DATA = 2;
/** Every kind of message has the name of its table in this attribute. */
const NFTA_TABLE_NAME = 1;

/** Asks for a table; ENOENT where there is none. */
export function encodeGetTable(table: TableRef): Uint8Array<ArrayBuffer> {
  const w = beginNft(new NetlinkWriter(64), NFT_MSG.getTable, 0, table.family);
  return w.string(NFTA_TABLE_NAME, table.name).end().bytes();
}

/** Asks for one element; ENOENT where it is not there or has expired. */
export function encodeGetElement(table: TableRef, set: string, key: Uint8Array): Uint8Array<ArrayBuffer> {
  const w = new NetlinkWriter(256);
  getElement(w, table, set, key, 0);
  return w.bytes().slice();
}

/** Milliseconds that the first element of an answer has left, or null where it has no time-out, or is cut short. From its nfgenmsg on. */
export function decodeExpiration(view: DataView, payloadOffset: number, end: number): number | null {
  const list = findAttribute(view, payloadOffset + NFGENMSG_BYTES, end, NFTA_SET_ELEM_LIST_ELEMENTS);
  const element = list && findAttribute(view, list.offset, list.end, NFTA_LIST_ELEM);
  const left = element && findAttribute(view, element.offset, element.end, NFTA_SET_ELEM_EXPIRATION);
  return left && attributeU64be(view, left);
}

/** Asks for all elements of a set that have not expired. */
export function encodeGetElements(table: TableRef, set: string): Uint8Array<ArrayBuffer> {
  const w = beginNft(new NetlinkWriter(128), NFT_MSG.getElement, NLM_F_DUMP, table.family);
  w.string(NFTA_SET_ELEM_LIST_SET, set).string(NFTA_SET_ELEM_LIST_TABLE, table.name).end();
  return w.bytes();
}

/** An element that counts what has come for it. */
export interface CountedElement {
  readonly key: Uint8Array;
  readonly packets: number;
}

/** The elements in one answer; those without a counter, or cut short, are left out. */
export function decodeCountedElements(payload: Uint8Array): CountedElement[] {
  const view = viewOf(payload);
  const list = findAttribute(view, NFGENMSG_BYTES, payload.length, NFTA_SET_ELEM_LIST_ELEMENTS);
  const found: CountedElement[] = [];
  if (!list) return found;
  for (const element of attributes(view, list.offset, list.end)) {
    const key = findAttribute(view, element.offset, element.end, NFTA_SET_ELEM_KEY);
    const value = key && findAttribute(view, key.offset, key.end, NFTA_DATA_VALUE);
    const counter = findAttribute(view, element.offset, element.end, NFTA_SET_ELEM_EXPR);
    const data = counter && findAttribute(view, counter.offset, counter.end, NFTA_EXPR_DATA);
    const packets = data && counted(view, data);
    if (!value || packets === null) continue;
    found.push({ key: payload.slice(value.offset, value.end), packets });
  }
  return found;
}

/** Asks for all counters of a table. */
export function encodeGetCounters(table: TableRef): Uint8Array<ArrayBuffer> {
  const w = beginNft(new NetlinkWriter(256), NFT_MSG.getObject, NLM_F_DUMP, table.family);
  w.string(NFTA_OBJ_TABLE, table.name).u32be(NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER).end();
  return w.bytes();
}

/** Name and packets of a counter; null for another kind of object, or one cut short. */
export function decodeCounter(payload: Uint8Array): { readonly name: string; readonly packets: number } | null {
  const view = viewOf(payload);
  const name = findAttribute(view, NFGENMSG_BYTES, payload.length, NFTA_OBJ_NAME);
  const data = findAttribute(view, NFGENMSG_BYTES, payload.length, NFTA_OBJ_DATA);
  const packets = data && counted(view, data);
  return name && packets !== null ? { name: attributeText(view, name), packets } : null;
}

/** Packets of what a counter holds; null where it does not say, or is cut short. */
function counted(view: DataView, data: NetlinkAttribute): number | null {
  const packets = findAttribute(view, data.offset, data.end, NFTA_COUNTER_PACKETS);
  return packets && attributeU64be(view, packets);
}

/** Asks for all chains of a family. (A table cannot be named in a dump before kernel 6.1: filter the answers.) */
export function encodeGetChains(family: number): Uint8Array<ArrayBuffer> {
  return beginNft(new NetlinkWriter(64), NFT_MSG.getChain, NLM_F_DUMP, family).end().bytes();
}

export interface ChainInfo {
  readonly table: string;
  readonly name: string;
  /** Rules in it, and rules and elements that lead to it. */
  readonly uses: number;
  /** Of a base chain only. */
  readonly hook: number | null;
  /** Interface of a netdev base chain that is hooked in. */
  readonly device: string | null;
}

export function decodeChain(payload: Uint8Array): ChainInfo {
  const view = viewOf(payload);
  const chain = { table: "", name: "", uses: 0, hook: null as number | null, device: null as string | null };
  for (const attribute of attributes(view, NFGENMSG_BYTES, payload.length)) {
    if (attribute.type === NFTA_CHAIN_TABLE) chain.table = attributeText(view, attribute);
    else if (attribute.type === NFTA_CHAIN_NAME) chain.name = attributeText(view, attribute);
    else if (attribute.type === NFTA_CHAIN_USE) chain.uses = attributeU32be(view, attribute) ?? 0;
    else if (attribute.type === NFTA_CHAIN_HOOK) {
      const hook = findAttribute(view, attribute.offset, attribute.end, NFTA_HOOK_HOOKNUM);
      const device = findAttribute(view, attribute.offset, attribute.end, NFTA_HOOK_DEV);
      if (hook) chain.hook = attributeU32be(view, hook);
      if (device) chain.device = attributeText(view, device);
    }
  }
  return chain;
}

/** Which table a notification is about; null for one about no table (a new generation) or of another subsystem. */
export function decodeNotifiedTable(view: DataView, type: number, payloadOffset: number, end: number): TableRef | null {
  if (type >> 8 !== NFNL_SUBSYS_NFTABLES || (type & 0xff) === NFT_MSG.newGeneration) return null;
  if (end - payloadOffset < NFGENMSG_BYTES) return null;
  const name = findAttribute(view, payloadOffset + NFGENMSG_BYTES, end, NFTA_TABLE_NAME);
  return name && { family: view.getUint8(payloadOffset), name: attributeText(view, name) };
}
