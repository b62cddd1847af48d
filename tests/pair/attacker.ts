/**
 * Somebody on the service network who has no key: captures heartbeats on the switch, sends them again, sends forged and
 * random ones. A program of its own, run in the switch's namespace with what to do as JSON:
 *
 * - `capture`: what comes in by `port` for `durationMs` is written to `file`
 * - `replay`: what is in `file` goes out by `port`, over and over, until it is told to end
 * - `forge`: `count` frames of all kinds go out by `port`; prints how many there were of each reason to refuse them
 *
 * Prints `ready` before the first frame.
 */
import { parseIpv4, parseMac } from "../../kernel_ffi/address.ts";
import {
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_EXPERIMENTAL,
  ETHERTYPE_IPV4,
  etherTypeOf,
  writeEthernetHeader,
} from "../../kernel_ffi/ethernet.ts";
import { FrameSocket, SEND_ONLY } from "../../kernel_ffi/frames.ts";
import { interfaceIndex, libc, monotonicUs } from "../../kernel_ffi/libc.ts";
import {
  bindPacketSocket,
  EVERY_ETHERTYPE,
  openPacketSocket,
  PACKET_OUTGOING,
  SOCKADDR_LL_BYTES,
  SOCKADDR_LL_PACKET_TYPE,
} from "../../kernel_ffi/packet_socket.ts";
import { Poller } from "../../kernel_ffi/poll.ts";
import { DATAGRAM_MAX, encodeHeartbeat, prepareKey } from "../../control/core/wire.ts";
import { emptyHeartbeat } from "../../control/core/heartbeat.ts";
import { HEARTBEAT_PORT } from "../../control/lab/topology.ts";

export interface Capture {
  readonly what: "capture";
  readonly port: string;
  readonly file: string;
  readonly durationMs: number;
}

export interface Replay {
  readonly what: "replay";
  readonly port: string;
  readonly file: string;
  readonly perSecond: number;
}

export interface Forge {
  readonly what: "forge";
  readonly port: string;
  /** Whom the frames are for, and whom they pretend to come from. */
  readonly toMac: string;
  readonly toIp: string;
  readonly fromIp: string;
  /** Number of the node that they are for. */
  readonly node: number;
  /** The pair's key, for what is refused only behind the tag. */
  readonly key: readonly number[];
  readonly count: number;
  readonly perSecond: number;
}

export type Attack = Capture | Replay | Forge;

const UDP_OFFSET = ETHERNET_HEADER_BYTES + 20;
const BODY_OFFSET = UDP_OFFSET + 8;
const PROTOCOL_UDP = 17;
const FRAME_MAX = 1514;

function isHeartbeat(frame: Uint8Array): boolean {
  const type = etherTypeOf(frame);
  if (type === ETHERTYPE_EXPERIMENTAL) return true;
  return type === ETHERTYPE_IPV4 && frame[23] === PROTOCOL_UDP &&
    ((frame[UDP_OFFSET + 2]! << 8) | frame[UDP_OFFSET + 3]!) === HEARTBEAT_PORT;
}

function capture({ port, file, durationMs }: Capture): void {
  const fd = openPacketSocket();
  bindPacketSocket(fd, port, interfaceIndex(port), EVERY_ETHERTYPE);
  const poller = new Poller();
  poller.set(fd);
  const buffer = new Uint8Array(FRAME_MAX), from = new Uint8Array(SOCKADDR_LL_BYTES), fromLength = new Uint32Array(1);
  const frames: number[][] = [];
  console.log("ready");
  for (const end = monotonicUs() + durationMs * 1000; monotonicUs() < end;) {
    poller.wait(10_000);
    for (;;) {
      fromLength[0] = SOCKADDR_LL_BYTES;
      const length = libc().recvfrom32(fd, buffer, buffer.length, 0, from, fromLength);
      if (length < 0) break;
      const frame = buffer.subarray(0, length);
      if (from[SOCKADDR_LL_PACKET_TYPE] !== PACKET_OUTGOING && isHeartbeat(frame)) frames.push([...frame]);
    }
  }
  Deno.writeTextFileSync(file, JSON.stringify(frames));
  console.log(`captured ${frames.length}`);
}

/** Calls at an even rate; a late one is made up for. */
function paced(perSecond: number, count: number, send: (n: number) => void): void {
  const start = monotonicUs(), rest = new Poller();
  for (let n = 0; n < count; n++) {
    for (let left = start + n * 1e6 / perSecond - monotonicUs(); left > 0;) {
      rest.wait(left);
      left = start + n * 1e6 / perSecond - monotonicUs();
    }
    send(n);
  }
}

function replay({ port, file, perSecond }: Replay): void {
  const frames = (JSON.parse(Deno.readTextFileSync(file)) as number[][]).map((bytes) => Uint8Array.from(bytes));
  const socket = new FrameSocket({ interface: port, etherType: SEND_ONLY });
  console.log("ready");
  paced(perSecond, Infinity, (n) => {
    const frame = frames[n % frames.length]!;
    socket.send(frame, frame.length, 0);
  });
}

