/** Transactions and questions to nf_tables of the calling thread's network namespace. */
import { KernelError } from "../errno.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "../netlink_socket.ts";
import { NftBatch } from "./batch.ts";
import { NF_INET_PRE_ROUTING, NFNLGRP_NFTABLES, NFPROTO_INET } from "./constants.ts";
import { queue, queueTarget } from "./expressions.ts";
import { addRule } from "./rule.ts";
import { addChain, addTable } from "./table.ts";

/** A transaction is one datagram; one of 255 leases is about 1 MiB. */
const SEND_BYTES = 8 << 20;

/** Opens a socket for transactions and questions. */
export function openNftables(): NetlinkSocket {
  return new NetlinkSocket(NETLINK_NETFILTER, { name: "nf_tables", sendBuffer: SEND_BYTES, receiveBuffer: 4 << 20 });
}

/** Opens a socket that hears of every change of nf_tables. */
export function openNftablesMonitor(): NetlinkSocket {
  const groups = [NFNLGRP_NFTABLES];
  return new NetlinkSocket(NETLINK_NETFILTER, { name: "nf_tables monitor", groups, receiveBuffer: 4 << 20 });
}

/** Carries out a transaction; throws `KernelError`, and then nothing has changed. */
export function commit(socket: NetlinkSocket, batch: NftBatch, operation: string): void {
  const failure = socket.exchange(batch.finish());
  if (failure !== 0) throw new KernelError(`nf_tables: ${operation}${socket.lastErrorText}`, failure);
}

/**
 * How packets get into an NFQUEUE here: by the `queue` expression, by the target of iptables, or not at all. Asks the
 * kernel to check a rule of each kind, which leaves nothing behind. Throws `KernelError` without CAP_NET_ADMIN.
 */
export function probeQueueKind(): "nft" | "xt" | null {
  const socket = new NetlinkSocket(NETLINK_NETFILTER, { name: "nf_tables" });
  try {
    for (const [kind, expression] of [["nft", queue(1)], ["xt", queueTarget(1)]] as const) {
      const table = { family: NFPROTO_INET, name: "segue_probe" };
      const batch = new NftBatch();
      addTable(batch, table);
      addChain(batch, table, "probe", { hook: NF_INET_PRE_ROUTING, priority: 0 });
      addRule(batch, table, "probe", expression);
      const failure = socket.exchange(batch.finishAsTrial());
      if (failure === 0) return kind;
      if (failure === 1) throw new KernelError("nf_tables: probe for NFQUEUE", failure);
    }
    return null;
  } finally {
    socket.close();
  }
}
