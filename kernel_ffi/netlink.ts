/**
 * Netlink messages and attributes as bytes (linux/netlink.h). Pure: the socket is in netlink_socket.ts.
 *
 * Headers are in the machine's byte order; Deno runs on little-endian machines only. What attributes hold is in either
 * order, as their family wants it: nf_tables speaks the network's, rtnetlink the machine's.
 */

/** Type of an answer that only says whether a request succeeded (error 0: it did). */
export const NLMSG_ERROR = 2;
/** Type of the last message of a dump. */
export const NLMSG_DONE = 3;
/** The first type that belongs to a family. */
export const NLMSG_MIN_TYPE = 0x10;

export const NLM_F_REQUEST = 0x001;
export const NLM_F_MULTI = 0x002;
export const NLM_F_ACK = 0x004;
/** A dump that was changed while it was read: read it again. */
export const NLM_F_DUMP_INTR = 0x010;
// For GET requests.
export const NLM_F_DUMP = 0x300;
// For NEW requests.
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
// For acknowledgements.
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;

/** Flag of an attribute that holds attributes. */
export const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;

export const NLMSG_HEADER_BYTES = 16;
export const NLA_HEADER_BYTES = 4;

const NLMSGERR_ATTR_MSG = 1;
const NLMSGERR_ATTR_OFFS = 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Without bit operators: a length that somebody else tells may have its highest bit set, and would become negative. */
function aligned(length: number): number {
  return Math.ceil(length / 4) * 4;
}

/**
 * Writes messages one after another into a buffer that grows and is used again after `reset`. What is written is
 * `bytes()`, valid until the next write. Methods return the writer, so that a message reads like its definition.
 */
