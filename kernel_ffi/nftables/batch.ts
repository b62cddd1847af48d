/**
 * A transaction of nf_tables as bytes: everything between BATCH_BEGIN and BATCH_END happens at once or not at all
 * (net/netfilter/nfnetlink.c, nfnetlink_rcv_batch). Pure.
 */
import { NetlinkWriter, NLM_F_ACK, NLM_F_REQUEST } from "../netlink.ts";
import { NFGENMSG_BYTES, NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_NFTABLES } from "./constants.ts";

/** A table by its family (NFPROTO_…) and name. */
export interface TableRef {
  readonly family: number;
  readonly name: string;
}

const NLMSG_FLAGS_OFFSET = 6;

/** Starts a message of nf_tables on any writer: netlink header, struct nfgenmsg. The caller ends it. */
export function beginNft(writer: NetlinkWriter, message: number, flags: number, family: number): NetlinkWriter {
  writer.begin(NFNL_SUBSYS_NFTABLES << 8 | message, flags | NLM_F_REQUEST);
  const at = writer.fixed(NFGENMSG_BYTES);
  writer.view.setUint8(at, family);
  return writer;
}

export class NftBatch {
  readonly #writer: NetlinkWriter;
  /** Where the last message starts, -1: there is none yet. */
  #last = -1;
  #finished = false;
  #sets = 0;

  constructor(capacity = 4096) {
    this.#writer = new NetlinkWriter(capacity);
    this.reset();
  }

  /** Forgets everything written, keeps the memory. */
  reset(): this {
    this.#writer.reset();
    this.#last = -1;
    this.#finished = false;
    this.#sets = 0;
    this.#frame(NFNL_MSG_BATCH_BEGIN);
    return this;
  }

  /** True while the transaction would change nothing. */
  get empty(): boolean {
    return this.#last < 0;
  }

  /** A number for a new set, its own within this transaction. */
  newSetId(): number {
    return ++this.#sets;
  }

  /** Starts a message; the caller writes its attributes and ends it. */
  message(message: number, flags: number, family: number): NetlinkWriter {
    if (this.#finished) throw new RangeError("write nf_tables message: the batch is finished");
    const at = this.#writer.length;
    beginNft(this.#writer, message, flags, family);
    this.#last = at;
    return this.#writer;
  }

  /**
   * The transaction's bytes. The last message asks for the acknowledgement, which the kernel sends after the commit (it
   * answers a BATCH_END that asks for one since 6.10 only); a message that fails is answered in any case.
   */
  finish(): Uint8Array<ArrayBuffer> {
    if (!this.#finished) {
      this.#acknowledgeLast();
      this.#frame(NFNL_MSG_BATCH_END);
      this.#finished = true;
    }
    return this.#writer.bytes();
  }

  /** The bytes without an end: the kernel checks every message, answers, and undoes everything. */
  finishAsTrial(): Uint8Array<ArrayBuffer> {
    this.#acknowledgeLast();
    this.#finished = true;
    return this.#writer.bytes();
  }

  #acknowledgeLast(): void {
    if (this.#last < 0) throw new RangeError("finish nf_tables batch: it is empty");
    const flags = this.#writer.view.getUint16(this.#last + NLMSG_FLAGS_OFFSET, true);
    this.#writer.view.setUint16(this.#last + NLMSG_FLAGS_OFFSET, flags | NLM_F_ACK, true);
  }

  #frame(type: number): void {
    this.#writer.begin(type, NLM_F_REQUEST);
    // struct nfgenmsg: AF_UNSPEC, version 0, the subsystem in the network's byte order
    const at = this.#writer.fixed(NFGENMSG_BYTES);
    this.#writer.view.setUint16(at + 2, NFNL_SUBSYS_NFTABLES);
    this.#writer.end();
  }
}
