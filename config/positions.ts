/**
 * Which line of a TOML text a key stands on. The TOML parser gives values without places, and a problem without a line
 * sends people searching. This reads the text a second time, after the parser has found it valid; on anything else it
 * knows fewer lines, but never throws and always ends.
 */
import { type KeyPath, keyText } from "./problem.ts";

export class Positions {
  readonly #lines: ReadonlyMap<string, number>;

  constructor(lines: ReadonlyMap<string, number>) {
    this.#lines = lines;
  }

  /** Line of the key, else of the nearest table or array around it; null if even that is not in the file. */
  lineOf(path: KeyPath): number | null {
    for (let length = path.length; length > 0; length--) {
      const line = this.#lines.get(keyText(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return null;
  }

  /** Whether the file itself names this key. */
  has(path: KeyPath): boolean {
    return this.#lines.has(keyText(path));
  }
}

/** Reads the places of all keys, tables, array elements and keys of inline tables. */
export function findPositions(text: string): Positions {
  return new Positions(new Scanner(text).scan());
}

class Scanner {
  readonly #text: string;
  readonly #lines = new Map<string, number>();
  /** How many `[[tables]]` of a path there are so far. */
  readonly #tables = new Map<string, number>();
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): Map<string, number> {
    let table: KeyPath = [];
    while (true) {
      this.#skipBlank(true);
      if (this.#at >= this.#text.length) return this.#lines;
      const before = this.#at;
      if (this.#peek() === "[") table = this.#header();
      else this.#keyValue(table);
      // Text that no rule takes (not TOML): go on with the next line.
      if (this.#at === before) this.#skipLine();
    }
  }

  #peek(ahead = 0): string {
    return this.#text[this.#at + ahead] ?? "";
  }

  #advance(count = 1): void {
    for (let i = 0; i < count && this.#at < this.#text.length; i++) {
      if (this.#text[this.#at++] === "\n") this.#line++;
    }
  }

  #skipLine(): void {
    while (this.#at < this.#text.length && this.#peek() !== "\n") this.#at++;
    this.#advance();
  }

  /** Spaces and, if asked, line breaks and comments. */
  #skipBlank(lineBreaks: boolean): void {
    while (this.#at < this.#text.length) {
      const char = this.#peek();
      if (char === " " || char === "\t") this.#at++;
      else if (lineBreaks && (char === "\n" || char === "\r")) this.#advance();
      else if (lineBreaks && char === "#") this.#skipLine();
      else return;
    }
  }

  #note(path: KeyPath, line: number): void {
    const key = keyText(path);
    if (!this.#lines.has(key)) this.#lines.set(key, line);
  }

  /** `[a.b]` or `[[a.b]]`; a name on the way that is an array of tables means its last table. */
  #header(): KeyPath {
    const line = this.#line;
    const isArray = this.#peek(1) === "[";
    this.#advance(isArray ? 2 : 1);
    const names = this.#key();
    this.#skipLine();
    const path: (string | number)[] = [];
    for (const [index, name] of names.entries()) {
      path.push(name);
      const isLast = index === names.length - 1;
      const count = this.#tables.get(keyText(path)) ?? 0;
      this.#note(path, line);
      if (isLast && isArray) {
        this.#tables.set(keyText(path), count + 1);
        path.push(count);
        this.#note(path, line);
      } else if (count > 0) path.push(count - 1);
    }
    return path;
  }

  #keyValue(table: KeyPath): void {
    const line = this.#line;
    const names = this.#key();
    if (names.length === 0) return;
    const path: (string | number)[] = [...table];
    for (const name of names) {
      path.push(name);
      this.#note(path, line);
    }
    this.#skipBlank(false);
    if (this.#peek() !== "=") return;
    this.#advance();
    this.#skipBlank(false);
    this.#value(path);
  }

  /** A dotted key; empty if there is none here. */
  #key(): string[] {
    const names: string[] = [];
    while (true) {
      this.#skipBlank(false);
      const char = this.#peek();
      if (char === '"' || char === "'") names.push(this.#string());
      else {
        const bare = /[A-Za-z0-9_-]*/y;
        bare.lastIndex = this.#at;
        const name = bare.exec(this.#text)?.[0] ?? "";
        if (name === "") return names;
        names.push(name);
        this.#at += name.length;
      }
      this.#skipBlank(false);
      if (this.#peek() !== ".") return names;
      this.#advance();
    }
  }

  #value(path: KeyPath): void {
    // The schema has six levels at most; deeper nesting is not worth the stack.
    if (path.length > 32) return;
    const char = this.#peek();
    if (char === "[") this.#array(path);
    else if (char === "{") this.#inlineTable(path);
    else if (char === '"' || char === "'") this.#string();
    else while (this.#at < this.#text.length && !/[,\]}\n#]/.test(this.#peek())) this.#at++;
  }

  #array(path: KeyPath): void {
    this.#advance();
    for (let index = 0;; index++) {
      this.#skipBlank(true);
      if (this.#endsHere("]")) return;
      const before = this.#at;
      this.#note([...path, index], this.#line);
      this.#value([...path, index]);
      this.#skipBlank(true);
      if (this.#peek() === ",") this.#advance();
      else if (this.#endsHere("]") || this.#at === before) return;
    }
  }

  #inlineTable(path: KeyPath): void {
    this.#advance();
    while (true) {
      this.#skipBlank(true);
      if (this.#endsHere("}")) return;
      const before = this.#at;
      this.#keyValue(path);
      this.#skipBlank(true);
      if (this.#peek() === ",") this.#advance();
      else if (this.#endsHere("}") || this.#at === before) return;
    }
  }

  #endsHere(closer: string): boolean {
    if (this.#at >= this.#text.length) return true;
    if (this.#peek() !== closer) return false;
    this.#advance();
    return true;
  }

  /** Passes a string of any of the four kinds; its content matters for keys only, where escapes are rare. */
  #string(): string {
    const quote = this.#peek();
    const isMultiLine = this.#text.startsWith(quote.repeat(3), this.#at);
    const closer = isMultiLine ? quote.repeat(3) : quote;
    this.#advance(closer.length);
    const start = this.#at;
    while (this.#at < this.#text.length && !this.#text.startsWith(closer, this.#at)) {
      if (!isMultiLine && this.#peek() === "\n") break;
      this.#advance(quote === '"' && this.#peek() === "\\" ? 2 : 1);
    }
    const content = this.#text.slice(start, this.#at);
    this.#advance(closer.length);
    // A multi-line string may end with up to two quotes of its own before the closing three.
    while (isMultiLine && this.#peek() === quote) this.#advance();
    return quote === '"' ? unescape(content) : content;
  }
}

function unescape(content: string): string {
  if (!content.includes("\\")) return content;
  try {
    return String(JSON.parse(`"${content}"`));
  } catch {
    return content;
  }
}
