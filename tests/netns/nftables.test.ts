/** Transactions and questions to nf_tables of the real kernel. */
import assert from "node:assert/strict";
import { EEXIST, ENOENT, KernelError } from "../../kernel_ffi/errno.ts";
import type { NetlinkSocket } from "../../kernel_ffi/netlink_socket.ts";
import { NftBatch } from "../../kernel_ffi/nftables/batch.ts";
import { NFPROTO_INET } from "../../kernel_ffi/nftables/constants.ts";
import { DROP, goTo } from "../../kernel_ffi/nftables/data.ts";
import { countIn, meta, verdict, verdictOf } from "../../kernel_ffi/nftables/expressions.ts";
import {
  decodeChain,
  decodeCounter,
  decodeExpiration,
  encodeGetChains,
  encodeGetCounters,
  encodeGetElement,
} from "../../kernel_ffi/nftables/query.ts";
import { addCounter, addRule } from "../../kernel_ffi/nftables/rule.ts";
import { addElements, addSet, deleteElements, flushSet, KEY_IPV4, KEY_MARK } from "../../kernel_ffi/nftables/set.ts";
import { commit, openNftables, probeQueueKind } from "../../kernel_ffi/nftables/socket.ts";
import { addChain, addTable, deleteTable } from "../../kernel_ffi/nftables/table.ts";
import { libc } from "../../kernel_ffi/libc.ts";
import { viewOf } from "../../kernel_ffi/netlink.ts";
import { inFreshNamespace, run } from "./namespace.ts";

// Opened once for the whole run: in a test it would look like a leak.
libc();

const TABLE = { family: NFPROTO_INET, name: "t" };
const KEY = new Uint8Array([10, 0, 0, 1]);

function kernelTest(name: string, body: (socket: NetlinkSocket) => void): void {
  Deno.test(name, () =>
    inFreshNamespace(() => {
      const socket = openNftables();
      try {
        body(socket);
      } finally {
        socket.close();
      }
    }));
}

function plan(...steps: ((batch: NftBatch) => void)[]): NftBatch {
  const batch = new NftBatch();
  for (const step of steps) step(batch);
  return batch;
}

const table = (batch: NftBatch) => addTable(batch, TABLE);
const set = (batch: NftBatch) => addSet(batch, TABLE, { name: "s", key: KEY_IPV4, timeouts: true, size: 8 });