export class NetlinkWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #length = 0;
  #message = -1;

  constructor(capacity = 4096) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** What was written, without a copy. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets everything written, keeps the memory. */
  reset(): this {
    this.#length = 0;
    this.#message = -1;
    return this;
  }

  /** Starts a message. A sequence number of 0 is filled in by `NetlinkSocket`. */
  begin(type: number, flags: number, seq = 0, pid = 0): this {
    if (this.#message >= 0) throw new RangeError("begin netlink message: the one before has not ended");
    const at = this.fixed(NLMSG_HEADER_BYTES);
    this.#message = at;
    this.#view.setUint16(at + 4, type, true);
    this.#view.setUint16(at + 6, flags, true);
    this.#view.setUint32(at + 8, seq, true);
    this.#view.setUint32(at + 12, pid, true);
    return this;
  }

  /** Ends the message that was begun: fills in its length. */
  end(): this {
    if (this.#message < 0) throw new RangeError("end netlink message: none was begun");
    this.#view.setUint32(this.#message, this.#length - this.#message, true);
    this.#message = -1;
    return this;
  }

  /** Reserves `length` zero bytes (a family's own header, padded to four) and returns where they start. */
  fixed(length: number): number {
    const at = this.#length;
    const end = at + aligned(length);
    this.#reserve(end);
    this.#bytes.fill(0, at, end);
    this.#length = end;
    return at;
  }

  /** Bytes of a family's own header, padded to four. */
  put(bytes: Uint8Array): this {
    const at = this.fixed(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** The memory behind, for the fields of a `fixed` part. Every write may move it: ask for it after `fixed`, not before. */
  get view(): DataView<ArrayBuffer> {
    return this.#view;
  }

  u8(type: number, value: number): this {
    const at = this.#attribute(type, 1);
    this.#view.setUint8(at, value);
    return this;
  }

  /** In the machine's byte order. */
  u16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  /** In the machine's byte order. */
  u32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  /** In the machine's byte order; exact up to 2^53. */
  u64(type: number, value: number): this {
    const at = this.#attribute(type, 8);
    this.#view.setUint32(at, value % 0x1_0000_0000, true);
    this.#view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
    return this;
  }

  /** In the network's byte order. */
  u16be(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value);
    return this;
  }

  /** In the network's byte order. */
  u32be(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value);
    return this;
  }

  /** In the network's byte order; exact up to 2^53. */
  u64be(type: number, value: number): this {
    const at = this.#attribute(type, 8);
    this.#view.setUint32(at, Math.floor(value / 0x1_0000_0000));
    this.#view.setUint32(at + 4, value % 0x1_0000_0000);
    return this;
  }

  bytesAttribute(type: number, bytes: Uint8Array): this {
    const at = this.#attribute(type, bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** Text with its closing zero. */
  string(type: number, text: string): this {
    const bytes = encoder.encode(text);
    const at = this.#attribute(type, bytes.length + 1);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** An attribute without a value. */
  flag(type: number): this {
    this.#attribute(type, 0);
    return this;
  }

  /** Starts an attribute that holds attributes; give what this returns to `nestEnd`. Marks it with NLA_F_NESTED. */
  nestBegin(type: number): number {
    return this.#attribute(type | NLA_F_NESTED, 0) - NLA_HEADER_BYTES;
  }

  /** Ends the attribute that `nestBegin` started. */
  nestEnd(start: number): this {
    const length = this.#length - start;
    if (length > 0xffff) throw new RangeError(`end netlink attribute: ${length} bytes do not fit`);
    this.#view.setUint16(start, length, true);
    return this;
  }

  /** An attribute that holds what `body` writes. */
  nest(type: number, body: (writer: this) => void): this {
    const start = this.nestBegin(type);
    body(this);
    return this.nestEnd(start);
  }

  /**
   * Writes an attribute's header and zeros of its length; returns where the value goes. May move the memory: call it
   * before `this.#view` is read, which an argument is not.
   */
  #attribute(type: number, length: number): number {
    if (length + NLA_HEADER_BYTES > 0xffff) throw new RangeError(`write netlink attribute: ${length} bytes do not fit`);
    const at = this.fixed(NLA_HEADER_BYTES + length);
    this.#view.setUint16(at, NLA_HEADER_BYTES + length, true);
    this.#view.setUint16(at + 2, type, true);
    return at + NLA_HEADER_BYTES;
  }

  #reserve(end: number): void {
    if (end <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** A view of a whole array, wherever in its memory it lies. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly seq: number;
  /** Port of the asker; 0 for what the kernel says by itself. */
  readonly pid: number;
  /** Where the header ends and the payload starts. */
  readonly payloadOffset: number;
  /** Where the payload ends (without padding). */
  readonly end: number;
}

/** The messages in the first `length` bytes of a buffer. Ends quietly at one that is cut short or malformed. */
export function* messages(buffer: Uint8Array, length: number): Generator<NetlinkMessage> {
  const view = viewOf(buffer);
  let at = 0;
  while (at + NLMSG_HEADER_BYTES <= length) {
    const bytes = view.getUint32(at, true);
    if (bytes < NLMSG_HEADER_BYTES || at + bytes > length) return;
    yield {
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      seq: view.getUint32(at + 8, true),
      pid: view.getUint32(at + 12, true),
      payloadOffset: at + NLMSG_HEADER_BYTES,
      end: at + bytes,
    };
    at += aligned(bytes);
  }
}

export interface NetlinkAttribute {
  /** Without the flags in its upper two bits. */
  readonly type: number;
  /** Where its value starts. */
  readonly offset: number;
  /** Where its value ends (without padding). */
  readonly end: number;
}

/** The attributes between two offsets. Ends quietly at one that is cut short or malformed. */
export function* attributes(view: DataView, from: number, to: number): Generator<NetlinkAttribute> {
  let at = from;
  while (at + NLA_HEADER_BYTES <= to) {
    const bytes = view.getUint16(at, true);
    if (bytes < NLA_HEADER_BYTES || at + bytes > to) return;
    yield { type: view.getUint16(at + 2, true) & NLA_TYPE_MASK, offset: at + NLA_HEADER_BYTES, end: at + bytes };
    at += aligned(bytes);
  }
}

/** The first attribute of a type between two offsets, or null. */
export function findAttribute(view: DataView, from: number, to: number, type: number): NetlinkAttribute | null {
  for (const attribute of attributes(view, from, to)) if (attribute.type === type) return attribute;
  return null;
}

/** Text of a string attribute, up to its closing zero. */
export function attributeText(view: DataView, attribute: NetlinkAttribute): string {
  let end = attribute.offset;
  while (end < attribute.end && view.getUint8(end) !== 0) end++;
  return decoder.decode(new Uint8Array(view.buffer, view.byteOffset + attribute.offset, end - attribute.offset));
}

/** A copy of an attribute's value. */
export function attributeBytes(view: DataView, attribute: NetlinkAttribute): Uint8Array<ArrayBuffer> {
  const { offset, end } = attribute;
  return new Uint8Array(view.buffer, view.byteOffset + offset, end - offset).slice() as Uint8Array<ArrayBuffer>;
}

/** A value in the machine's byte order; null for one cut short. */
export function attributeU32(view: DataView, { offset, end }: NetlinkAttribute): number | null {
  return end - offset < 4 ? null : view.getUint32(offset, true);
}

/** A value in the network's byte order; null for one cut short. */
export function attributeU32be(view: DataView, { offset, end }: NetlinkAttribute): number | null {
  return end - offset < 4 ? null : view.getUint32(offset);
}

/** A 64-bit value in the network's byte order, exact up to 2^53; null for one cut short. */
export function attributeU64be(view: DataView, attribute: NetlinkAttribute): number | null {
  if (attribute.end - attribute.offset < 8) return null;
  return view.getUint32(attribute.offset) * 0x1_0000_0000 + view.getUint32(attribute.offset + 4);
}

export interface NetlinkError {
  /** Positive errno; 0: the request was carried out. */
  readonly errno: number;
  /** Type of the message that is answered. */
  readonly requestType: number;
  /** What the kernel says about it in words, or "" (NETLINK_EXT_ACK). */
  readonly text: string;
  /** Byte of the request at which it fails, or -1. */
  readonly offset: number;
}

/** Reads an NLMSG_ERROR (struct nlmsgerr and extended acknowledgement); null for one cut short. */
export function decodeError(view: DataView, message: NetlinkMessage): NetlinkError | null {
  const { payloadOffset, end, flags } = message;
  if (end - payloadOffset < 4 + NLMSG_HEADER_BYTES) return null;
  const requestLength = view.getUint32(payloadOffset + 4, true);
  const error = {
    errno: -view.getInt32(payloadOffset, true),
    requestType: view.getUint16(payloadOffset + 8, true),
    text: "",
    offset: -1,
  };
  if (error.errno === 0) error.errno = 0; // -0 is not 0 to a strict comparison
  if ((flags & NLM_F_ACK_TLVS) === 0) return error;
  // Unless capped, the request itself comes back first.
  const echoed = (flags & NLM_F_CAPPED) !== 0 ? NLMSG_HEADER_BYTES : aligned(requestLength);
  for (const attribute of attributes(view, payloadOffset + 4 + echoed, end)) {
    if (attribute.type === NLMSGERR_ATTR_MSG) error.text = attributeText(view, attribute);
    else if (attribute.type === NLMSGERR_ATTR_OFFS) error.offset = attributeU32(view, attribute) ?? error.offset;
  }
  return error;
}
