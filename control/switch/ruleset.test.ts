import assert from "node:assert/strict";
import { messages } from "../../kernel_ffi/netlink.ts";
import { queuesOf } from "./ruleset_spec.ts";
import { markOf, planRuleset, type RulesetSpec, STEP, withPeerMac } from "./ruleset.ts";

const MAC = new Uint8Array([2, 0, 0, 0, 0, 1]);
const SPEC: RulesetSpec = {
  interfaces: [{
    name: "eth0",
    mac: MAC,
    peerMac: null,
    slots: [{ slot: 1, group: "web", queues: queuesOf(0), v4: [new Uint8Array([10, 0, 0, 1])], v6: [] }],
  }],
  others: ["eth1"],
  leaseMs: 20,
  queueKind: "nft",
};
const [SERVICE] = SPEC.interfaces;
const [SLOT] = SERVICE!.slots;

function bytesOf(spec: RulesetSpec): Uint8Array<ArrayBuffer>[] {
  return planRuleset(spec).map((batch) => batch.finish());
}

Deno.test("a mark names step and slot, as an unsigned number", () => {
  assert.equal(markOf(STEP.refresh, 1), 0x5e9e0001);
  assert.equal(markOf(STEP.arm, 255), 0x5e9e70ff);
});

Deno.test("the same specification always gives the same bytes", () => {
  assert.deepEqual(bytesOf(SPEC), bytesOf(structuredClone(SPEC)));
});

Deno.test("a part of a millisecond is rounded down, as the kernel does with parts of a jiffy", () => {
  assert.deepEqual(bytesOf({ ...SPEC, leaseMs: 20.9 }), bytesOf(SPEC));
});

Deno.test("each transaction is framed, and asks for one acknowledgement, of its last change", () => {
  const ACK = 4;
  for (const bytes of bytesOf(SPEC)) {
    const all = [...messages(bytes, bytes.length)];
    assert.equal(all.at(-1)!.end, bytes.length);
    assert.deepEqual([all[0]!.type, all.at(-1)!.type], [0x10, 0x11]);
    assert.deepEqual(all.map((it) => it.flags & ACK).filter((it) => it !== 0).length, 1);
    assert.equal(all.at(-2)!.flags & ACK, ACK);
  }
});

Deno.test("the peer's MAC adds one rule per slot at the entrance, two of passing on, and one element to the hold", () => {
  const count = (spec: RulesetSpec) => bytesOf(spec).map((bytes) => [...messages(bytes, bytes.length)].length);
  const [gate, hold] = count(SPEC);
  assert.deepEqual(count(withPeerMac(SPEC, "eth0", MAC)), [gate! + 3, hold! + 1]);
  assert.equal(SERVICE!.peerMac, null, "the specification itself is not changed");
});

Deno.test("a specification that would leave a gate open is refused", () => {
  const withSlots = (...slots: unknown[]) => ({ ...SPEC, interfaces: [{ ...SERVICE!, slots }] }) as RulesetSpec;
  const wrong: readonly RulesetSpec[] = [
    withSlots({ ...SLOT!, slot: 0 }),
    withSlots({ ...SLOT!, slot: 256 }),
    withSlots({ ...SLOT!, slot: 1.5 }),
    withSlots(SLOT, SLOT),
    withSlots({ ...SLOT!, v4: [new Uint8Array(16)] }),
    withSlots({ ...SLOT!, v6: [new Uint8Array(4)] }),
    { ...SPEC, others: ["eth0"] },
    { ...SPEC, others: ["eth1", "eth1"] },
    { ...SPEC, leaseMs: 0 },
    { ...SPEC, leaseMs: NaN },
  ];
  for (const spec of wrong) assert.throws(() => planRuleset(spec), RangeError);
});
