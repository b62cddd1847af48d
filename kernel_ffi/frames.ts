/** Ethernet frames of one EtherType on one interface: heartbeats that need no IP, and announcements. */
import { EAGAIN, ENETDOWN } from "./errno.ts";
import { closeFd, errno, libc, setIntOption } from "./libc.ts";
import {
  bindPacketSocket,
  hearUnicast,
  joinMulticast,
  mustInterface,
  openPacketSocket,
  PACKET_OTHERHOST,
  PACKET_OUTGOING,
  readMac,
  SOCKADDR_LL_BYTES,
  SOCKADDR_LL_PACKET_TYPE,
} from "./packet_socket.ts";
import {
  FAILED,
  MSG_DONTWAIT,
  NOTHING,
  PRIORITY_CONTROL,
  SO_MARK,
  SO_PRIORITY,
  SOL_SOCKET,
} from "./socket_constants.ts";

/** EtherType of a socket that only sends: ARP, neighbour discovery, packets given back. */
export const SEND_ONLY = 0;

export interface FrameSocketOptions {
  readonly interface: string;
  /** What is heard; `SEND_ONLY` hears nothing. Sent is what stands in the frame, whatever this says. */
  readonly etherType: number;
  /** A group MAC to hear as well as the interface's own. */
  readonly multicast?: Uint8Array;
  /** MACs of other stations that the interface shall hear, for whoever else listens to it. */
  readonly unicast?: readonly Uint8Array[];
}

/**
 * Frames leave through the queue discipline and the egress hook like the kernel's own. The socket belongs to the
 * interface as it is now (its index): after the interface was deleted and made again `send` returns ENXIO or ENODEV,
 * and a new socket is needed. Going down and up again does it no harm.
 */
export class FrameSocket {
  readonly fd: number;
  readonly ifindex: number;
  /** The interface's MAC when the socket was opened. */
  readonly mac: Uint8Array<ArrayBuffer>;
  /** errno of the last `receive` that returned -2. */
  lastErrno = 0;
  #mark = 0;
  readonly #from = new Uint8Array(SOCKADDR_LL_BYTES);
  readonly #fromLength = new Uint32Array(1);

  constructor(o: FrameSocketOptions) {
    this.ifindex = mustInterface(o.interface);
    this.fd = openPacketSocket();
    try {
      this.mac = readMac(this.fd, o.interface);
      setIntOption(this.fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL, "SO_PRIORITY");
      if (o.multicast !== undefined) joinMulticast(this.fd, o.interface, this.ifindex, o.multicast);
      for (const mac of o.unicast ?? []) hearUnicast(this.fd, o.interface, this.ifindex, mac);
      bindPacketSocket(this.fd, o.interface, this.ifindex, o.etherType);
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /**
   * Sends the first `length` bytes of `frame`, from its Ethernet header on, with this mark. 0, or the errno: ENOBUFS
   * where a rule refused it or a queue is full, ENETDOWN where the interface is down. Loss of carrier is no error.
   */
  send(frame: Uint8Array<ArrayBuffer>, length: number, mark: number): number {
    if (mark !== this.#mark) {
      setIntOption(this.fd, SOL_SOCKET, SO_MARK, mark | 0, "SO_MARK");
      this.#mark = mark;
    }
    if (libc().send32(this.fd, frame, length, MSG_DONTWAIT) >= 0) return 0;
    const failure = errno();
    // An interface that went down leaves this error behind, and the next send reports it even if it is up again.
    if (failure !== ENETDOWN) return failure;
    return libc().send32(this.fd, frame, length, MSG_DONTWAIT) >= 0 ? 0 : errno();
  }

  /**
   * One frame, from its Ethernet header on: its length (cut to the buffer's), -1 when there is none, -2 when an error
   * was pending (`lastErrno`; ENETDOWN once when the interface goes down). Never a frame that this node sent, nor one
   * that is only seen because somebody watches the wire.
   */
  receive(buffer: Uint8Array<ArrayBuffer>): number {
    for (;;) {
      this.#fromLength[0] = SOCKADDR_LL_BYTES;
      const length = libc().recvfrom32(this.fd, buffer, buffer.length, MSG_DONTWAIT, this.#from, this.#fromLength);
      if (length < 0) {
        const failure = errno();
        if (failure === EAGAIN) return NOTHING;
        this.lastErrno = failure;
        return FAILED;
      }
      const packetType = this.#from[SOCKADDR_LL_PACKET_TYPE];
      if (packetType !== PACKET_OUTGOING && packetType !== PACKET_OTHERHOST) return length;
    }
  }

  close(): void {
    closeFd(this.fd);
  }
}
