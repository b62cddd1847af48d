import assert from "node:assert/strict";
import { DIGEST_BYTES, formatDigest, pairDigest } from "./digest.ts";
import { loadConfig } from "./load.ts";
import type { PairConfig } from "./model.ts";

const TEXT = `
[pair]
name = "edge"
[timing]
heartbeat = "10ms"
lease = "60ms"
dead_after = "50ms"
[[node]]
name = "a"
paths = ["10.78.0.1:4790", "[fd00::1]:4790"]
[[node]]
name = "b"
paths = ["10.78.0.2:4790", "[fd00::2]:4790"]
[[group]]
name = "web"
prefer = "a"
preempt = false
addresses = [{ address = "fd00:77::100/128", interface = "veth0" }, { address = "10.77.0.100/32", interface = "veth0" }]
`;

function digestOf(text: string): string {
  const result = loadConfig(text);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return formatDigest(pairDigest(result.config));
}

Deno.test("the digest is what it was: a change of it parts pairs that are upgraded one node at a time", () => {
  assert.equal(DIGEST_BYTES * 2, digestOf(TEXT).length);
  assert.equal(digestOf(TEXT), "e0c9bbc52360004e");
});

Deno.test("the gateway is part of it, how often it is asked is not; other tracks are not", () => {
  const digest = (track: string) => digestOf(`${TEXT}track = [${track}]\n`);
  assert.equal(digest('{ exec = ["/bin/true"] }'), digestOf(TEXT));
  const one = digest('{ gateway = "10.77.0.254" }');
  assert.notEqual(one, digestOf(TEXT));
  assert.notEqual(one, digest('{ gateway = "10.77.0.253" }'));
  assert.equal(one, digest('{ gateway = "10.77.0.254", every = "2s", fall = 3 }'));
});

Deno.test("an arbiter: what both wait for is in it, whom each asks is not", () => {
  const digest = (keys: string) => digestOf(`${TEXT}[arbiter]\netcd = ["https://e:1"]\n${keys}`);
  const one = digest("");
  assert.notEqual(one, digestOf(TEXT));
  assert.notEqual(one, digest('timeout = "301ms"'));
  assert.notEqual(one, digest('prefix = "/x/"'));
  assert.equal(one, digest('timeout = "300ms"\nttl = "11s"\nca_file = "/ca.pem"'));
});

Deno.test("the same meaning, written differently, is the same digest", () => {
  const same: [string, string][] = [
    ["10ms", "10000us"],
    ["fd00:77::100", "FD00:77:0:0:0::0100"],
    ['name = "edge"', 'key_file = "/elsewhere"\nname = "edge" # our edge'],
    ["dead_after", 'profile = "lan"\ndrain = "5ms"\nbarrier = "7ms"\nstart_wait = "2s"\ndead_after'],
    ["preempt = false", 'track = [{ interface = "veth0" }]'],
  ];
  for (const [from, to] of same) {
    assert.ok(TEXT.includes(from));
    assert.equal(digestOf(TEXT.replace(from, to)), digestOf(TEXT), to);
  }
});

Deno.test("whatever both nodes must agree on changes it", () => {
  const different: [string, string][] = [
    ['"edge"', '"core"'],
    ["10ms", "11ms"],
    ["60ms", "61ms"],
    ["50ms", "51ms"],
    ['name = "b"', 'name = "c"'],
    ["10.78.0.2", "10.78.0.3"],
    ["[fd00::2]:4790", "[fd00::2]:4791"],
    ['"web"', '"www"'],
    ['prefer = "a"', 'prefer = "b"'],
    ["preempt = false", "preempt = true"],
    ["fd00:77::100", "fd00:77::101"],
    ["10.77.0.100/32", "10.77.0.100/31"],
    ["veth0", "veth1"],
  ];
  const seen = new Set([digestOf(TEXT)]);
  for (const [from, to] of different) {
    assert.ok(TEXT.includes(from), from);
    const digest = digestOf(TEXT.replace(from, to));
    assert.ok(!seen.has(digest), to);
    seen.add(digest);
  }
});

Deno.test("the order counts: nodes, groups and links are places on the wire", () => {
  const result = loadConfig(TEXT);
  assert.ok("config" in result);
  const { config } = result;
  const [a, b] = config.nodes;
  const swapped: PairConfig = { ...config, nodes: [b, a] };
  assert.notEqual(formatDigest(pairDigest(swapped)), formatDigest(pairDigest(config)));
});
