/**
 * What is written here against what nft 1.0.6 and iptables-nft 1.8.9 send for the same words: the bytes behind each
 * netlink header, from `strace -f -e trace=sendmsg,sendto -e write=all COMMAND`, the command above each.
 */
import assert from "node:assert/strict";
import { attributes, attributeText, findAttribute, messages, NLMSG_HEADER_BYTES, viewOf } from "../netlink.ts";
import { NftBatch } from "./batch.ts";
import { NF_NETDEV_EGRESS, NF_NETDEV_INGRESS, NFPROTO_IPV4, NFPROTO_NETDEV } from "./constants.ts";
import { ACCEPT, DROP, goTo } from "./data.ts";
import * as x from "./expressions.ts";
import { addCounter, addRule, flushChain } from "./rule.ts";
import { addElements, addSet, flushSet, KEY_IPV4, KEY_MARK } from "./set.ts";
import { addChain, addTable, deleteTable } from "./table.ts";

const T = { family: NFPROTO_NETDEV, name: "t" };
const T2 = { family: NFPROTO_NETDEV, name: "t2" };
const IP_T2 = { family: NFPROTO_IPV4, name: "t2" };

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The message between the two frames of a transaction. */
function only(write: (batch: NftBatch) => void): { type: number; payload: Uint8Array } {
  const batch = new NftBatch(16);
  write(batch);
  const bytes = batch.finish();
  const [begin, message, end, ...rest] = [...messages(bytes, bytes.length)];
  assert.deepEqual([begin!.type, end!.type, rest.length], [0x10, 0x11, 0]);
  assert.equal(message!.payloadOffset - NLMSG_HEADER_BYTES, begin!.end);
  return { type: message!.type, payload: bytes.slice(message!.payloadOffset, message!.end) };
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g)!, (byte) => parseInt(byte, 16));
}

function same(name: string, write: (batch: NftBatch) => void, type: number, golden: string): void {
  Deno.test(name, () => {
    const message = only(write);
    assert.equal(message.type, type);
    assert.equal(hex(message.payload), golden);
  });
}

/** The expressions of a rule message, without the ids of sets: those hold within one transaction of nft only. */
function expressionsOf(payload: Uint8Array): string[] {
  const SET_ID: Readonly<Record<string, number>> = { lookup: 4, dynset: 2 };
  const view = viewOf(payload);
  const list = findAttribute(view, 4, payload.length, 4)!;
  return Array.from(attributes(view, list.offset, list.end), ({ offset, end }) => {
    const name = attributeText(view, findAttribute(view, offset, end, 1)!);
    const data = findAttribute(view, offset, end, 2)!;
    const kept = [...attributes(view, data.offset, data.end)].filter(({ type }) => type !== SET_ID[name]);
    return [name, ...kept.map((it) => hex(payload.subarray(it.offset - 4, it.end)))].join(" ");
  });
}

function sameRule(name: string, write: (batch: NftBatch) => void, golden: string): void {
  Deno.test(name, () => {
    const message = only(write);
    assert.equal(message.type, 0xa06);
    assert.deepEqual(expressionsOf(message.payload), expressionsOf(fromHex(golden)));
  });
}

/** Compares one attribute only. */
function sameAttribute(name: string, write: (batch: NftBatch) => void, attribute: number, golden: string): void {
  Deno.test(name, () => {
    const { payload } = only(write);
    const found = findAttribute(viewOf(payload), 4, payload.length, attribute)!;
    assert.equal(hex(payload.subarray(found.offset, found.end)), golden);
  });
}

const rule = (chain: string, ...expressions: x.Expression[]) => (batch: NftBatch) =>
  addRule(batch, T, chain, ...expressions);
const is = (...bytes: number[]) => x.equals(new Uint8Array(bytes));
const mac = (last: number) => new Uint8Array([2, 0, 0, 0, 0, last]);
const ETHER = [x.meta("iiftype"), is(1, 0)];

// nft add table netdev t2
same("nft add table netdev t2", (b) => addTable(b, T2), 0xa00, "0500000007000100743200000800020000000000");

// nft add chain netdev t2 c
same("nft add chain netdev t2 c", (b) => addChain(b, T2, "c"), 0xa03, "0500000007000100743200000600030063000000");

// nft add chain netdev t2 o { type filter hook egress device "veth0" priority 500; }
same(
  'nft add chain netdev t2 o { type filter hook egress device "veth0" priority 500; }',
  (b) => addChain(b, T2, "o", { hook: NF_NETDEV_EGRESS, priority: 500, device: "veth0" }),
  0xa03,
  "050000000700010074320000060003006f0000000b00070066696c746572000020000480080001000000000108000200000001f40a0003007665746830000000",
);

