import assert from "node:assert/strict";
import { loadConfig } from "./load.ts";
import { findNode } from "./node.ts";

function pair(first: string, second: string) {
  const result = loadConfig(`
[pair]
name = "edge"
[[node]]
name = "${first}"
paths = ["10.78.0.1:4790"]
[[node]]
name = "${second}"
paths = ["10.78.0.2:4790"]
[[group]]
name = "web"
prefer = "${first}"
addresses = [{ address = "10.77.0.100/32", interface = "veth0" }]
`);
  assert.ok("config" in result);
  return result.config;
}

Deno.test("a node by its name, and by a host name with a domain", () => {
  const config = pair("a", "b");
  for (const [name, index, own, peer] of [["a", 0, "a", "b"], ["b", 1, "b", "a"], ["b.example.org", 1, "b", "a"]]) {
    const found = findNode(config, String(name));
    assert.ok("node" in found);
    assert.deepEqual([found.index, found.node.name, found.peer.name], [index, own, peer]);
  }
});

Deno.test("a full name comes before its first part", () => {
  const found = findNode(pair("a", "a.example.org"), "a.example.org");
  assert.ok("node" in found);
  assert.equal(found.index, 1);
});

Deno.test("no such node: both names are in the hint", () => {
  for (const name of ["c", "", "example.a", "A"]) {
    const found = findNode(pair("a", "b"), name);
    assert.ok("reason" in found);
    assert.ok(found.reason.includes(`"${name}"`));
    assert.match(found.hint, /--node a or --node b/);
  }
});
