import assert from "node:assert/strict";
import fc from "fast-check";
import { wrap } from "./text.ts";

Deno.test("short lines stay as they are", () => {
  assert.deepEqual(wrap("client   0 lost", 20, 9), ["client   0 lost"]);
  assert.deepEqual(wrap("", 20, 9), [""]);
});

Deno.test("long lines break at spaces and go on indented", () => {
  assert.deepEqual(wrap("client   one two three four five", 18, 9), [
    "client   one two",
    "         three",
    "         four five",
  ]);
});

Deno.test("the indentation of the first line is no place to break", () => {
  assert.deepEqual(wrap("         onewordonly and", 15, 9), ["         onewordonly", "         and"]);
});

Deno.test("a word that fits nowhere stays whole", () => {
  assert.deepEqual(wrap("/tmp/a-very-long-path next", 10, 2), ["/tmp/a-very-long-path", "  next"]);
});

Deno.test("no word is lost, and no line is longer than it must be", () => {
  const word = fc.string({ minLength: 1, maxLength: 12 }).map((text) => text.replaceAll(/\s/g, "_"));
  fc.assert(fc.property(fc.array(word), fc.integer({ min: 16, max: 40 }), (words, columns) => {
    const lines = wrap(words.join(" "), columns, 3);
    assert.deepEqual(lines.join(" ").split(" ").filter((it) => it !== ""), words);
    for (const line of lines) assert.ok([...line].length <= columns, line);
  }));
});