// nft add counter netdev t2 c1
same(
  "nft add counter netdev t2 c1",
  (b) => addCounter(b, T2, "c1"),
  0xa12,
  "050000000700010074320000070002006331000008000300000000011c0004800c00010000000000000000000c0002000000000000000000",
);

// nft add set netdev t2 lease { type mark; size 64; flags dynamic,timeout; }
same(
  "nft add set netdev t2 lease { type mark; size 64; flags dynamic,timeout; }",
  (b) => addSet(b, T2, { name: "lease", key: KEY_MARK, timeouts: true, dynamic: true, size: 64 }),
  0xa09,
  "0500000007000100743200000a0002006c6561736500000008000300000000300800040000000013080005000000000408000a00000000010c00098008000100000000400a000d000004010000000000",
);

// nft add map netdev t2 m { type ipv4_addr : verdict; }
same(
  "nft add map netdev t2 m { type ipv4_addr : verdict; }",
  (b) => addSet(b, T2, { name: "m", key: KEY_IPV4, verdicts: true }),
  0xa09,
  "050000000700010074320000060002006d00000008000300000000080800040000000007080005000000000408000600ffffff00080007000000000008000a000000000116000d000004020000000104000000000604000000000000",
);

// nft add set ip t2 held { type ipv4_addr; size 16; flags timeout; }
same(
  "nft add set ip t2 held { type ipv4_addr; size 16; flags timeout; }",
  (b) => addSet(b, IP_T2, { name: "held", key: KEY_IPV4, timeouts: true, size: 16 }),
  0xa09,
  "0200000007000100743200000900020068656c640000000008000300000000100800040000000007080005000000000408000a00000000010c00098008000100000000100a000d000004020000000000",
);

// nft flush set ip t2 held
same(
  "nft flush set ip t2 held",
  (b) => flushSet(b, IP_T2, "held"),
  0xa0e,
  "020000000900020068656c64000000000700010074320000",
);

// nft add rule netdev t gate meta mark @lease update @lease { meta mark timeout 20ms } accept
sameRule(
  "nft add rule netdev t gate meta mark @lease update @lease { meta mark timeout 20ms } accept",
  rule("gate", x.meta("mark"), x.lookup("lease"), x.meta("mark"), x.update("lease", 20), x.verdict(ACCEPT)),
  "050000000600010074000000090002006761746500000000f000048024000180090001006d657461000000001400028008000200000000030800010000000001300001800b0001006c6f6f6b757000002000028008000200000000010a0001006c65617365000000080004000000000124000180090001006d657461000000001400028008000200000000030800010000000001440001800b00010064796e736574000034000280080004000000000108000300000000010c00060000000000000000140a0001006c656173650000000800020000000001300001800e000100696d6d6564696174650000001c0002800800010000000000100002800c0002800800010000000001",
);

// nft add rule netdev t c update @s { ip saddr timeout 30s counter }
sameRule(
  "nft add rule netdev t c update @s { ip saddr timeout 30s counter }",
  rule(
    "c",
    x.meta("protocol"),
    x.equals(new Uint8Array([8, 0])),
    x.payload("network", 12, 4),
    x.updateCounting("s", 30_000),
  ),
  "0500000006000100740000000600020063000000dc00048024000180090001006d6574610000000014000280080002000000000108000100000000012c00018008000100636d700020000280080001000000000108000200000000000c0003800600010008000000340001800c0001007061796c6f6164002400028008000100000000010800020000000001080003000000000c0800040000000004540001800b00010064796e736574000044000280080004000000000108000300000000010c000600000000000000753006000100730000000800020000000001140007800c000100636f756e7465720004000280",
);

// nft add rule netdev t gate delete @lease { meta mark } counter name "c1" drop
sameRule(
  'nft add rule netdev t gate delete @lease { meta mark } counter name "c1" drop',
  rule("gate", x.meta("mark"), x.remove("lease"), x.countIn("c1"), x.verdict(DROP)),
  "050000000600010074000000090002006761746500000000b400048024000180090001006d657461000000001400028008000200000000030800010000000001380001800b00010064796e736574000028000280080004000000000108000300000000020a0001006c656173650000000800020000000001240001800b0001006f626a72656600001400028008000100000000010600020063310000300001800e000100696d6d6564696174650000001c0002800800010000000000100002800c0002800800010000000000",
);

