import assert from "node:assert/strict";
import fc from "fast-check";
import { endKeys, readKeys } from "./keys.ts";

Deno.test("keys that arrive in one burst are single keys", () => {
  assert.deepEqual(readKeys("jk\x1b[A\x1bOB\r\t/ü\x7f\x03").keys, [
    { text: "j" },
    { text: "k" },
    "up",
    "down",
    "enter",
    "tab",
    { text: "/" },
    { text: "ü" },
    "backspace",
    "interrupt",
  ]);
});

Deno.test("a sequence that is torn apart is put together, a lone ESC is a key once nothing follows", () => {
  const first = readKeys("q\x1b[5");
  assert.deepEqual(first, { keys: [{ text: "q" }], rest: "\x1b[5" });
  assert.deepEqual(readKeys(`${first.rest}~`), { keys: ["pageUp"], rest: "" });
  assert.deepEqual(readKeys("\x1b"), { keys: [], rest: "\x1b" });
  assert.deepEqual(endKeys("\x1b"), ["escape"]);
  assert.deepEqual(endKeys("\x1b["), []);
  assert.deepEqual(readKeys("\x1b\x1b[A").keys, ["escape", "up"]);
});

Deno.test("modifiers are not told apart, unknown sequences are nothing", () => {
  assert.deepEqual(readKeys("\x1b[1;5A\x1b[200~\x1b[15~x").keys, ["up", { text: "x" }]);
});

Deno.test("whatever comes, in whatever pieces: the same keys, and a short rest", () =>
  fc.assert(fc.property(
    fc.array(fc.constantFrom("\x1b", "[", "O", "A", "5", "~", ";", "1", "j", "\r", "\x00", "é", "😀", "\x1b[B"), {
      maxLength: 40,
    }),
    fc.nat(),
    (parts, seed) => {
      const text = parts.join(""), whole = readKeys(text);
      const at = seed % (text.length + 1);
      // A character outside the basic plane is not torn apart: the decoder sees to that.
      if (/[\udc00-\udfff]/.test(text[at] ?? "")) return;
      const first = readKeys(text.slice(0, at)), second = readKeys(first.rest + text.slice(at));
      assert.deepEqual([...first.keys, ...second.keys], whole.keys);
      assert.equal(second.rest, whole.rest);
      assert.ok(whole.rest.length <= 32);
    },
  )));
