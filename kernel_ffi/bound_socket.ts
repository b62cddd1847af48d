/**
 * The descriptor of a UDP socket that the runtime has opened, so that what the runtime has no call for can be done with it: connect,
 * buffer sizes, sending and receiving without a promise for each datagram. The runtime's event loop goes on watching it.
 */
import { decodeSockaddr, encodeSockaddr, parseIp } from "./address.ts";
import type { DatagramEndpoint } from "./datagram.ts";
import { EADDRNOTAVAIL, KernelError } from "./errno.ts";
import { libc, must, setBufferSize } from "./libc.ts";
import { SOCK_DGRAM, SOL_SOCKET } from "./socket_constants.ts";

/** asm-generic/socket.h */
const SO_TYPE = 3;

/** Finds the socket that is bound to exactly this address and port: without SO_REUSEPORT there can be one only. */
export function findBoundSocket(local: DatagramEndpoint): number {
  const wanted = parseIp(local.host)!.join();
  const address = new Uint8Array(28), length = new Uint32Array(1), type = new Int32Array(1);
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const fd = Number(name);
    length[0] = address.length;
    if (libc().getsockname(fd, address, length) !== 0) continue;
    const found = decodeSockaddr(address);
    if (found === null || found.port !== local.port || found.host.join() !== wanted) continue;
    length[0] = 4;
    if (libc().getsockopt(fd, SOL_SOCKET, SO_TYPE, type, length) === 0 && type[0] === SOCK_DGRAM) return fd;
  }
  throw new KernelError(`find socket of ${local.host} port ${local.port}`, EADDRNOTAVAIL);
}

/** From now on only this peer is heard, and the kernel reports what the network says of it. */
export function connectSocket(fd: number, remote: DatagramEndpoint): void {
  const address = encodeSockaddr(parseIp(remote.host)!, remote.port);
  must(libc().connect(fd, address, address.length), `connect to ${remote.host} port ${remote.port}`);
}

export function setSocketBuffers(fd: number, bytes: number): void {
  setBufferSize(fd, "receive", bytes);
  setBufferSize(fd, "send", bytes);
}