// nft add rule netdev t top ip saddr vmap @m
sameRule(
  "nft add rule netdev t top ip saddr vmap @m",
  rule("top", x.meta("protocol"), is(8, 0), x.payload("network", 12, 4), x.verdictOf("m")),
  "05000000060001007400000008000200746f7000bc00048024000180090001006d6574610000000014000280080002000000000108000100000000012c00018008000100636d700020000280080001000000000108000200000000000c0003800600010008000000340001800c0001007061796c6f6164002400028008000100000000010800020000000001080003000000000c0800040000000004340001800b0001006c6f6f6b757000002400028008000200000000010800030000000000060001006d0000000800040000000003",
);

// nft add rule netdev t out meta mark & 0xffff0000 == 0x5e9e0000 goto gate
sameRule(
  "nft add rule netdev t out meta mark & 0xffff0000 == 0x5e9e0000 goto gate",
  rule(
    "out",
    x.meta("mark"),
    x.masked(new Uint8Array([0, 0, 0xff, 0xff])),
    is(0, 0, 0x9e, 0x5e),
    x.verdict(goTo("gate")),
  ),
  "050000000600010074000000080002006f757400dc00048024000180090001006d6574610000000014000280080002000000000308000100000000014c0001800c00010062697477697365003c00028008000100000000010800020000000001080006000000000008000300000000040c000480080001000000ffff0c00058008000100000000002c00018008000100636d700020000280080001000000000108000200000000000c0003800800010000009e5e3c0001800e000100696d6d6564696174650000002800028008000100000000001c0002801800028008000100fffffffc090002006761746500000000",
);

// nft add chain netdev t in { type filter hook ingress device "veth0" priority -500; }
same(
  'nft add chain netdev t in { type filter hook ingress device "veth0" priority -500; }',
  (b) => addChain(b, T, "in", { hook: NF_NETDEV_INGRESS, priority: -500, device: "veth0" }),
  0xa03,
  "05000000060001007400000007000300696e00000b00070066696c746572000020000480080001000000000008000200fffffe0c0a0003007665746830000000",
);

// nft add rule netdev t in ether daddr 02:00:00:00:00:01 ether saddr != 02:00:00:00:00:02 ether saddr set 02:00:00:00:00:01 ether daddr set 02:00:00:00:00:02 fwd to iif
sameRule(
  "nft add rule netdev t in ether daddr 02:00:00:00:00:01 ether saddr != 02:00:00:00:00:02 ether saddr set 02:00:00:00:00:01 ether daddr set 02:00:00:00:00:02 fwd to iif",
  rule(
    "in",
    ...ETHER,
    x.payload("link", 0, 6),
    x.equals(mac(1)),
    x.payload("link", 6, 6),
    x.differs(mac(2)),
    x.immediate(mac(1)),
    x.payloadWrite("link", 6, 6),
    x.immediate(mac(2)),
    x.payloadWrite("link", 0, 6),
    x.meta("iif"),
    x.forward(),
  ),
  "05000000060001007400000007000200696e00002002048024000180090001006d6574610000000014000280080002000000000808000100000000012c00018008000100636d700020000280080001000000000108000200000000000c0003800600010001000000340001800c0001007061796c6f6164002400028008000100000000010800020000000000080003000000000008000400000000063000018008000100636d70002400028008000100000000010800020000000000100003800a0001000200000000010000340001800c0001007061796c6f6164002400028008000100000000010800020000000000080003000000000608000400000000063000018008000100636d70002400028008000100000000010800020000000001100003800a0001000200000000020000300001800e000100696d6d6564696174650000001c0002800800010000000001100002800a0001000200000000010000340001800c0001007061796c6f616400240002800800050000000001080002000000000008000300000000060800040000000006300001800e000100696d6d6564696174650000001c0002800800010000000001100002800a0001000200000000020000340001800c0001007061796c6f61640024000280080005000000000108000200000000000800030000000000080004000000000624000180090001006d6574610000000014000280080002000000000408000100000000011800018008000100667764000c0002800800010000000001",
);

// nft add rule netdev t in ether saddr @macs drop
sameRule(
  "nft add rule netdev t in ether saddr @macs drop",
  rule("in", ...ETHER, x.payload("link", 6, 6), x.lookup("macs"), x.verdict(DROP)),
  "05000000060001007400000007000200696e0000e800048024000180090001006d6574610000000014000280080002000000000808000100000000012c00018008000100636d700020000280080001000000000108000200000000000c0003800600010001000000340001800c0001007061796c6f616400240002800800010000000001080002000000000008000300000000060800040000000006300001800b0001006c6f6f6b75700000200002800800020000000001090001006d616373000000000800040000000002300001800e000100696d6d6564696174650000001c0002800800010000000000100002800c0002800800010000000000",
);