/** Datagrams that must be refused, by the reason that status gives. */
const FORGERIES: Readonly<Record<string, (attack: Forge) => Uint8Array>> = {
  notSegue: () => randomBytes(76 + random(1000)),
  tooShort: () => randomBytes(random(76)),
  tooLong: () => randomBytes(DATAGRAM_MAX + 1 + random(200)),
  otherKey: () => heartbeat("lab"),
  otherPair: () => heartbeat("another"),
  // The right key's number, but not its tag: any one bit is another.
  badTag: ({ key, node }) => {
    const bytes = heartbeat("lab", Uint8Array.from(key), 1 - node);
    bytes[16 + random(bytes.length - 16)]! ^= 1 << random(8);
    return bytes;
  },
  ownNode: ({ key, node }) => heartbeat("lab", Uint8Array.from(key), node),
  malformed: ({ key, node }) => heartbeat("lab", Uint8Array.from(key), 1 - node, "nonsense"),
  versionTooNew: () => {
    const bytes = heartbeat("lab");
    bytes[4] = bytes[5] = 200;
    return bytes;
  },
};

function random(below: number): number {
  return Math.floor(Math.random() * below);
}

function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** Well formed in everything but the phase if that is told; with a key of the attacker's own if none is given. */
function heartbeat(pair: string, key = randomBytes(32), node = random(2), phase = "none"): Uint8Array {
  const beat = emptyHeartbeat();
  beat.node = node;
  beat.session = 1 + random(2 ** 40);
  beat.echoSession = 1 + random(2 ** 40);
  beat.seq = random(2 ** 40);
  beat.groupCount = 1;
  Object.assign(beat.groups[0]!, { role: "primary", phase, able: true, epoch: 0xffff_ffff });
  const out = new Uint8Array(DATAGRAM_MAX);
  return out.subarray(0, encodeHeartbeat(beat, prepareKey(key, pair), out));
}

function forge(attack: Forge): void {
  const socket = new FrameSocket({ interface: attack.port, etherType: SEND_ONLY });
  const mac = parseMac(attack.toMac)!, kinds = Object.keys(FORGERIES);
  const sent: Record<string, number> = {};
  console.log("ready");
  paced(attack.perSecond, attack.count, (n) => {
    const kind = kinds[n % kinds.length]!, body = FORGERIES[kind]!(attack);
    // One by UDP, one as a frame; the interface pads a frame that is too small, which changes nothing here.
    const udp = Math.floor(n / kinds.length) % 2 === 0;
    const frame = udp ? udpFrame(body, attack, mac, socket.mac) : plainFrame(body, mac, socket.mac);
    if (socket.send(frame, frame.length, 0) === 0) sent[kind] = (sent[kind] ?? 0) + 1;
  });
  console.log(JSON.stringify(sent));
}

function plainFrame(body: Uint8Array, to: Uint8Array, from: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(ETHERNET_HEADER_BYTES + body.length);
  writeEthernetHeader(frame, to, from, ETHERTYPE_EXPERIMENTAL);
  frame.set(body, ETHERNET_HEADER_BYTES);
  return frame;
}

/** With the peer's address and port as source: the daemon's sockets hear nobody else. */
function udpFrame(body: Uint8Array, attack: Forge, to: Uint8Array, from: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(BODY_OFFSET + body.length), view = new DataView(frame.buffer);
  writeEthernetHeader(frame, to, from, ETHERTYPE_IPV4);
  view.setUint16(14, 0x4500);
  view.setUint16(16, 28 + body.length);
  view.setUint16(22, 64 << 8 | PROTOCOL_UDP);
  frame.set(parseIpv4(attack.fromIp)!, 26);
  frame.set(parseIpv4(attack.toIp)!, 30);
  view.setUint16(24, headerChecksum(view));
  view.setUint16(UDP_OFFSET, HEARTBEAT_PORT);
  view.setUint16(UDP_OFFSET + 2, HEARTBEAT_PORT);
  // The checksum of UDP stays 0: none (RFC 768).
  view.setUint16(UDP_OFFSET + 4, 8 + body.length);
  frame.set(body, BODY_OFFSET);
  return frame;
}

/** RFC 791: of the IPv4 header, whose own field is still 0. */
function headerChecksum(view: DataView): number {
  let sum = 0;
  for (let at = ETHERNET_HEADER_BYTES; at < UDP_OFFSET; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

if (import.meta.main) {
  const attack = JSON.parse(Deno.args[0]!) as Attack;
  switch (attack.what) {
    case "capture":
      capture(attack);
      break;
    case "replay":
      replay(attack);
      break;
    case "forge":
      forge(attack);
      break;
    default:
      attack satisfies never;
  }
}
