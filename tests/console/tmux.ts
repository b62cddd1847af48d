/** A real terminal for tests: a shell in a tmux of its own, with its screen read as a person would see it. */
import assert from "node:assert/strict";
import { sleep } from "../../control/lab/command.ts";

const decoder = new TextDecoder();
const UNTIL_MS_MAX = 20_000;
let made = 0;

export interface TmuxOptions {
  readonly columns?: number;
  readonly rows?: number;
  /** Beside `TERM`, which tmux sets. */
  readonly env?: Readonly<Record<string, string>>;
}

export class Tmux {
  readonly #server = `segtest${Deno.pid}-${made++}`;
  /** Everything that the programs in it have written, with all escape sequences. */
  readonly #raw = Deno.makeTempFileSync({ prefix: "segue-tmux-" });

  #gone = false;

  constructor({ columns = 80, rows = 24, env = {} }: TmuxOptions = {}) {
    const shell = [
      "env",
      ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
      "PS1=$ ",
      "bash",
      "--norc",
      "--noprofile",
    ];
    this.#tmux("-u", "-f", "/dev/null", "new-session", "-d", "-x", `${columns}`, "-y", `${rows}`, ...shell);
    this.#tmux("pipe-pane", "-o", `cat >> ${this.#raw}`);
  }

  #tmux(...args: string[]): string {
    const { success, stdout, stderr } = new Deno.Command("tmux", {
      args: ["-L", this.#server, ...args],
      stdin: "null",
      env: { LC_ALL: "C.UTF-8" },
    }).outputSync();
    assert.ok(success, `tmux ${args.join(" ")}: ${decoder.decode(stderr)}`);
    return decoder.decode(stdout);
  }

  /** A line for the shell. */
  run(...command: readonly string[]): void {
    this.type(command.join(" "));
    this.key("Enter");
  }

  /** Letters, all at once. */
  type(text: string): void {
    this.#tmux("send-keys", "-l", text);
  }

  /** Keys by tmux's names: Enter, Escape, C-c, Down. */
  key(...names: string[]): void {
    this.#tmux("send-keys", ...names);
  }

  resize(columns: number, rows: number): void {
    this.#tmux("resize-window", "-x", `${columns}`, "-y", `${rows}`);
  }

  /** What is on the screen, a line each, without spaces at their ends. */
  screen(): string[] {
    return this.#tmux("capture-pane", "-p").replace(/\n$/, "").split("\n");
  }

  /** A format of tmux: `cursor_flag`, `alternate_on`, `pane_pid`. */
  ask(name: string): string {
    return this.#tmux("display-message", "-p", `#{${name}}`).trim();
  }

  written(): string {
    return Deno.readTextFileSync(this.#raw);
  }

  /** The screen as soon as it shows this; throws with what it shows instead. */
  async until(what: RegExp | ((screen: string) => boolean), timeoutMs = UNTIL_MS_MAX): Promise<string[]> {
    const fits = typeof what === "function" ? what : (screen: string) => what.test(screen);
    for (const end = Date.now() + timeoutMs;;) {
      const lines = this.screen();
      if (fits(lines.join("\n"))) return lines;
      assert.ok(Date.now() < end, `waited in vain for ${what}; the screen shows\n${lines.join("\n")}`);
      await sleep(20);
    }
  }

  /** The terminal is gone, as when a line breaks. */
  vanish(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#tmux("kill-server");
  }

  [Symbol.dispose](): void {
    this.vanish();
    Deno.removeSync(this.#raw);
  }
}
