import assert from "node:assert/strict";
import { keyLines } from "./key_text.ts";
import { SAMPLE_SNAPSHOT } from "./status_sample.ts";

/** Keys as letters: those of the file here and there, the first one signs unless told otherwise. */
function lines(own: string, theirs: string, o: { signs?: string; state?: "alive" | "silent" } = {}): string {
  const accepts = own.split(""), peer = theirs.split("");
  const keys = { signs: o.signs ?? accepts[0]!, accepts, peer: { signs: peer[0]!, accepts: peer } };
  return keyLines({ keys, peer: { ...SAMPLE_SNAPSHOT.peer, state: o.state ?? "alive" } });
}

Deno.test("one key on both nodes is one line", () => {
  assert.equal(lines("A", "A"), "keys: both nodes have A alone\n");
});

Deno.test("each stage of a rotation says what may be done", () => {
  const stages: readonly [own: string, theirs: string, RegExp][] = [
    [
      "AB",
      "A",
      /^keys: signs with A, accepts B; b signs with A, has no other\n +b does not have B: a new key has to be copied there/,
    ],
    ["A", "AB", /^ +this node does not have B: a new key has to be copied here/m],
    ["AB", "AB", /^ +both nodes have both: B may be promoted \(a new key\) or retired \(an old one\)$/m],
    ["BA", "AB", /^keys: signs with B, accepts A; b signs with A, accepts B\n +promoted on one node only/],
    ["BA", "BA", /both nodes have both: A may be/],
    ["B", "BA", /this node does not have A: .* an old one is to be retired on the other node too/],
    ["AB", "AC", /B is here alone and C on b alone: one file for both/],
  ];
  for (const [own, theirs, text] of stages) assert.match(lines(own, theirs), text);
  assert.match(
    lines("BA", "A", { signs: "A" }),
    /signs with A, accepts B; b signs with A, has no other\n +b does not have B/,
  );
});

Deno.test("what a silent peer said is no ground to go on; a daemon that tells nothing gets no line", () => {
  assert.equal(
    lines("AB", "AB", { state: "silent" }),
    "keys: signs with A, accepts B; b when last heard: signs with A, accepts B\n",
  );
  const { keys: _, ...earlier } = SAMPLE_SNAPSHOT;
  assert.equal(keyLines(earlier), "");
});
