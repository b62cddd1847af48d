/**
 * A group's table in memory: `deno run -A --v8-flags=--expose-gc tests/bench/state_table.ts [--keys 1000000]`. Prints JSON: bytes of memory per
 * key beside those of plain objects, and what each operation costs. Keys of 16 bytes, values of 32.
 */
import { parseArgs } from "node:util";
import { GroupTable } from "../../control/core/state/table.ts";

const { values: flags } = parseArgs({ options: { keys: { type: "string", default: "1000000" } } });
const count = Number(flags.keys);
const value = new Uint8Array(32).fill(7);
const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error("bench: --v8-flags=--expose-gc is needed to tell memory from garbage");

/** Keys in an order that is not theirs. */
function keyOf(n: number): string {
  return `k${String(Number(BigInt(n) * 2_654_435_761n % 1_000_000_007n)).padStart(15, "0")}`;
}

function used(): number {
  collect!();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

interface Measure {
  readonly ns_each: number;
  readonly longest_ms: number;
}

/** Cost of each of `times` calls, and of the slowest 1,000 in a row. */
function measure(times: number, body: (n: number) => void): Measure {
  const start = performance.now();
  let longest = 0;
  for (let n = 0; n < times;) {
    const began = performance.now();
    for (const end = Math.min(times, n + 1000); n < end; n++) body(n);
    longest = Math.max(longest, performance.now() - began);
  }
  const ns = Math.round((performance.now() - start) * 1e6 / times);
  return { ns_each: ns, longest_ms: Math.round(longest * 10) / 10 };
}

function plainBytesPerKey(): number {
  const before = used();
  const rows = new Map<string, { lsn: number; epoch: number; value: Uint8Array }>();
  for (let n = 0; n < count; n++) rows.set(keyOf(n), { lsn: n + 1, epoch: 1, value: value.slice() });
  const bytes = used() - before;
  if (rows.size !== count) throw new Error("bench: keys are not distinct");
  return Math.round(bytes / count);
}

const plain = plainBytesPerKey();
const table = new GroupTable();
const insert = measure(count, (n) => table.put(keyOf(n), n + 1, 1, value));
const bytesNew = table.allocated / count;
const rounds = 2 * count;
const random = (n: number) => Number(BigInt(n) * 48_271n % BigInt(count));
const update = measure(rounds, (n) => table.put(keyOf(random(n)), count + n + 1, 1, value));
const bytesUpdated = table.allocated / count;
const get = measure(count, (n) => table.get(keyOf(random(n))));
const list = measure(1000, (n) => table.list("k", keyOf(n), 100));
let from = 0, pieces = 0, packed = 0;
const copy: Uint8Array[] = [];
const packing = performance.now();
for (;;) {
  const { piece, rows, upTo } = table.packAbove(from);
  if (rows === 0) break;
  from = upTo;
  pieces++;
  packed += rows;
  copy.push(piece);
}
const packMs = performance.now() - packing;
const other = new GroupTable();
const applying = performance.now();
for (const piece of copy) other.applyPacked(piece);
const applyMs = performance.now() - applying;
const makingKeys = measure(count, (n) => keyOf(random(n)));
console.log(JSON.stringify(
  {
    bench: "state_table",
    keys: table.keys,
    bytes_per_key: {
      plain_objects: plain,
      table: Math.round(bytesNew),
      after_updates: Math.round(bytesUpdated),
      payload: 48,
    },
    insert,
    update,
    get,
    list_100: list,
    pack_all: { rows: packed, pieces, ms: Math.round(packMs) },
    apply_packed_all: { keys: other.keys, ms: Math.round(applyMs) },
    making_the_key: makingKeys,
  },
  null,
  2,
));
