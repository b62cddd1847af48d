import assert from "node:assert/strict";
import { loadConfig } from "../../config/load.ts";
import type { PairConfig } from "../../config/model.ts";
import { bytesOf, planSwitch } from "./plan.ts";

const CONFIG = config(`
[pair]
name = "edge"
[[node]]
name = "a"
paths = ["10.78.0.1:4790", "[fd00::1]:4791"]
[[node]]
name = "b"
paths = ["10.78.0.2:4790", "[fd00::2]:4791"]
[[group]]
name = "web"
prefer = "a"
addresses = [
  { address = "10.77.0.100/32", interface = "veth0" },
  { address = "10.79.0.100/24", interface = "veth1" },
  { address = "fd00:77::100/128", interface = "veth0" },
]
[[group]]
name = "mail"
prefer = "b"
addresses = [{ address = "10.79.0.101/32", interface = "veth1" }]
`);

function config(text: string): PairConfig {
  const result = loadConfig(text);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.config;
}

Deno.test("each group has one slot on each of its interfaces, numbered alike on both nodes", () => {
  const a = planSwitch(CONFIG, "a"), b = planSwitch(CONFIG, "b");
  assert.deepEqual(a.interfaces, ["veth0", "veth1"]);
  assert.deepEqual(
    a.slots.map(({ id, group, interface: on, addresses }) => [id, group, on, addresses.map((it) => it.text)]),
    [
      [1, 0, 0, ["10.77.0.100", "fd00:77::100"]],
      [2, 0, 1, ["10.79.0.100"]],
      [3, 1, 1, ["10.79.0.101"]],
    ],
  );
  assert.deepEqual(a.groups.map(({ links, slots }) => [links, slots.length]), [[0b11, 2], [0b10, 1]]);
  assert.deepEqual([b.slots, b.groups, b.interfaces], [a.slots, a.groups, a.interfaces]);
});

Deno.test("each node sees its own end of every path", () => {
  const a = planSwitch(CONFIG, "a"), b = planSwitch(CONFIG, "b");
  assert.deepEqual([a.self, a.name, a.peerName, b.self, b.name, b.peerName], [0, "a", "b", 1, "b", "a"]);
  assert.deepEqual(a.paths, [
    { local: { host: "10.78.0.1", port: 4790 }, remote: { host: "10.78.0.2", port: 4790 } },
    { local: { host: "fd00::1", port: 4791 }, remote: { host: "fd00::2", port: 4791 } },
  ]);
  assert.deepEqual(b.paths, a.paths.map(({ local, remote }) => ({ local: remote, remote: local })));
});

Deno.test("addresses come as bytes, by family", () => {
  const { addresses } = planSwitch(CONFIG, "a").slots[0]!;
  assert.deepEqual(bytesOf(addresses, 4), [new Uint8Array([10, 77, 0, 100])]);
  assert.deepEqual(bytesOf(addresses, 6), [new Uint8Array([0xfd, 0, 0, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0])]);
  assert.deepEqual(addresses.map(({ prefixLength }) => prefixLength), [32, 128]);
});

Deno.test("a name that the pair does not know is refused, with those that it does", () => {
  assert.throws(() => planSwitch(CONFIG, "c"), /find node c: the pair has a and b/);
});
