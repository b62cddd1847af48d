/** The services of the lab: UDP and TCP echo, on both nodes all the time, knowing nothing of segue. */
import { encodeSockaddr, parseIp } from "../../kernel_ffi/address.ts";
import { EAGAIN } from "../../kernel_ffi/errno.ts";
import { closeFd, errno, libc, must, setIntOption } from "../../kernel_ffi/libc.ts";
import { Poller } from "../../kernel_ffi/poll.ts";
import { enlargeReceiveBuffer } from "../../kernel_ffi/receive_buffer.ts";
import {
  MSG_NOSIGNAL,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../kernel_ffi/socket_constants.ts";
import { SERVICE_V4, SERVICE_V6 } from "./topology.ts";

export const UDP_PORT = 9000;
export const TCP_PORT = 9001;

export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;
const BACKLOG = 1024;
const SOL_IP = 0;
const SOL_IPV6 = 41;
const IP_FREEBIND = 15;
const IPV6_FREEBIND = 78;
const MTU = 2048;
/** What was held or shadowed comes at once: Linux's default takes 277 small packets and drops the rest. */
const BUFFER_BYTES = 4 << 20;

/** Bound to the virtual address itself (FREEBIND: whether it is there yet or not), so answers leave as that address. */
class UdpEcho {
  readonly fd: number;
  readonly #buffer = new Uint8Array(MTU);
  readonly #from = new Uint8Array(28);
  readonly #fromLength = new Uint32Array(1);

  constructor(address: string) {
    const host = parseIp(address)!;
    const local = encodeSockaddr(host, UDP_PORT);
    this.fd = must(libc().socket(local[0]!, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "open UDP socket");
    if (host.length === 4) setIntOption(this.fd, SOL_IP, IP_FREEBIND, 1, "IP_FREEBIND");
    else setIntOption(this.fd, SOL_IPV6, IPV6_FREEBIND, 1, "IPV6_FREEBIND");
    enlargeReceiveBuffer(this.fd, BUFFER_BYTES);
    must(libc().bind(this.fd, local, local.length), `bind ${address}:${UDP_PORT}`);
  }

  answerAll(): void {
    for (;;) {
      this.#fromLength[0] = this.#from.length;
      const length = libc().recvfrom32(this.fd, this.#buffer, this.#buffer.length, 0, this.#from, this.#fromLength);
      if (length < 0) return;
      libc().sendto(this.fd, this.#buffer, BigInt(length), 0, this.#from, this.#fromLength[0]!);
    }
  }
}

/** Never returns. */
export function runUdpEcho(addresses: readonly string[] = [SERVICE_V4, SERVICE_V6]): void {
  const sockets = addresses.map((address) => new UdpEcho(address));
  const poller = new Poller();
  for (const socket of sockets) poller.set(socket.fd);
  console.log("ready");
  for (;;) {
    poller.wait(-1);
    for (const socket of sockets) socket.answerAll();
  }
}

/** Echoes what connections bring until the process is ended. By ppoll: a crowd's server must not be what the crowd waits for. */
export function runTcpEcho(): never {
  const local = encodeSockaddr(parseIp("::")!, TCP_PORT);
  const listener = must(libc().socket(local[0]!, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "open TCP socket");
  setIntOption(listener, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  must(libc().bind(listener, local, local.length), `bind port ${TCP_PORT}`);
  must(libc().listen(listener, BACKLOG), `listen on port ${TCP_PORT}`);
  const poller = new Poller(), connections = new Set<number>(), buffer = new Uint8Array(MTU);
  poller.set(listener);
  console.log("ready");
  for (;;) {
    poller.wait(-1);
    for (const fd of connections) {
      if (poller.revents(fd) === 0 || echoed(fd, buffer)) continue;
      poller.remove(fd);
      connections.delete(fd);
      closeFd(fd);
    }
    if (!poller.readable(listener)) continue;
    for (let fd = accept(listener); fd >= 0; fd = accept(listener)) {
      setIntOption(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
      connections.add(fd);
      poller.set(fd);
    }
  }
}

function accept(listener: number): number {
  return libc().accept4(listener, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/** False when the connection is over. */
function echoed(fd: number, buffer: Uint8Array<ArrayBuffer>): boolean {
  const length = libc().recv32(fd, buffer, buffer.length, 0);
  if (length < 0) return errno() === EAGAIN;
  return length > 0 && libc().send32(fd, buffer, length, MSG_NOSIGNAL) === length;
}
