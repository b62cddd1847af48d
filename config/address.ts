/** IPv4 and IPv6 addresses as the configuration writes them. Pure. */
import { formatIp, parseIp as parseBytes } from "../kernel_ffi/address.ts";
import type { Endpoint } from "./model.ts";

export interface IpAddress {
  readonly family: 4 | 6;
  /** 4 or 16 bytes, network order. */
  readonly bytes: Uint8Array;
  /** Canonical: dotted decimal, or RFC 5952 for IPv6. */
  readonly text: string;
}

/** The address in `text`, or null. No zone, no brackets, no leading zeros in IPv4 (some read them as octal). */
export function parseIp(text: string): IpAddress | null {
  const bytes = parseBytes(text);
  return bytes && { family: bytes.length === 4 ? 4 : 6, bytes, text: formatIp(bytes) };
}

/** Why nobody can own this address, or null if one can. */
export function unusableReason(address: IpAddress): string | null {
  const [first = 0] = address.bytes;
  if (address.bytes.every((byte) => byte === 0)) return "is the unspecified address";
  if (address.family === 4) {
    if (first >= 224 && first <= 239) return "is a multicast address";
    if (first === 0 || first >= 240) return "is reserved (RFC 1122)";
    return null;
  }
  if (first === 0xff) return "is a multicast address";
  if (address.text.startsWith("::ffff:") && address.text.includes(".")) return "is an IPv4 address in IPv6 clothes";
  return null;
}

/** fe80::/10: means nothing without an interface. */
export function isLinkLocal6(address: IpAddress): boolean {
  return address.family === 6 && address.bytes[0] === 0xfe && (address.bytes[1]! & 0xc0) === 0x80;
}

/** `10.78.0.1:4790` or `[fd00::1]:4790`; a sentence about the error for anything else. */
export function parseEndpoint(text: string): Endpoint | string {
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text);
  const quoted = JSON.stringify(text);
  if (!parts) {
    if (parseIp(text)) return `${quoted} has no port`;
    return `${quoted} is not an address and a port`;
  }
  const [, bracketed, plain, portText] = parts;
  const address = parseIp(bracketed ?? plain ?? "");
  const family = bracketed === undefined ? 4 : 6;
  if (!address || address.family !== family) {
    return `${quoted} does not begin with an IPv4 address or an IPv6 address in brackets`;
  }
  const port = Number(portText);
  if (port < 1 || port > 65_535) return `${quoted} has port ${port}; ports go from 1 to 65535`;
  return { host: address.text, port };
}

/** From the port of a path's heartbeats to that of its data. */
export const STREAM_PORT_OFFSET = 1;

/** Where the peer stream of a path is: data has a port of its own, so that it never stands in a heartbeat's way. */
export function streamEndpoint({ host, port }: Endpoint): Endpoint {
  return { host, port: port + STREAM_PORT_OFFSET };
}

/** How an endpoint is written: IPv6 in brackets. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