kernelTest("a transaction that fails changes nothing, and says which message failed and why", (socket) => {
  const broken = plan(table, (b) => addChain(b, TABLE, "c"), (b) => addRule(b, TABLE, "nowhere", verdict(DROP)));
  assert.throws(() => commit(socket, broken, "try"), (error) => {
    assert.ok(error instanceof KernelError);
    assert.equal(error.errno, ENOENT);
    assert.match(error.message, /^nf_tables: try \(message 3 of type 0xa06/);
    return true;
  });
  assert.equal(run("nft", "list", "ruleset"), "");
  commit(socket, plan(table), "add");
  assert.equal(run("nft", "list", "ruleset"), "table inet t {\n}\n", "the failure before left no answer behind");
});

kernelTest("a table is added again without harm, or refused where it must be new", (socket) => {
  commit(socket, plan(table, set), "add");
  commit(socket, plan(table), "add again");
  assert.match(run("nft", "list", "ruleset"), /set s/);
  const failure = socket.exchange(plan((b) => addTable(b, TABLE, true)).finish());
  assert.equal(failure, EEXIST);
  commit(socket, plan((b) => deleteTable(b, TABLE)), "delete");
  assert.equal(run("nft", "list", "ruleset"), "");
});

kernelTest("nft understands what was written", (socket) => {
  const KEYS = { name: "m", key: KEY_MARK, verdicts: true };
  const mark = new Uint8Array(new Uint32Array([0x1234]).buffer);
  commit(
    socket,
    plan(
      table,
      (b) => addCounter(b, TABLE, "n"),
      (b) => addChain(b, TABLE, "c"),
      (b) => addChain(b, TABLE, "d", { hook: 0, priority: -450 }),
      (b) => addSet(b, TABLE, KEYS),
      (b) => addElements(b, TABLE, "m", [{ key: mark, verdict: goTo("c") }]),
      (b) => addRule(b, TABLE, "c", countIn("n"), verdict(DROP)),
      (b) => addRule(b, TABLE, "d", meta("mark"), verdictOf("m")),
    ),
    "add",
  );
  const text = run("nft", "list", "ruleset");
  assert.match(text, /elements = \{ 0x00001234 : goto c \}/);
  assert.match(text, /chain c \{\s+counter name "n" drop\s+\}/);
  assert.match(text, /type filter hook prerouting priority -450; policy accept;\s+meta mark vmap @m/);
  // What nft prints, it can read again.
  run("nft", "flush", "ruleset");
  const file = Deno.makeTempFileSync({ prefix: "nftables-" });
  Deno.writeTextFileSync(file, text);
  run("nft", "-f", file);
  Deno.removeSync(file);
  assert.equal(run("nft", "list", "ruleset"), text);
});

kernelTest("elements come, are asked for, and go", (socket) => {
  const left = () => {
    let ms: number | null = null;
    const failure = socket.exchange(encodeGetElement(TABLE, "s", KEY), (view, message) => {
      ms = decodeExpiration(view, message.payloadOffset, message.end);
    });
    return failure === 0 ? ms : failure;
  };
  assert.equal(left(), ENOENT);
  commit(socket, plan(table, set, (b) => addElements(b, TABLE, "s", [{ key: KEY, timeoutMs: 60_000 }])), "add");
  const ms = left();
  assert.ok(ms !== null && ms > 50_000 && ms <= 60_000);
  commit(socket, plan((b) => deleteElements(b, TABLE, "s", [{ key: KEY }])), "delete");
  assert.equal(left(), ENOENT);
  assert.throws(
    () => commit(socket, plan((b) => deleteElements(b, TABLE, "s", [{ key: KEY }])), "delete"),
    KernelError,
  );
  commit(socket, plan((b) => flushSet(b, TABLE, "s")), "flush what is empty");
  assert.equal(left(), ENOENT);
});

kernelTest("chains and counters are read as nft shows them", (socket) => {
  run("ip", "link", "add", "veth0", "type", "veth", "peer", "name", "p0");
  run(
    "nft",
    "add table inet t; add counter inet t n { packets 7 bytes 900; }; add counter inet t z; add chain inet t c",
  );
  run("nft", "add rule inet t c accept; add rule inet t c drop; add table netdev t");
  run("nft", 'add chain netdev t e { type filter hook egress device "veth0" priority 0; }');
  const chains = (family: number) => socket.request(encodeGetChains(family)).map((it) => decodeChain(it.payload));
  assert.deepEqual(chains(NFPROTO_INET), [{ table: "t", name: "c", uses: 2, hook: null, device: null }]);
  assert.deepEqual(chains(5), [{ table: "t", name: "e", uses: 0, hook: 1, device: "veth0" }]);
  const counters = socket.request(encodeGetCounters(TABLE)).map((it) => decodeCounter(it.payload));
  assert.deepEqual(counters, [{ name: "n", packets: 7 }, { name: "z", packets: 0 }]);
  assert.equal(decodeCounter(new Uint8Array(4)), null);
  assert.equal(decodeExpiration(viewOf(new Uint8Array(4)), 0, 4), null);
});

kernelTest("a transaction of thousands of messages goes at once", (socket) => {
  const steps = Array.from({ length: 3000 }, (_, i) => (b: NftBatch) => addChain(b, TABLE, `chain_${i}`));
  commit(socket, plan(table, ...steps), "add many");
  assert.equal(socket.request(encodeGetChains(NFPROTO_INET)).length, 3000);
});

kernelTest("an empty transaction is refused before it is sent", () => {
  assert.throws(() => new NftBatch().finish(), RangeError);
});

kernelTest("the probe finds a way into NFQUEUE, and leaves nothing behind", () => {
  const kind = probeQueueKind();
  assert.ok(kind === "nft" || kind === "xt");
  assert.equal(run("nft", "list", "ruleset"), "");
});
