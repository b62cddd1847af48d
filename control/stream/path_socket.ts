/**
 * The UDP socket of one path, on the main thread. The runtime's event loop says that something has come and hands over the first
 * datagram; the rest of a batch, and everything that is sent, goes by system calls without a promise each.
 */
import type { Endpoint } from "../../config/model.ts";
import { connectSocket, findBoundSocket, setSocketBuffers } from "../../kernel_ffi/bound_socket.ts";
import { ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, KernelError } from "../../kernel_ffi/errno.ts";
import { errno, libc } from "../../kernel_ffi/libc.ts";
import { MSG_DONTWAIT } from "../../kernel_ffi/socket_constants.ts";
import { BURST_PACKETS, DATAGRAM_MAX } from "../core/stream/limits.ts";

/** Longer than any good datagram, so that a longer one is seen to be too long. */
const BUFFER_BYTES = DATAGRAM_MAX + 64;
/** For a burst while the main thread is busy with something else. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;
/** Errors in a row without a datagram after which the socket is opened anew. */
const FAILURES_MAX = 64;

export interface PathListener {
  onDatagram(path: number, bytes: Uint8Array<ArrayBuffer>, length: number): void;
  /** What has come so far may be answered. The promise is kept when that is done: there is no more to be done for it meanwhile. */
  onBatch(): Promise<void>;
  onClosed(path: number): void;
}

export class PathSocket {
  readonly #path: number;
  readonly #local: Endpoint;
  readonly #remote: Endpoint;
  readonly #listener: PathListener;
  readonly #first = new Uint8Array(new ArrayBuffer(BUFFER_BYTES));
  readonly #buffer = new Uint8Array(new ArrayBuffer(BUFFER_BYTES));
  #conn: Deno.DatagramConn | null = null;
  #fd = -1;
  #failures = 0;
  errors = 0;
  /** Why it is not open, for status. */
  problem = "";

  /** @param local, remote the stream's own endpoints */
  constructor(path: number, local: Endpoint, remote: Endpoint, listener: PathListener) {
    this.#path = path;
    this.#local = local;
    this.#remote = remote;
    this.#listener = listener;
  }

  get isOpen(): boolean {
    return this.#conn !== null;
  }

  /** Opens it if that is possible now: addresses and routes may come later than the daemon. */
  open(): boolean {
    let conn: Deno.DatagramConn | null = null;
    try {
      conn = Deno.listenDatagram({ transport: "udp", hostname: this.#local.host, port: this.#local.port });
      const fd = findBoundSocket(this.#local);
      connectSocket(fd, this.#remote);
      setSocketBuffers(fd, SOCKET_BUFFER_BYTES);
      this.#conn = conn;
      this.#fd = fd;
      this.problem = "";
      this.#read(conn);
      return true;
    } catch (error) {
      conn?.close();
      const isForeseen = error instanceof KernelError || error instanceof Deno.errors.AddrNotAvailable ||
        error instanceof Deno.errors.AddrInUse;
      if (!isForeseen) throw error;
      this.problem = error.message;
      return false;
    }
  }

  async #read(conn: Deno.DatagramConn): Promise<void> {
    this.#failures = 0;
    while (this.#conn === conn) {
      let length: number;
      try {
        length = (await conn.receive(this.#first))[0].length;
      } catch (error) {
        if (this.#conn === conn) this.#onError(error);
        continue;
      }
      if (this.#conn !== conn) return;
      this.#failures = 0;
      this.#listener.onDatagram(this.#path, this.#first, length);
      // Whoever waits for an answer gets it before the kernel is asked whether there is more, which mostly there is not.
      await this.#listener.onBatch();
      if (this.#drain()) await this.#listener.onBatch();
    }
  }

  #onError(error: unknown): void {
    if (!(error instanceof Error)) throw error;
    this.errors++;
    // The network's word on an earlier datagram: nobody is there yet, or any more. The timers find out themselves.
    if (error instanceof Deno.errors.ConnectionRefused) return;
    if (++this.#failures < FAILURES_MAX) return;
    this.close();
    this.problem = error.message;
    this.#listener.onClosed(this.#path);
  }

  /** True if there was more. */
  #drain(): boolean {
    let count = 0;
    for (; count < BURST_PACKETS && this.#conn !== null; count++) {
      const length = libc().recv32(this.#fd, this.#buffer, BUFFER_BYTES, MSG_DONTWAIT);
      if (length < 0) break;
      this.#listener.onDatagram(this.#path, this.#buffer, length);
    }
    return count > 0;
  }

  /** Sends the first `length` bytes; what the kernel does not take is lost like in the network. */
  send(buffer: Uint8Array<ArrayBuffer>, length: number): void {
    if (this.#conn === null || libc().send32(this.#fd, buffer, length, MSG_DONTWAIT) >= 0) return;
    this.errors++;
    // The answer to an earlier datagram is reported in place of sending this one, and gone with the report.
    const failure = errno();
    if (failure !== ECONNREFUSED && failure !== EHOSTUNREACH && failure !== ENETUNREACH) return;
    libc().send32(this.#fd, buffer, length, MSG_DONTWAIT);
  }

  close(): void {
    const conn = this.#conn;
    this.#conn = null;
    this.#fd = -1;
    conn?.close();
  }
}
