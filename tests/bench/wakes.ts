/**
 * How late a thread wakes that sleeps for a millisecond at a time, beside whatever else the machine does: `wakes.ts [--policy fifo] [--seconds 60]`.
 * Without `--policy` as the switch thread is scheduled. Root; JSON on stdout, microseconds.
 */
import { parseArgs } from "node:util";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { Poller } from "../../kernel_ffi/poll.ts";
import { becomeFifo, makeRealtime } from "../../kernel_ffi/scheduling.ts";

const SLEEP_US = 1000;

const { values } = parseArgs({ options: { policy: { type: "string" }, seconds: { type: "string", default: "60" } } });
const seconds = Number(values.seconds);
const isAsked = values.policy === undefined || values.policy === "fifo";
if (!isAsked || !(seconds > 0)) throw new RangeError("usage: wakes.ts [--policy fifo] [--seconds N]");

const { policy, reason } = values.policy === "fifo" ? becomeFifo(50, "not asked") : makeRealtime();
const poller = new Poller(), end = monotonicUs() + seconds * 1e6;
let wakes = 0, worst = 0, over5ms = 0, over20ms = 0;
for (let now = monotonicUs(); now < end; wakes++) {
  const due = now + SLEEP_US;
  poller.wait(SLEEP_US);
  now = monotonicUs();
  const late = now - due;
  worst = Math.max(worst, late);
  if (late > 5000) over5ms++;
  if (late > 20_000) over20ms++;
}
console.log(JSON.stringify({ bench: "wakes", policy, reason, wakes, over5ms, over20ms, worst_us: Math.round(worst) }));
