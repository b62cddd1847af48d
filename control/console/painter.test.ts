import assert from "node:assert/strict";
import fc from "fast-check";
import { commonPrefix, Painter } from "./painter.ts";
import { textWidth } from "./row.ts";

const GREEN = "\x1b[32m", PLAIN = "\x1b[39m", BOLD = "\x1b[1m", NORMAL = "\x1b[22m";

/** A terminal that knows what the painter uses: position, erase, text; each cell with the attributes that were on. */
class Screen {
  readonly cells: string[][] = [];
  at = [0, 0] as [number, number];
  weight = "";
  colour = "";

  write(text: string): void {
    // deno-lint-ignore no-control-regex -- a terminal reads escapes
    for (const [part, position, letter] of text.matchAll(/\x1b\[([\d;]*)([A-Za-z])|[^\x1b]/gu)) {
      if (letter === "H") this.at = position!.split(";").map((n) => Number(n) - 1) as [number, number];
      else if (letter === "J") this.cells.length = 0;
      else if (letter === "K") this.cells[this.at[0]]?.splice(this.at[1]);
      else if (letter === "m") this.attribute(position!);
      else this.put(part);
    }
  }

  attribute(code: string): void {
    if (code === "22") this.weight = "";
    else if (code === "39") this.colour = "";
    else if (code === "1" || code === "2") this.weight = code;
    else this.colour = code;
  }

  put(char: string): void {
    const line = this.cells[this.at[0]] ??= [];
    while (line.length < this.at[1]) line.push(" ||");
    line[this.at[1]] = `${char}|${this.colour}|${this.weight}`;
    this.at[1] += textWidth(char);
  }

  lines(): string[] {
    return Array.from(this.cells, (line) => (line ?? []).join(" ").replace(/( \|\|| )+$/, ""));
  }
}

Deno.test("only what has changed is sent, from its first change on", () => {
  const painter = new Painter();
  assert.equal(painter.paint(["one", "two"]), "\x1b[2J\x1b[1;1H\x1b[Kone\x1b[2;1H\x1b[Ktwo");
  assert.equal(painter.paint(["one", "two"]), "");
  assert.equal(painter.paint(["one", "tea"]), "\x1b[2;2H\x1b[Kea");
  assert.equal(painter.paint(["one"]), "\x1b[2;1H\x1b[K");
  painter.forget();
  assert.equal(painter.paint(["one"]), "\x1b[2J\x1b[1;1H\x1b[Kone");
});

Deno.test("a line is not taken up where a colour is on", () => {
  assert.deepEqual(commonPrefix(`a${GREEN}bc${PLAIN}d`, `a${GREEN}bx${PLAIN}d`), { length: 1, columns: 1 });
  assert.deepEqual(commonPrefix(`${BOLD}${GREEN}b${PLAIN}${NORMAL}語x`, `${BOLD}${GREEN}b${PLAIN}${NORMAL}語y`), {
    length: 21,
    columns: 3,
  });
});

const line = fc.array(
  fc.oneof(
    fc.constantFrom("a", "b", " ", "é"),
    fc.constantFrom("x", "y").map((text) => `${GREEN}${text}${PLAIN}`),
    fc.constantFrom("x", "y").map((text) => `${BOLD}${text}\x1b[33m${text}${PLAIN}${NORMAL}`),
  ),
  { maxLength: 8 },
).map((parts) => parts.join(""));

Deno.test("whatever follows what: the terminal shows the picture", () =>
  fc.assert(fc.property(fc.array(fc.array(line, { maxLength: 4 }), { minLength: 1, maxLength: 6 }), (pictures) => {
    const painter = new Painter(), screen = new Screen();
    for (const picture of pictures) screen.write(painter.paint(picture));
    const fresh = new Screen();
    fresh.write(new Painter().paint(pictures.at(-1)!));
    const shown = (it: Screen) => it.lines().map((text) => text.trimEnd());
    while (screen.cells.length > fresh.cells.length) assert.deepEqual(screen.cells.pop() ?? [], []);
    assert.deepEqual(shown(screen), shown(fresh));
  })));
