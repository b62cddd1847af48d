/** Finds what a source file tells people when something is wrong. Pure. */

export interface Message {
  /** As it is written, with its holes as `…`. */
  readonly text: string;
  /** Two words each that stand beside each other in it: a test that has one of them is about this message. */
  readonly pieces: readonly string[];
}

/** How a message begins: a complaint, an error for people, or a problem of a file or a machine. */
const OPENINGS = new RegExp(
  [
    "\\b(?:complain|badUsage|badField|hostProblem|placedProblem)\\(",
    "new (?:ApiError|ConfigError|JournalError)\\(",
    "\\.(?:error|warning)\\(",
    "\\breason(?::| =) ",
  ].join("|"),
  "g",
);
const LITERAL = /`(?:[^`\\]|\\.)*`|"(?:[^"\\\n]|\\.)*"/g;
/** Arguments of a call that are looked at, and characters of it. */
const LITERALS_MAX = 6, LENGTH_MAX = 420;
/** Shorter pieces are in any test. */
const PIECE_MIN = 9;

/** The first literal of some words behind each opening. */
export function messagesOf(source: string): Message[] {
  const found = new Map<string, Message>();
  for (const opening of source.matchAll(OPENINGS)) {
    const from = opening.index + opening[0].length;
    const statement = source.slice(from, from + LENGTH_MAX).split(/;\n/)[0]!;
    const literal = (statement.match(LITERAL) ?? []).slice(0, LITERALS_MAX).map(holesOf).find((parts) =>
      wordsOf(parts) >= 3
    );
    if (literal === undefined) continue;
    const pieces = literal.flatMap(piecesOf);
    // One that has no two words together is told by its values.
    if (pieces.length > 0) found.set(literal.join("…"), { text: literal.join("…"), pieces });
  }
  return [...found.values()];
}

function wordsOf(parts: readonly string[]): number {
  return parts.reduce((sum, part) => sum + part.split(/\s+/).filter(Boolean).length, 0);
}

function piecesOf(part: string): string[] {
  const words = part.split(/\s+/).filter(Boolean);
  return words.slice(1).map((word, i) => `${words[i]} ${word}`).filter(({ length }) => length >= PIECE_MIN);
}

/** What stands between the `${…}` of a literal. */
function holesOf(literal: string): string[] {
  const parts = [""];
  const inside = literal.slice(1, -1).replaceAll(/\\(.)/g, "$1");
  for (let at = 0, depth = 0; at < inside.length; at++) {
    if (depth === 0 && inside.startsWith("${", at)) {
      depth = 1;
      at++;
      parts.push("");
    } else if (depth === 0) parts.push(parts.pop()! + inside[at]!);
    else if (inside[at] === "{") depth++;
    else if (inside[at] === "}") depth--;
  }
  return parts;
}
