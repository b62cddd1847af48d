/** The virtual MACs of a shared wire. Pure: the same on both nodes. */
import { sha256 } from "@noble/hashes/sha2.js";
import { parseMac } from "../../kernel_ffi/address.ts";

/** Locally administered, for one station (IEEE 802-2014 8.2.2); spells SE. */
const PREFIX = [0x02, 0x53, 0x45] as const;
/** Tells the MAC of what is passed on from the one that clients know; leaves the two lowest bits alone. */
const PASSED_BIT = 0x04;

export interface VirtualMacs {
  /** What clients send to. Neither node ever sends from it. */
  readonly mac: Uint8Array;
  /** What the old node of a switchover sends on to. */
  readonly passedMac: Uint8Array;
}

/** @param configured MAC of the group, as text; null: made of the names */
export function virtualMacs(pair: string, group: string, device: string, configured: string | null): VirtualMacs {
  const mac = configured === null ? derive(pair, group, device) : parseMac(configured)!;
  const passedMac = mac.slice();
  passedMac[0]! ^= PASSED_BIT;
  return { mac, passedMac };
}

function derive(pair: string, group: string, device: string): Uint8Array {
  const hash = sha256(new TextEncoder().encode(`segue virtual MAC\0${pair}\0${group}\0${device}`));
  return Uint8Array.of(...PREFIX, ...hash.subarray(0, 3));
}
