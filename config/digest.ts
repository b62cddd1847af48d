/** What both nodes must agree on, as eight bytes in each heartbeat. */
import { sha256 } from "@noble/hashes/sha2.js";
import { DIGEST_BYTES } from "../control/core/heartbeat.ts";
import type { PairConfig } from "./model.ts";

export { DIGEST_BYTES };

/** Changes when the meaning of the digested list changes, so that two versions never agree by accident. */
const DIGEST_FORM = "segue pair digest 1";

/**
 * SHA-256, cut to eight bytes, over what makes a pair: name, nodes and their paths, groups with their addresses and
 * interfaces, wire, prefer, preempt, the gateway and the arbiter that are asked in isolation, and the times on which the safety of a takeover rests. The order of the file counts:
 * nodes, groups and links are told apart on the wire by their place in it. What a node may decide alone (key file,
 * tracks, services, drain, barrier, start_wait) is not in it.
 */
export function pairDigest(config: PairConfig): Uint8Array<ArrayBuffer> {
  const { pair, timing, nodes, groups, arbiter } = config;
  const agreed = [
    DIGEST_FORM,
    pair.name,
    [timing.heartbeatUs, timing.leaseUs, timing.deadAfterUs],
    nodes.map(({ name, paths }) => [name, paths.map(({ host, port }) => [host, port])]),
    groups.map(({ name, prefer, wire, shared, preempt, addresses, track }) => [
      name,
      prefer,
      // As it stood before there was another wire: an "announce" pair is upgraded one node at a time.
      wire === "shared" ? [wire, shared.mac] : wire,
      preempt,
      addresses.map(({ address, prefixLength, interface: device }) => [address, prefixLength, device]),
      // A group without one has the digest that it always had.
      ...track.flatMap((it) => it.kind === "gateway" ? [["gateway", it.gateway, it.interface]] : []),
    ]),
    // And so has a pair. Where its members are, and who asks them, may change one node at a time.
    ...(arbiter === undefined ? [] : [["arbiter", arbiter.timeoutUs, arbiter.prefix]]),
  ];
  const bytes = new TextEncoder().encode(JSON.stringify(agreed));
  return sha256(bytes).slice(0, DIGEST_BYTES);
}

/** The digest as people compare it: sixteen hex digits. */
export function formatDigest(digest: Uint8Array): string {
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
