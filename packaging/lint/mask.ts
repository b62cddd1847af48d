/** Blanks out what a search for code must not find. Positions and line breaks stay. Pure. */

/**
 * TypeScript source with its comments, or its comments and the contents of its strings, replaced by spaces. Code inside
 * `${}` of a template stays. A light scanner, not a parser: a regular expression literal that holds a quote or `//` is
 * known by what stands before it.
 */
export function maskLiterals(text: string, what: "comments" | "comments and strings"): string {
  const out = text.split("");
  const blank = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (out[i] !== "\n") out[i] = " ";
  };
  /** Depth of braces at which each open `${` ends. */
  const templates: number[] = [];
  let depth = 0;
  let at = 0;
  while (at < text.length) {
    const char = text[at]!;
    if (char === "/" && (text[at + 1] === "/" || text[at + 1] === "*")) {
      const end = endOf(text, at + 2, text[at + 1] === "/" ? "\n" : "*/");
      blank(at, end);
      at = end;
    } else if (char === "/" && startsRegExp(text, at)) {
      at = endOfRegExp(text, at);
    } else if (char === '"' || char === "'") {
      const end = endOfQuoted(text, at + 1, char);
      if (what === "comments and strings") blank(at + 1, end - 1);
      at = end;
    } else if (char === "`" || (char === "}" && templates.at(-1) === depth)) {
      if (char === "}") templates.pop();
      const end = endOfTemplatePart(text, at + 1);
      if (what === "comments and strings") blank(at + 1, end.at);
      if (end.opens) templates.push(depth);
      at = end.at + (end.opens ? 2 : 1);
    } else {
      if (char === "{") depth++;
      if (char === "}") depth--;
      at++;
    }
  }
  return out.join("");
}

function endOf(text: string, from: number, mark: string): number {
  const index = text.indexOf(mark, from);
  if (index < 0) return text.length;
  return mark === "\n" ? index : index + mark.length;
}

function endOfQuoted(text: string, from: number, quote: string): number {
  let at = from;
  while (at < text.length && text[at] !== quote && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function endOfTemplatePart(text: string, from: number): { at: number; opens: boolean } {
  let at = from;
  while (at < text.length && text[at] !== "`") {
    if (text[at] === "$" && text[at + 1] === "{") return { at, opens: true };
    at += text[at] === "\\" ? 2 : 1;
  }
  return { at, opens: false };
}

/** After a value a slash divides; after an operator, a bracket or a keyword it begins a regular expression. */
function startsRegExp(text: string, at: number): boolean {
  const before = text.slice(0, at).trimEnd();
  return /[(,=:[!&|?{};>]$|\b(?:return|typeof|case|of|in)$/.test(before.slice(-12)) && text[at + 1] !== " ";
}

function endOfRegExp(text: string, from: number): number {
  let at = from + 1;
  let inClass = false;
  while (at < text.length && text[at] !== "\n" && (inClass || text[at] !== "/")) {
    if (text[at] === "[") inClass = true;
    if (text[at] === "]") inClass = false;
    at += text[at] === "\\" ? 2 : 1;
  }
  return at + 1;
}
