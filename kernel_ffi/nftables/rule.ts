/** Rules and named counters. Pure. */
import { NLM_F_APPEND, NLM_F_CREATE } from "../netlink.ts";
import type { NftBatch, TableRef } from "./batch.ts";
import { NFT_MSG, NFT_OBJECT_COUNTER } from "./constants.ts";
import type { Expression } from "./expressions.ts";

const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_EXPRESSIONS = 4;
const NFTA_LIST_ELEM = 1;

const NFTA_OBJ_TABLE = 1;
const NFTA_OBJ_NAME = 2;
const NFTA_OBJ_TYPE = 3;
const NFTA_OBJ_DATA = 4;
const NFTA_COUNTER_BYTES = 1;
const NFTA_COUNTER_PACKETS = 2;

/** Adds a rule at the end of a chain. */
export function addRule(batch: NftBatch, table: TableRef, chain: string, ...expressions: readonly Expression[]): void {
  const w = batch.message(NFT_MSG.newRule, NLM_F_CREATE | NLM_F_APPEND, table.family);
  w.string(NFTA_RULE_TABLE, table.name).string(NFTA_RULE_CHAIN, chain);
  const list = w.nestBegin(NFTA_RULE_EXPRESSIONS);
  for (const write of expressions) {
    const nest = w.nestBegin(NFTA_LIST_ELEM);
    write(w);
    w.nestEnd(nest);
  }
  w.nestEnd(list).end();
}

/** Deletes all rules of a chain. */
export function flushChain(batch: NftBatch, table: TableRef, chain: string): void {
  const w = batch.message(NFT_MSG.delRule, 0, table.family);
  w.string(NFTA_RULE_TABLE, table.name).string(NFTA_RULE_CHAIN, chain).end();
}

/** Adds a counter that rules refer to by name. */
export function addCounter(batch: NftBatch, table: TableRef, name: string): void {
  const w = batch.message(NFT_MSG.newObject, NLM_F_CREATE, table.family);
  w.string(NFTA_OBJ_TABLE, table.name).string(NFTA_OBJ_NAME, name).u32be(NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
  w.nest(NFTA_OBJ_DATA, (w) => w.u64be(NFTA_COUNTER_BYTES, 0).u64be(NFTA_COUNTER_PACKETS, 0)).end();
}
