/**
 * Tries the kinds of rules that segue makes. Each goes to the kernel as a transaction without an end, in a network
 * namespace that exists for this only: the kernel checks it, answers, and forgets it.
 */
import { errnoName } from "../../kernel_ffi/errno.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "../../kernel_ffi/netlink_socket.ts";
import { NftBatch, type TableRef } from "../../kernel_ffi/nftables/batch.ts";
import {
  NF_INET_PRE_ROUTING,
  NF_NETDEV_EGRESS,
  NF_NETDEV_INGRESS,
  NFPROTO_INET,
  NFPROTO_NETDEV,
} from "../../kernel_ffi/nftables/constants.ts";
import { ACCEPT } from "../../kernel_ffi/nftables/data.ts";
import {
  countIn,
  type Expression,
  forward,
  meta,
  payload,
  payloadWrite,
  queue,
  queueTarget,
  remove,
  update,
  verdictOf,
} from "../../kernel_ffi/nftables/expressions.ts";
import { addCounter, addRule } from "../../kernel_ffi/nftables/rule.ts";
import { addElements, addSet, KEY_IPV4, KEY_NFPROTO } from "../../kernel_ffi/nftables/set.ts";
import { addChain, addTable } from "../../kernel_ffi/nftables/table.ts";
import type { Problem } from "../problem.ts";
import { hostProblem } from "./context.ts";
import { inOwnNamespace } from "./fresh_namespace.ts";
import { mayAdministerNetwork } from "./rights.ts";

const NETDEV: TableRef = { family: NFPROTO_NETDEV, name: "segue" };
const INET: TableRef = { family: NFPROTO_INET, name: "segue" };

/** What is tried, what its absence costs, and the kernel's name for it. */
export interface Trial {
  readonly key: string;
  readonly missing: string;
  readonly hint: string;
  readonly build: (batch: NftBatch) => void;
}

const TRIALS: readonly Trial[] = [
  {
    key: "nf_tables",
    missing: "this kernel has no nf_tables: there can be no lease and no gate",
    hint: "a kernel with CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET and CONFIG_NF_TABLES_NETDEV",
    build: (batch) => {
      addTable(batch, INET);
      addTable(batch, NETDEV);
    },
  },
  {
    key: "egress",
    missing: "nf_tables has no egress hook for interfaces: nothing could refresh a lease or shut the gate outwards",
    hint: "Linux 5.16 or newer with CONFIG_NETFILTER_EGRESS",
    build: (batch) => netdevChain(batch, NF_NETDEV_EGRESS),
  },
  {
    key: "lease",
    missing: "rules cannot refresh an element with a time-out: there can be no lease",
    hint: "Linux 5.16 or newer with the whole of nf_tables",
    build: (batch) => {
      netdevChain(batch, NF_NETDEV_EGRESS);
      addSet(batch, NETDEV, { name: "lease", key: KEY_NFPROTO, timeouts: true, dynamic: true, size: 2 });
      addCounter(batch, NETDEV, "refused");
      addRule(batch, NETDEV, "c", meta("nfproto"), update("lease", 20), remove("lease"), countIn("refused"));
    },
  },
  {
    key: "gate",
    missing: "rules cannot choose by address: there can be no gate",
    hint: "a kernel whose nf_tables has verdict maps",
    build: (batch) => {
      netdevChain(batch, NF_NETDEV_INGRESS);
      addSet(batch, NETDEV, { name: "gate", key: KEY_IPV4, verdicts: true, size: 2 });
      addElements(batch, NETDEV, "gate", [{ key: Uint8Array.of(192, 0, 2, 1), verdict: ACCEPT }]);
      addRule(batch, NETDEV, "c", payload("network", 12, 4), verdictOf("gate"));
    },
  },
  {
    key: "pass",
    missing: "rules cannot send packets on to the other node: a switchover would lose what is under way",
    hint: "a kernel with CONFIG_NFT_FWD_NETDEV",
    build: (batch) => {
      netdevChain(batch, NF_NETDEV_INGRESS);
      addRule(batch, NETDEV, "c", payload("link", 0, 6), payloadWrite("link", 6, 6), meta("iif"), forward());
    },
  },
];

/** Packets reach the queue by either of these. */
const QUEUE_TRIALS: readonly ((number: number) => Expression)[] = [queue, queueTarget];

export function checkRules(): readonly Problem[] {
  // Without the right to make rules everything fails, and the rights are another check's problem.
  if (!mayAdministerNetwork()) return [];
  return inOwnNamespace(tryRules) ?? [hostProblem(
    "rules",
    "the kernel's rules could not be tried: no network namespace for it",
    "run the check as root",
    "warning",
  )];
}

function tryRules(): Problem[] {
  const socket = new NetlinkSocket(NETLINK_NETFILTER, { name: "nf_tables trial" });
  try {
    const problems = tryEach(socket, TRIALS);
    // Without the rest the queue's rule would fail for the same reason.
    if (problems.length > 0) return problems;
    const queues = QUEUE_TRIALS.map((expression) => tryBatch(socket, (batch) => queueRule(batch, expression(1))));
    if (queues.some((failure) => failure === 0)) return [];
    return [hostProblem(
      "queue",
      `rules cannot put packets into an NFQUEUE (${queues.map(errnoName).join(", ")}): a switchover could hold nothing`,
      "a kernel with CONFIG_NFT_QUEUE, or with CONFIG_NFT_COMPAT and CONFIG_NETFILTER_XT_TARGET_NFQUEUE",
    )];
  } finally {
    socket.close();
  }
}

/** One problem for each trial that the kernel refuses. */
export function tryEach(socket: NetlinkSocket, trials: readonly Trial[]): Problem[] {
  return trials.flatMap(({ key, missing, hint, build }) => {
    const failure = tryBatch(socket, build);
    if (failure === 0) return [];
    return [hostProblem(key, `${missing} (${errnoName(failure)}${socket.lastErrorText})`, hint)];
  });
}

/** errno, 0 where the kernel would take it. */
function tryBatch(socket: NetlinkSocket, build: (batch: NftBatch) => void): number {
  const batch = new NftBatch();
  batch.reset();
  build(batch);
  return socket.exchange(batch.finishAsTrial());
}

function netdevChain(batch: NftBatch, hook: number): void {
  addTable(batch, NETDEV);
  addChain(batch, NETDEV, "c", { hook, priority: 0, device: "lo" });
}

function queueRule(batch: NftBatch, expression: Expression): void {
  addTable(batch, INET);
  addChain(batch, INET, "c", { hook: NF_INET_PRE_ROUTING, priority: -450 });
  addRule(batch, INET, "c", expression);
}
