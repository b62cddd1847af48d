/** Tables and chains of nf_tables. Pure. */
import { NLM_F_CREATE, NLM_F_EXCL } from "../netlink.ts";
import type { NftBatch, TableRef } from "./batch.ts";
import { NFT_MSG } from "./constants.ts";

const NFTA_TABLE_NAME = 1;
const NFTA_TABLE_FLAGS = 2;

const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4;
const NFTA_CHAIN_TYPE = 7;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_HOOK_PRIORITY = 2;
const NFTA_HOOK_DEV = 3;

/** Where packets enter a base chain. */
export interface Hook {
  readonly hook: number;
  /** Lower comes first. */
  readonly priority: number;
  /** Interface of a netdev chain; it must exist. */
  readonly device?: string;
}

/** Adds a table; one that exists already stays as it is, or fails the batch with EEXIST if the table is to be `fresh`. */
export function addTable(batch: NftBatch, table: TableRef, fresh = false): void {
  const w = batch.message(NFT_MSG.newTable, NLM_F_CREATE | (fresh ? NLM_F_EXCL : 0), table.family);
  w.string(NFTA_TABLE_NAME, table.name).u32be(NFTA_TABLE_FLAGS, 0).end();
}

/** Deletes a table with everything in it. The batch fails with ENOENT if there is none: add it first. */
export function deleteTable(batch: NftBatch, table: TableRef): void {
  batch.message(NFT_MSG.delTable, 0, table.family).string(NFTA_TABLE_NAME, table.name).end();
}

/** Adds a chain: a base chain of type filter and policy accept where a hook is given, else one to go to. */
export function addChain(batch: NftBatch, table: TableRef, name: string, hook?: Hook): void {
  const w = batch.message(NFT_MSG.newChain, NLM_F_CREATE, table.family);
  w.string(NFTA_CHAIN_TABLE, table.name).string(NFTA_CHAIN_NAME, name);
  if (hook !== undefined) {
    w.string(NFTA_CHAIN_TYPE, "filter");
    w.nest(NFTA_CHAIN_HOOK, (w) => {
      w.u32be(NFTA_HOOK_HOOKNUM, hook.hook).u32be(NFTA_HOOK_PRIORITY, hook.priority);
      if (hook.device !== undefined) w.string(NFTA_HOOK_DEV, hook.device);
    });
  }
  w.end();
}
