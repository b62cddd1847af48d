/** Lines of limited length. Pure. */

/** No line of the lab is longer, however wide the terminal is. */
export const COLUMNS_MAX = 100;

/** Breaks at spaces; every line but the first is indented. A word that is longer than a line stays whole. */
export function wrap(text: string, columns: number, indent: number): string[] {
  const lines: string[] = [];
  let rest = text;
  for (let length = lengthOf(rest); length > columns; length = lengthOf(rest)) {
    const start = lines.length === 0 ? leadingSpaces(rest) : indent;
    const head = [...rest].slice(0, columns + 1).join("");
    const at = head.lastIndexOf(" ") > start ? head.lastIndexOf(" ") : rest.indexOf(" ", start + 1);
    if (at === -1) break;
    lines.push(rest.slice(0, at).trimEnd());
    rest = " ".repeat(indent) + rest.slice(at + 1).trimStart();
  }
  return [...lines, rest];
}

function lengthOf(text: string): number {
  return [...text].length;
}

function leadingSpaces(text: string): number {
  return text.length - text.trimStart().length;
}
