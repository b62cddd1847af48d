/** One node with its kernel rules, and the far ends of its wires, all in the namespace of the calling thread. */
import { KernelRules } from "../../control/switch/rules.ts";
import { markOf, type RulesetSpec, STEP } from "../../control/switch/ruleset.ts";
import { queuesOf } from "../../control/switch/ruleset_spec.ts";
import { encodeSockaddr, parseIp, parseMac } from "../../kernel_ffi/address.ts";
import { errno, libc, must } from "../../kernel_ffi/libc.ts";
import { probeQueueKind } from "../../kernel_ffi/nftables/socket.ts";
import { MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from "../../kernel_ffi/socket_constants.ts";
import { run } from "./namespace.ts";
import { arp, discovery, ETHERTYPE, frame, udp, Wire } from "./wire.ts";

export const VIP4 = parseIp("10.77.0.100")!;
export const VIP6 = parseIp("fd00:77::100")!;
export const CLIENT4 = parseIp("10.77.0.9")!;
export const CLIENT6 = parseIp("fd00:77::9")!;
export const OWN_MAC = parseMac("02:00:00:00:00:01")!;
export const PEER_MAC = parseMac("02:00:00:00:00:02")!;
export const CLIENT_MAC = parseMac("02:00:00:00:00:09")!;
export const BROADCAST = parseMac("ff:ff:ff:ff:ff:ff")!;
/** MAC of the solicited-node multicast address of VIP6. */
export const SOLICITED_MAC = parseMac("33:33:ff:00:01:00")!;
export const SLOT = 7;
export const QUEUES = queuesOf(0);
export const PORT = 9000;

/**
 * `veth0` is the service interface, `veth1` another one; `p0` and `p1` are where their wires end. VIP4 and VIP6 are on
 * `veth0` as on a primary, so that nothing but the rules decides what the kernel says.
 */
export class RulesFixture {
  readonly spec: RulesetSpec;
  readonly rules: KernelRules;
  /** The node's own end, for frames with marks. */
  readonly own: Wire;
  /** The far end of the service interface, and of the other one. */
  readonly far: Wire;
  readonly farOther: Wire;
  readonly #sockets: number[] = [];

  constructor(change: Partial<RulesetSpec> = {}) {
    for (const [device, far, mac] of [["veth0", "p0", "02:00:00:00:00:01"], ["veth1", "p1", "02:00:00:00:00:11"]]) {
      run("ip", "link", "add", device!, "address", mac!, "type", "veth", "peer", "name", far!);
      // The far end is a wire here: no stack of its own may answer.
      run("sysctl", "-qw", `net.ipv6.conf.${far}.disable_ipv6=1`, `net.ipv4.conf.${far}.arp_ignore=8`);
      run("sysctl", "-qw", `net.ipv4.conf.${device}.rp_filter=0`, `net.ipv6.conf.${device}.accept_dad=0`);
      run("ip", "link", "set", far!, "up");
      run("ip", "link", "set", device!, "up");
    }
    run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0");
    run("ip", "addr", "add", "10.77.0.1/24", "dev", "veth0");
    run("ip", "addr", "add", "10.77.0.100/32", "dev", "veth0");
    run("ip", "addr", "add", "10.88.0.1/24", "dev", "veth1");
    run("ip", "addr", "add", "fd00:77::1/64", "dev", "veth0", "nodad");
    run("ip", "addr", "add", "fd00:77::100/128", "dev", "veth0", "nodad");
    run("ip", "neigh", "add", "10.77.0.9", "lladdr", "02:00:00:00:00:09", "dev", "veth0", "nud", "permanent");
    run("ip", "neigh", "add", "fd00:77::9", "lladdr", "02:00:00:00:00:09", "dev", "veth0", "nud", "permanent");
    const slots = [{ slot: SLOT, group: "web", queues: QUEUES, v4: [VIP4], v6: [VIP6] }];
    this.spec = {
      interfaces: [{ name: "veth0", mac: OWN_MAC, peerMac: PEER_MAC, slots }],
      others: ["veth1"],
      leaseMs: 5000,
      queueKind: probeQueueKind() ?? "nft",
      ...change,
    };
    this.rules = new KernelRules(this.spec);
    this.rules.install();
    this.own = new Wire("veth0");
    this.far = new Wire("p0");
    this.farOther = new Wire("p1");
  }

  /** A heartbeat frame that orders a step; 0, or the errno of its refusal. */
  order(step: keyof typeof STEP, slot = SLOT): number {
    return this.own.send(frame(PEER_MAC, OWN_MAC, ETHERTYPE.segue, new Uint8Array(46)), markOf(STEP[step], slot));
  }

  /** Arms and takes. */
  takeLease(): void {
    if (this.order("arm") !== 0 || this.order("take") !== 0) throw new Error("take lease: refused");
  }

  /** A UDP socket at an address of this node. */
  bind(host: Uint8Array, port = PORT): number {
    const type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const fd = must(libc().socket(host.length === 4 ? 2 : 10, type, 0), "open UDP socket");
    this.#sockets.push(fd);
    const address = encodeSockaddr(host, port);
    must(libc().bind(fd, address, address.length), "bind UDP socket");
    return fd;
  }

  close(): void {
    this.rules.close();
    this.own.close();
    this.far.close();
    this.farOther.close();
    for (const fd of this.#sockets) libc().close(fd);
  }
}

/** Sends one datagram; 0, or the errno. */
export function sendTo(fd: number, host: Uint8Array, port: number, data: Uint8Array<ArrayBuffer>): number {
  const address = encodeSockaddr(host, port);
  return libc().sendto(fd, data, BigInt(data.length), MSG_DONTWAIT, address, address.length) < 0 ? errno() : 0;
}

/** The first byte of each datagram that waits in a socket. */
export function firstBytes(fd: number): number[] {
  const buffer = new Uint8Array(new ArrayBuffer(2048));
  const bytes: number[] = [];
  while (libc().recv(fd, buffer, BigInt(buffer.length), MSG_DONTWAIT) >= 0) bytes.push(buffer[0]!);
  return bytes;
}

/** A UDP frame of the client to an address of the node; `by`: whose MAC it comes from; `to`: another address than VIP4. */
export function clientFrame(
  first: number,
  options: { by?: Uint8Array; v6?: boolean; to?: Uint8Array } = {},
): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array([first, 1, 2, 3]);
  const packet = options.v6 ? udp(CLIENT6, 4000, VIP6, PORT, data) : udp(CLIENT4, 4000, options.to ?? VIP4, PORT, data);
  return frame(OWN_MAC, options.by ?? CLIENT_MAC, options.v6 ? ETHERTYPE.ipv6 : ETHERTYPE.ipv4, packet);
}

/** A client's question who has the address. */
export function arpRequest(): Uint8Array<ArrayBuffer> {
  return frame(BROADCAST, CLIENT_MAC, ETHERTYPE.arp, arp(1, CLIENT_MAC, CLIENT4, VIP4));
}

export function solicitation(): Uint8Array<ArrayBuffer> {
  const to = parseIp("ff02::1:ff00:100")!;
  return frame(SOLICITED_MAC, CLIENT_MAC, ETHERTYPE.ipv6, discovery(135, CLIENT6, to, VIP6));
}

/** Does a frame come from the address, or speak for it? */
export function speaksAs(bytes: Uint8Array): "arp" | "ipv4" | "ipv6" | "advertisement" | null {
  const at = (offset: number, address: Uint8Array) => address.every((byte, i) => bytes[offset + i] === byte);
  const type = bytes[12]! << 8 | bytes[13]!;
  if (type === ETHERTYPE.arp && at(28, VIP4)) return "arp";
  if (type === ETHERTYPE.ipv4 && at(26, VIP4)) return "ipv4";
  if (type !== ETHERTYPE.ipv6) return null;
  if (bytes[20] === 58 && bytes[54] === 136 && at(62, VIP6)) return "advertisement";
  return at(22, VIP6) ? "ipv6" : null;
}
