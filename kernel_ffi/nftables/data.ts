/** Values and verdicts, as registers, elements and comparisons carry them (struct nft_data). Pure. */
import type { NetlinkWriter } from "../netlink.ts";
import { NF_ACCEPT, NF_DROP, NFT_GOTO, NFT_JUMP, NFT_RETURN } from "./constants.ts";

const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_VERDICT_CHAIN = 2;

export type Verdict =
  | { readonly kind: "accept" | "drop" | "return" }
  | { readonly kind: "goto" | "jump"; readonly chain: string };

const CODES: Readonly<Record<Verdict["kind"], number>> = {
  accept: NF_ACCEPT,
  drop: NF_DROP,
  return: NFT_RETURN,
  goto: NFT_GOTO,
  jump: NFT_JUMP,
};

export const ACCEPT: Verdict = { kind: "accept" };
export const DROP: Verdict = { kind: "drop" };

/** To another chain, and not back. */
export function goTo(chain: string): Verdict {
  return { kind: "goto", chain };
}

/** An attribute that holds a value. */
export function writeValue(w: NetlinkWriter, attribute: number, value: Uint8Array): void {
  w.nest(attribute, (w) => w.bytesAttribute(NFTA_DATA_VALUE, value));
}

/** An attribute that holds a verdict. */
export function writeVerdict(w: NetlinkWriter, attribute: number, verdict: Verdict): void {
  const data = w.nestBegin(attribute);
  const nest = w.nestBegin(NFTA_DATA_VERDICT);
  w.u32be(NFTA_VERDICT_CODE, CODES[verdict.kind] >>> 0);
  if ("chain" in verdict) w.string(NFTA_VERDICT_CHAIN, verdict.chain);
  w.nestEnd(nest).nestEnd(data);
}
