/** Addresses as text, as bytes, and as the kernel's `struct sockaddr`. Pure. */

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** sizeof(struct sockaddr_in) and of struct sockaddr_in6 (linux/in.h, in6.h). */
export const SOCKADDR_IN_BYTES = 16;
export const SOCKADDR_IN6_BYTES = 28;

/** Four bytes of an IPv4 address in plain dotted form (no leading zeros, no short forms), or null. */
export function parseIpv4(text: string): Uint8Array<ArrayBuffer> | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = parts[i]!;
    // "010" is eight to some programs and ten to others.
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return null;
    bytes[i] = Number(part);
  }
  return bytes;
}

export function formatIpv4(bytes: Uint8Array): string {
  if (bytes.length !== 4) throw new RangeError(`format IPv4 address: ${bytes.length} bytes instead of 4`);
  return bytes.join(".");
}

/** Sixteen bytes of an IPv6 address in any of the forms of RFC 4291 2.2 (no zone), or null. */
export function parseIpv6(text: string): Uint8Array<ArrayBuffer> | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === null || tail === null) return null;
  const missing = 16 - head.length - tail.length;
  // "::" stands for at least one group of zeros.
  if (halves.length === 2 ? missing < 2 : missing !== 0) return null;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** Bytes of groups divided by colons; the last may be an IPv4 address where the text ends here. */
function parseGroups(text: string, last: boolean): number[] | null {
  const bytes: number[] = [];
  if (text === "") return bytes;
  const groups = text.split(":");
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i]!;
    if (last && i === groups.length - 1 && group.includes(".")) {
      const v4 = parseIpv4(group);
      if (v4 === null) return null;
      bytes.push(...v4);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return null;
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes.length <= 16 ? bytes : null;
}

/** The one canonical text of an IPv6 address (RFC 5952 4 and 5). */
export function formatIpv6(bytes: Uint8Array): string {
  if (bytes.length !== 16) throw new RangeError(`format IPv6 address: ${bytes.length} bytes instead of 16`);
  // 5: dotted only where the prefix itself says that the rest is IPv4.
  if (isIpv4Mapped(bytes)) return `::ffff:${formatIpv4(bytes.subarray(12))}`;
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(bytes[i]! << 8 | bytes[i + 1]!);
  const run = longestZeroRun(groups);
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  if (run.length < 2) return text(groups);
  return `${text(groups.slice(0, run.start))}::${text(groups.slice(run.start + run.length))}`;
}

function isIpv4Mapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

/** 4.2.3: the longest run of zero groups, the first of equals. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}

/** Bytes of an IPv4 (4) or IPv6 (16) address, or null. */
export function parseIp(text: string): Uint8Array<ArrayBuffer> | null {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** Canonical text of 4 or 16 bytes. */
export function formatIp(bytes: Uint8Array): string {
  return bytes.length === 4 ? formatIpv4(bytes) : formatIpv6(bytes);
}

/** Six bytes of `02:00:5e:10:00:01`, or null. */
export function parseMac(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/.test(text)) return null;
  return Uint8Array.from(text.split(":"), (part) => parseInt(part, 16));
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Order of two byte strings of one length: below 0, 0 or above 0. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

/** struct sockaddr_in. The family is in the machine's byte order (low byte first), the port in the network's. */
export function encodeSockaddrIn(host: Uint8Array, port: number): Uint8Array<ArrayBuffer> {
  if (host.length !== 4) throw new RangeError(`encode sockaddr_in: ${host.length} bytes instead of 4`);
  const out = new Uint8Array(SOCKADDR_IN_BYTES);
  out[0] = AF_INET;
  out[2] = port >> 8;
  out[3] = port;
  out.set(host, 4);
  return out;
}

/** struct sockaddr_in6. `scope` is the interface index of a link-local address, else 0. */
export function encodeSockaddrIn6(host: Uint8Array, port: number, scope = 0): Uint8Array<ArrayBuffer> {
  if (host.length !== 16) throw new RangeError(`encode sockaddr_in6: ${host.length} bytes instead of 16`);
  const out = new Uint8Array(SOCKADDR_IN6_BYTES);
  out[0] = AF_INET6;
  out[2] = port >> 8;
  out[3] = port;
  out.set(host, 8);
  new DataView(out.buffer).setUint32(24, scope, true);
  return out;
}

/** struct sockaddr_in or sockaddr_in6, by the length of the address. */
export function encodeSockaddr(host: Uint8Array, port: number, scope = 0): Uint8Array<ArrayBuffer> {
  return host.length === 4 ? encodeSockaddrIn(host, port) : encodeSockaddrIn6(host, port, scope);
}

export interface SocketAddress {
  readonly family: 4 | 6;
  readonly host: Uint8Array<ArrayBuffer>;
  readonly port: number;
  readonly scope: number;
}

/** Reads a sockaddr_in or sockaddr_in6; null for any other family and for one cut short. */
export function decodeSockaddr(bytes: Uint8Array): SocketAddress | null {
  if (bytes.length < 2) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, true);
  if (family === AF_INET && bytes.length >= SOCKADDR_IN_BYTES) {
    return { family: 4, host: bytes.slice(4, 8) as Uint8Array<ArrayBuffer>, port: view.getUint16(2), scope: 0 };
  }
  if (family === AF_INET6 && bytes.length >= SOCKADDR_IN6_BYTES) {
    const host = bytes.slice(8, 24) as Uint8Array<ArrayBuffer>;
    return { family: 6, host, port: view.getUint16(2), scope: view.getUint32(24, true) };
  }
  return null;
}