// nft add rule netdev t in icmpv6 type nd-neighbor-solicit @th,64,128 0xfd000077000000000000000000000100 drop
sameRule(
  "nft add rule netdev t in icmpv6 type nd-neighbor-solicit @th,64,128 0xfd000077000000000000000000000100 drop",
  rule(
    "in",
    x.meta("protocol"),
    is(0x86, 0xdd),
    x.meta("l4proto"),
    is(58),
    x.payload("transport", 0, 1),
    is(135),
    x.payload("transport", 8, 16),
    is(0xfd, 0, 0, 0x77, ...new Uint8Array(10), 1, 0),
    x.verdict(DROP),
  ),
  "05000000060001007400000007000200696e0000a001048024000180090001006d6574610000000014000280080002000000000108000100000000012c00018008000100636d700020000280080001000000000108000200000000000c0003800600010086dd000024000180090001006d6574610000000014000280080002000000001008000100000000012c00018008000100636d700020000280080001000000000108000200000000000c000380050001003a000000340001800c0001007061796c6f6164002400028008000100000000010800020000000002080003000000000008000400000000012c00018008000100636d700020000280080001000000000108000200000000000c0003800500010087000000340001800c0001007061796c6f6164002400028008000100000000010800020000000002080003000000000808000400000000103800018008000100636d70002c000280080001000000000108000200000000001800038014000100fd000077000000000000000000000100300001800e000100696d6d6564696174650000001c0002800800010000000000100002800c0002800800010000000000",
);

// nft add rule netdev t in arp saddr ip 10.0.0.1 drop
sameRule(
  "nft add rule netdev t in arp saddr ip 10.0.0.1 drop",
  rule("in", x.meta("protocol"), is(8, 6), x.payload("network", 14, 4), is(10, 0, 0, 1), x.verdict(DROP)),
  "05000000060001007400000007000200696e0000e400048024000180090001006d6574610000000014000280080002000000000108000100000000012c00018008000100636d700020000280080001000000000108000200000000000c0003800600010008060000340001800c0001007061796c6f6164002400028008000100000000010800020000000001080003000000000e08000400000000042c00018008000100636d700020000280080001000000000108000200000000000c000380080001000a000001300001800e000100696d6d6564696174650000001c0002800800010000000000100002800c0002800800010000000000",
);

// nft flush chain netdev t in
same("nft flush chain netdev t in", (b) => flushChain(b, T, "in"), 0xa08, "05000000060001007400000007000200696e0000");

// nft delete table netdev t2
same("nft delete table netdev t2", (b) => deleteTable(b, T2), 0xa02, "050000000700010074320000");

// nft add element netdev t m { 10.0.0.1 : goto gate } (its elements or expressions)
sameAttribute(
  "nft add element netdev t m { 10.0.0.1 : goto gate }",
  (b) => addElements(b, T, "m", [{ key: new Uint8Array([10, 0, 0, 1]), verdict: goTo("gate") }]),
  3,
  "2c0001800c000180080001000a0000011c0002801800028008000100fffffffc090002006761746500000000",
);

// nft add element ip t2 held { 10.0.0.1 timeout 2s } (its elements or expressions)
sameAttribute(
  "nft add element ip t2 held { 10.0.0.1 timeout 2s }",
  (b) => addElements(b, IP_T2, "held", [{ key: new Uint8Array([10, 0, 0, 1]), timeoutMs: 2000 }]),
  3,
  "1c0001800c00040000000000000007d00c000180080001000a000001",
);

// nft add rule ip t2 x queue num 1 bypass (its elements or expressions)
sameAttribute(
  "nft add rule ip t2 x queue num 1 bypass",
  rule("x", x.queue(1)),
  4,
  "2c0001800a00010071756575650000001c000280060001000001000006000200000100000600030000010000",
);

// iptables-nft -t raw -A PREROUTING -j NFQUEUE --queue-num 1 --queue-bypass (its expressions but for the counter in front)
sameAttribute(
  "iptables-nft -t raw -A PREROUTING -j NFQUEUE --queue-num 1 --queue-bypass",
  rule("x", x.queueTarget(1)),
  4,
  "340001800b0001007461726765740000240002800c0001004e4651554555450008000200000000030c0003000100010001000000",
);
