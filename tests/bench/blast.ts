/**
 * Load for a bench: `deno run -A tests/bench/blast.ts IP PORT PACKETS_PER_S SECONDS`. One socket, `sendmmsg` once a millisecond, answers thrown away. Prints
 * JSON: packets sent in a second, and the CPU time that one cost. In the lab that is the kernel's way through switch and nodes as well: all of it happens in
 * the sender's call.
 */
import { DatagramSocket } from "../../kernel_ffi/datagram.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { preciseTimers } from "../../kernel_ffi/scheduling.ts";
import { Poller } from "../../kernel_ffi/poll.ts";

const [ip, port, rate, seconds] = Deno.args;
if (seconds === undefined) throw new Error("IP PORT PACKETS_PER_S SECONDS");
const PAYLOAD_BYTES = 16;
const TICK_US = 1000;
/** struct mmsghdr: msghdr of 56 bytes (name, namelen, iov, iovlen, control, controllen, flags), length, padding. */
const MMSGHDR_BYTES = 64;
const IOV_OFFSET = 16;
const IOVLEN_OFFSET = 24;
const BATCH_MAX = 1024;

function openSendmmsg() {
  return Deno.dlopen("libc.so.6", {
    /** int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags) */
    sendmmsg: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  }).symbols.sendmmsg;
}

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}

/** Every message is the same packet. */
const payload = new Uint8Array(PAYLOAD_BYTES),
  iov = new Uint8Array(16),
  messages = new Uint8Array(BATCH_MAX * MMSGHDR_BYTES);
const iovView = new DataView(iov.buffer), view = new DataView(messages.buffer);
iovView.setBigUint64(0, addressOf(payload), true);
iovView.setBigUint64(8, BigInt(PAYLOAD_BYTES), true);
for (let i = 0; i < BATCH_MAX; i++) {
  view.setBigUint64(i * MMSGHDR_BYTES + IOV_OFFSET, addressOf(iov), true);
  view.setBigUint64(i * MMSGHDR_BYTES + IOVLEN_OFFSET, 1n, true);
}

/** Nanoseconds that this thread has run. */
const runNs = () => Number(Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ")[0]);

preciseTimers();
const sendmmsg = openSendmmsg();
const socket = new DatagramSocket({ local: { host: "0.0.0.0", port: 0 }, remote: { host: ip!, port: Number(port) } });
const rest = new Poller();
const startUs = monotonicUs(), endUs = startUs + Number(seconds) * 1e6, perUs = Number(rate) / 1e6;
const beforeNs = runNs();
let sent = 0;
for (let now = startUs; now < endUs; now = monotonicUs()) {
  const due = Math.floor((now - startUs) * perUs) - sent;
  // What could not be sent in time is sent late: the rate is kept over the whole.
  for (let left = due; left > 0;) {
    const went = sendmmsg(socket.fd, messages, Math.min(left, BATCH_MAX), 0);
    if (went <= 0) {
      socket.drainErrors();
      break;
    }
    left -= went;
    sent += went;
  }
  rest.wait(TICK_US);
}
const cpuUs = Math.round((runNs() - beforeNs) / sent / 10) / 100;
console.log(JSON.stringify({ sent_per_s: Math.round(sent / Number(seconds)), cpu_us_per_packet: cpuUs }));
socket.close();
