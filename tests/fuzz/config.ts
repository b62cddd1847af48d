/** Configuration files: the reference and the sample with something changed, as bytes, as lines and as words. Bad text is a list of problems. */
import assert from "node:assert/strict";
import { loadConfig } from "../../config/load.ts";
import type { Random } from "../simulation/random.ts";
import { below, mutate } from "./mutate.ts";
import type { FuzzTarget } from "./target.ts";

const TEXT_MAX = 64 * 1024;
const WORDS = [
  '""',
  "-1",
  "0",
  "1e308",
  "nan",
  "inf",
  "true",
  "[]",
  "{}",
  "[[[[[[[[]]]]]]]]",
  '"2ms"',
  '"99999999999999h"',
  '"0.0.0.0/0"',
  '"::/129"',
  '"\\u0000"',
  '"\\ud800"',
  "2026-01-01T00:00:00Z",
  "9223372036854775808",
  '"__proto__"',
  "{ __proto__ = 1 }",
];

export const config: FuzzTarget = {
  name: "config",
  about: "configuration files with something changed to the loader",
  shortInputs: 2_500,
  inputMsMax: 3000,
  open() {
    const read = (name: string) => Deno.readTextFileSync(new URL(`../../config/${name}`, import.meta.url));
    const texts = [read("reference.toml"), read("sample.toml")];
    const samples = texts.map((text) => new TextEncoder().encode(text));
    let text = "";
    return {
      play(random) {
        text = random.chance(0.4)
          ? new TextDecoder().decode(mutate(random, samples, TEXT_MAX))
          : changeLines(random, random.pick(texts));
        const result = loadConfig(text);
        if (!("problems" in result)) return;
        assert.ok(result.problems.some(({ severity }) => severity === "error"), "refused without an error");
        for (const { line, reason } of result.problems) {
          assert.ok(
            reason !== "" && (line === null || Number.isInteger(line)),
            `a problem that says nothing: ${reason}`,
          );
        }
      },
      describe: () => text,
    };
  },
};

function changeLines(random: Random, text: string): string {
  const lines = text.split("\n");
  for (let blows = 1 + below(random, 6); blows > 0; blows--) {
    const at = below(random, lines.length), other = lines[below(random, lines.length)]!;
    const line = lines[at]!;
    switch (below(random, 6)) {
      case 0:
        lines.splice(at, 1);
        break;
      case 1:
        lines.splice(at, 0, other);
        break;
      case 2:
        lines[at] = line.replace(/=.*/, () => `= ${random.pick(WORDS)}`);
        break;
      case 3:
        // The key of one, the value of another.
        lines[at] = line.replace(/=.*/, () => other.match(/=.*/)?.[0] ?? "= 1");
        break;
      case 4:
        lines[at] = line.replace(/^# ?/, "");
        break;
      default:
        lines[at] = line.replace(/[a-z]/, (letter) => letter + letter);
    }
  }
  return lines.join("\n");
}
