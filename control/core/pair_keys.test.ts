import assert from "node:assert/strict";
import { emptyHeartbeat, type Heartbeat } from "./heartbeat.ts";
import { PairKeys } from "./pair_keys.ts";
import { DATAGRAM_MAX, decodeHeartbeat, encodeHeartbeat, fingerprint, prepareKey } from "./wire.ts";

const [A, B, C] = [1, 2, 3].map((fill) => prepareKey(new Uint8Array(32).fill(fill), "edge")) as [Key, Key, Key];
type Key = ReturnType<typeof prepareKey>;

/** Two nodes, each with what it has read from its file. */
function pair(a: readonly Key[], b: readonly Key[]) {
  const nodes = [new PairKeys(a), new PairKeys(b)] as const;
  const counted: string[] = [];
  /** A heartbeat of `from`, as the other one reads it: null, or why it does not. */
  const say = (from: 0 | 1, key = nodes[from].signing) => {
    const beat = emptyHeartbeat(), out = new Uint8Array(DATAGRAM_MAX), into = emptyHeartbeat();
    Object.assign(beat, { node: from, session: 1 });
    nodes[from].fill(beat);
    const length = encodeHeartbeat(beat, key, out);
    const refusal = decodeHeartbeat(out, length, nodes[1 - from]!, 1 - from, into);
    if (refusal === null) nodes[1 - from]!.heard(into);
    else counted.push(`${"ab"[1 - from]} ${refusal}`);
    return refusal;
  };
  const talk = () => {
    for (let i = 0; i < 3; i++) for (const from of [0, 1] as const) say(from);
  };
  talk();
  return {
    nodes,
    say,
    talk,
    counted,
    signs: () => nodes.map(({ signing }) => "ABC"[[A, B, C].indexOf(signing)]).join(""),
  };
}

Deno.test("a rotation, node by node: nobody is deaf for one heartbeat, and what is retired is refused by name", () => {
  const p = pair([A], [A]);
  const stages: [0 | 1, Key[], string][] = [
    [0, [A, B], "AA"],
    [1, [A, B], "AA"],
    [1, [B, A], "AB"],
    [0, [B, A], "BB"],
    [0, [B], "BB"],
    [1, [B], "BB"],
  ];
  for (const [node, keys, signs] of stages) {
    p.nodes[node].replace(keys);
    p.talk();
    assert.equal(p.signs(), signs);
    assert.deepEqual(p.nodes.map((one) => one.trouble("x")), [null, null]);
  }
  assert.deepEqual(p.counted, []);
  assert.equal(p.say(0, A), "retiredKey");
  assert.equal(p.say(0, C), "otherKey");
  assert.equal(fingerprint(p.nodes[1].foreignId), fingerprint(C.keyId));
});

Deno.test("promoted where the peer has not got the new key: the old one goes on signing, and it is said", () => {
  const p = pair([A], [A]);
  p.nodes[0].replace([B, A]);
  p.talk();
  assert.equal(p.signs(), "AA");
  assert.match(p.nodes[0].trouble("b")!, new RegExp(`^b does not have key ${fingerprint(B.keyId)}, the first one`));
  // The peer gets it: from the next heartbeat on the first one signs.
  p.nodes[1].replace([A, B]);
  p.talk();
  assert.deepEqual([p.signs(), p.nodes[0].trouble("b"), p.counted], ["BA", null, []]);
});

Deno.test("retired where the peer still signs with it: the peer hears so, and changes over by itself", () => {
  const p = pair([A, B], [A, B]);
  p.nodes[0].replace([B]);
  p.talk();
  assert.deepEqual(p.signs(), "BB");
  assert.deepEqual(p.counted, [], "it was told before it spoke again");
  assert.match(
    p.nodes[1].trouble("a")!,
    /^a does not have key .* the first one.* or, .* retired there, promote the other one here/,
  );
});

Deno.test("a second key that was made on each node by itself is seen, and promoted on neither", () => {
  const p = pair([A, B], [A, C]);
  assert.match(
    p.nodes[0].trouble("b")!,
    new RegExp(`key ${fingerprint(B.keyId)}, b has ${fingerprint(C.keyId)} in its`),
  );
  p.nodes[0].replace([B, A]);
  p.talk();
  assert.equal(p.signs(), "AA");
});

Deno.test("a restart into the middle of a rotation: whoever has a key of the other's is met", () => {
  // b knows nothing of the first key of a: it hears nothing until a answers what it hears with its key, or tries the other one.
  const p = pair([B, A], [A]);
  assert.equal(p.signs(), "AA");
  assert.deepEqual(new Set(p.counted), new Set(["b otherKey"]));
  const both = new PairKeys([B, A]);
  assert.equal(both.signer(A.keyId), A);
  assert.equal(both.signer(C.keyId), B);
  assert.equal(both.otherId, A.keyId);
  assert.equal(new PairKeys([A]).otherId, 0);
});

Deno.test("a peer of a version that says nothing has the key that it signs with", () => {
  const keys = new PairKeys([B, A]);
  const old: Heartbeat = Object.assign(emptyHeartbeat(), { keyId: A.keyId });
  assert.equal(keys.heard(old), true);
  assert.equal(keys.heard(old), false);
  assert.equal(keys.signing, A);
  assert.deepEqual(keys.status(), {
    signs: fingerprint(A.keyId),
    accepts: [B, A].map(({ keyId }) => fingerprint(keyId)),
    peer: { signs: fingerprint(A.keyId), accepts: [fingerprint(A.keyId)] },
  });
});

Deno.test("a key that comes back is retired no longer; many rotations are remembered to a bound", () => {
  const keys = new PairKeys([A]);
  keys.replace([B]);
  keys.replace([A, B]);
  assert.deepEqual(keys.retired, []);
  for (let fill = 10; fill < 60; fill++) keys.replace([prepareKey(new Uint8Array(32).fill(fill), "edge")]);
  assert.equal(keys.retired.length, 16);
  assert.throws(() => keys.replace([A, A]), RangeError);
  assert.throws(() => keys.replace([A, B, C]), RangeError);
  assert.throws(() => new PairKeys([]), RangeError);
});
