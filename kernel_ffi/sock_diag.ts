/** Whether services have read what has come for them, and which connections end in this machine. */
import { KernelError } from "./errno.ts";
import { NetlinkWriter } from "./netlink.ts";
import { NetlinkSocket } from "./netlink_socket.ts";
import { endsAt, unreadBytes, writeGetTcpConnections, writeGetUdpSockets } from "./sock_diag_codec.ts";

const NETLINK_SOCK_DIAG = 4;

/** Belongs to the network namespace in which it was made. */
export class UdpQueues {
  readonly #socket = new NetlinkSocket(NETLINK_SOCK_DIAG, { name: "sock_diag" });
  readonly #requests: readonly Uint8Array<ArrayBuffer>[] = ([4, 6] as const).map((family) => {
    const writer = new NetlinkWriter(128);
    writeGetUdpSockets(writer, family);
    return writer.bytes().slice();
  });
  #addresses: readonly Uint8Array[] = [];
  #sum = 0;

  /**
   * Bytes that UDP sockets bound to one of the addresses, or to all addresses, hold unread (with the kernel's overhead).
   * Throws `KernelError` where the kernel has no sock_diag.
   */
  unread(addresses: readonly Uint8Array[]): number {
    this.#addresses = addresses;
    this.#sum = 0;
    for (const request of this.#requests) {
      const failure = this.#socket.exchange(request, this.#add);
      if (failure !== 0) throw new KernelError("list UDP sockets", failure);
    }
    return this.#sum;
  }

  readonly #add = (view: DataView, message: { readonly payloadOffset: number; readonly end: number }): void => {
    this.#sum += unreadBytes(view, message.payloadOffset, message.end, this.#addresses);
  };

  close(): void {
    this.#socket.close();
  }
}

/**
 * Established TCP connections of this network namespace whose own end is one of the addresses. Throws `KernelError` where the kernel
 * has no sock_diag.
 */
export function countTcpConnections(addresses: readonly Uint8Array[]): number {
  const socket = new NetlinkSocket(NETLINK_SOCK_DIAG, { name: "sock_diag" });
  try {
    let count = 0;
    for (const family of [4, 6] as const) {
      const writer = new NetlinkWriter(128);
      writeGetTcpConnections(writer, family);
      const failure = socket.exchange(writer.bytes(), (view, { payloadOffset, end }) => {
        if (endsAt(view, payloadOffset, end, addresses)) count++;
      });
      if (failure !== 0) throw new KernelError("list TCP connections", failure);
    }
    return count;
  } finally {
    socket.close();
  }
}
