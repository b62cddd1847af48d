import assert from "node:assert/strict";
import fc from "fast-check";
import { findPositions } from "./positions.ts";
import type { KeyPath } from "./problem.ts";

const TEXT = `# comment with [brackets] and "quotes
[pair]
name = "a # not a comment [x]" # comment

[timing]   # another
heartbeat="2ms"
'lea"se' = '\\'
"quo.ted" = 1

[[node]]
name = "a"
paths = [
  "10.0.0.1:1", # first ]
  # nothing here
  "10.0.0.2:1",
]
[[node]]
name = "b"

[[group]]
addresses = [
  { address = "x", interface = "}" }, { address = "y",
    interface = "z" },
]
track = [[1, 2], [
  3]]
  [[group.service]]
  name = "s"
  [group.service.health]
  tcp = """
  many "lines" \\"""
  """
  fall = 3
  [[group.service]]
  name.first = "t"
[[group]]
name = '''
x'''''
prefer = "a"
[[group.service]]
name = "u"
`;

Deno.test("every key, table and element has its line", () => {
  const positions = findPositions(TEXT);
  const table: [KeyPath, number][] = [
    [["pair"], 2],
    [["pair", "name"], 3],
    [["timing"], 5],
    [["timing", "heartbeat"], 6],
    [["timing", 'lea"se'], 7],
    [["timing", "quo.ted"], 8],
    [["node"], 10],
    [["node", 0], 10],
    [["node", 0, "paths"], 12],
    [["node", 0, "paths", 0], 13],
    [["node", 0, "paths", 1], 15],
    [["node", 1], 17],
    [["node", 1, "name"], 18],
    [["group", 0, "addresses"], 21],
    [["group", 0, "addresses", 0, "interface"], 22],
    [["group", 0, "addresses", 1], 22],
    [["group", 0, "addresses", 1, "interface"], 23],
    [["group", 0, "track", 1], 25],
    [["group", 0, "track", 1, 0], 26],
    [["group", 0, "service", 0], 27],
    [["group", 0, "service", 0, "name"], 28],
    [["group", 0, "service", 0, "health"], 29],
    [["group", 0, "service", 0, "health", "tcp"], 30],
    [["group", 0, "service", 0, "health", "fall"], 33],
    [["group", 0, "service", 1, "name", "first"], 35],
    [["group", 1, "name"], 37],
    [["group", 1, "prefer"], 39],
    [["group", 1, "service", 0, "name"], 41],
  ];
  for (const [path, line] of table) {
    assert.equal(positions.lineOf(path), line, JSON.stringify(path));
    assert.ok(positions.has(path));
  }
});

Deno.test("a key that is not there has the line of what is around it", () => {
  const positions = findPositions(TEXT);
  assert.equal(positions.lineOf(["pair", "key_file"]), 2);
  assert.equal(positions.lineOf(["node", 1, "paths", 3]), 17);
  assert.equal(positions.lineOf(["service"]), null);
  assert.equal(positions.lineOf([]), null);
  assert.ok(!positions.has(["pair", "key_file"]));
});

Deno.test("Windows line ends count once", () => {
  const positions = findPositions("[a]\r\nb = 1\r\n# c\r\nd = 2\r\n");
  assert.equal(positions.lineOf(["a", "b"]), 2);
  assert.equal(positions.lineOf(["a", "d"]), 4);
});

Deno.test("garbage neither throws nor goes on for ever", () => {
  const piece = fc.constantFrom("[", "]", "{", "}", '"', "'", "=", ",", ".", "\n", "\\", "#", "a", '"""', " ", "\r");
  fc.assert(fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
    findPositions(pieces.join(""));
  }));
  findPositions("a = " + "[".repeat(50_000));
  findPositions("a = " + "{a=".repeat(50_000));
});
