/** A TOML syntax error in words that help: line, column, what is wrong, what was expected. */
import type { TomlError } from "smol-toml";
import type { Problem } from "./problem.ts";

/** One problem of the parser's complaint. The parser is right about the line but often wrong about the cause: two plain causes are looked for first. */
export function syntaxProblem(text: string, { message, line, column }: TomlError): Problem {
  const complaint = (message.split("\n")[0] ?? "").replace(/^Invalid TOML document: /, "");
  const found = plainCause(text.split(/\r\n|\n|\r/)[line - 1] ?? "");
  const hint = found?.hint ?? EXPECTED.find(([pattern]) => pattern.test(complaint))?.[1] ?? "";
  const place = found?.column ?? column;
  return { line, key: "", reason: `column ${place}: not TOML: ${found?.reason ?? complaint}`, hint, severity: "error" };
}

interface Cause {
  readonly column: number;
  readonly reason: string;
  readonly hint: string;
}

function plainCause(line: string): Cause | null {
  if (line.includes('"""') || line.includes("'''")) return null;
  const open = unclosedString(line);
  if (open !== null) {
    return {
      column: open,
      reason: "a string begins here and does not end",
      hint: "expected: a closing quote on the same line",
    };
  }
  const header = /^\s*(\[\[?)[^\]=]*(\]?)\s*(#.*)?$/.exec(line);
  if (header && header[1]!.length > header[2]!.length) {
    const closer = header[1] === "[[" ? "]]" : "]";
    return { column: line.trimEnd().length + 1, reason: "the table's name does not end", hint: `expected: ${closer}` };
  }
  return null;
}

/** Column of a quote that is never closed, from 1, or null. */
function unclosedString(line: string): number | null {
  let quote = "";
  let start = 0;
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!;
    if (quote === "") {
      if (char === "#") return null;
      if (char === '"' || char === "'") [quote, start] = [char, i + 1];
    } else if (char === "\\" && quote === '"') i++;
    else if (char === quote) quote = "";
  }
  return quote === "" ? null : start;
}

const EXPECTED: readonly (readonly [RegExp, string])[] = [
  [/end of key|no value specified/, 'expected: key = value, for example name = "edge"'],
  [/only letter, numbers/, "expected: a key of letters, digits, - and _"],
  [/end of table declaration/, "expected: ] at the end of [table], ]] at the end of [[table]]"],
  [/redefine an already defined/, "expected: each key and each [table] once; several of one kind are [[tables]]"],
  [/followed by an end-of-line/, "expected: the end of the line after the value"],
  [
    /invalid value|invalid number|leading zeroes/,
    'expected: a string in quotes ("2ms"), a number, true, false, [ or {',
  ],
  [/newlines are not allowed in strings|unfinished string/, "expected: a closing quote on the same line"],
  [/unfinished array|end of structure/, "expected: the closing ] or }"],
  [/unfinished table/, "expected: the closing }"],
  [/inline tables/, "expected: an inline table { … } on one line, without a comma at its end"],
  [/found comma/, "expected: a value before the comma"],
  [/escape/, "expected: one of \\\\ \\\" \\n \\t \\uXXXX after a backslash; in '…' a backslash is itself"],
];
