import assert from "node:assert/strict";
import fc from "fast-check";
import { cut, fitRow, row, rowText, span, textWidth, wrapText } from "./row.ts";

Deno.test("what fits is filled, what does not is cut and says so", () => {
  assert.equal(rowText(fitRow(row("ab", span("cd", "bad")), 6)), "abcd  ");
  assert.equal(rowText(fitRow(row("ab", span("cd", "bad")), 4)), "abcd");
  assert.equal(rowText(fitRow(row("ab", span("cd", "bad")), 3)), "ab…");
  assert.equal(rowText(fitRow(row("ab", span("cd", "bad")), 2)), "a…");
  assert.equal(rowText(fitRow(row("ab", "cd"), 0)), "");
  assert.equal(cut("日本語", 5), "日本…");
});

Deno.test("control characters of a peer or a program do not reach the terminal", () => {
  assert.equal(rowText(row(span("a\x1b[31mb\r\nc\x9b"))), "a [31mb c ");
});

Deno.test("any row has exactly the width that it is given", () =>
  fc.assert(fc.property(
    fc.array(fc.array(fc.constantFrom("a", "é", "語", "😀", "e\u0301", "…", " ")).map((parts) => parts.join(""))),
    fc.nat(30),
    (texts, width) => {
      const fitted = fitRow(row(...texts), width);
      assert.equal(textWidth(rowText(fitted)), width);
      const whole = texts.join("");
      if (textWidth(whole) > width && width > 0) assert.ok(rowText(fitted).trimEnd().endsWith("…"), rowText(fitted));
    },
  )));

Deno.test("a long text is broken at spaces, longer words are cut, and nothing is lost", () => {
  assert.deepEqual(wrapText("the quick brown fox", 10), ["the quick", "brown fox"]);
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 40, unit: "grapheme-ascii" })),
      fc.integer({ min: 4, max: 40 }),
      (words, width) => {
        const text = words.join(" "), lines = wrapText(text, width, "  ");
        for (const line of lines) assert.ok(textWidth(line) <= width, line);
        assert.equal(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
      },
    ),
  );
});
