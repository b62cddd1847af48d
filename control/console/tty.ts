/** The terminal itself: raw keys, the second screen, and all of it put back however the console ends. */
import { discardOutput } from "../../kernel_ffi/terminal.ts";
import { ENTER_SCREEN, LEAVE_SCREEN, Painter } from "./painter.ts";
import { endKeys, type Key, readKeys } from "./keys.ts";

const encoder = new TextEncoder();
/** A lone ESC is the key if nothing follows it for so long; a sequence may be torn apart by a slow line. */
const ESCAPE_MS = 60;
/** At the end, for a terminal that takes nothing any more. */
const LAST_WORD_MS = 500;
const TRIES = 3;
const STDOUT = 1;

export interface TtyListener {
  keys(keys: readonly Key[]): void;
  resized(): void;
  /** A signal asks for the end; or the terminal has gone. */
  ended(code: number): void;
}

const ENDING = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export class Tty {
  readonly #listener: TtyListener;
  readonly #painter = new Painter();
  readonly #signals: (readonly [Deno.Signal, () => void])[] = [];
  /** A write is under way; the newest picture waits for its end, older ones are left out. */
  #writing: Promise<void> | null = null;
  #next: readonly string[] | null = null;
  #open = true;

  constructor(listener: TtyListener) {
    this.#listener = listener;
    Deno.stdin.setRaw(true);
    for (const [signal, code] of Object.entries(ENDING) as [keyof typeof ENDING, number][]) {
      this.#on(signal, () => this.#listener.ended(code));
    }
    this.#on("SIGWINCH", () => this.#again());
    // After a stop and `fg` the shell has used the terminal meanwhile.
    this.#on("SIGCONT", () => {
      try {
        Deno.stdin.setRaw(true);
      } catch {
        // A terminal that is closed wakes what was stopped on it.
        return this.#gone();
      }
      this.#send(ENTER_SCREEN);
      this.#again();
    });
    this.#send(ENTER_SCREEN);
    void this.#read();
  }

  get size(): { readonly columns: number; readonly rows: number } {
    try {
      const { columns, rows } = Deno.consoleSize();
      return columns > 0 && rows > 0 ? { columns, rows } : { columns: 80, rows: 24 };
    } catch {
      return { columns: 80, rows: 24 };
    }
  }

  /** Shows a picture, or the one that comes after it: a slow terminal is never waited for. */
  show(lines: readonly string[]): void {
    if (!this.#open) return;
    if (this.#writing !== null) this.#next = lines;
    else this.#send(this.#painter.paint(lines));
  }

  /** The terminal as it was before. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#next = null;
    for (const [signal, listener] of this.#signals) Deno.removeSignalListener(signal, listener);
    // A terminal that takes nothing would block the return to its old mode too, which waits for what was written (TCSADRAIN).
    if (!await inTime(this.#writing ?? Promise.resolve())) discardOutput(STDOUT);
    // On a machine that is only slow the farewell may be thrown away with the rest: it is said again. One that has gone needs none.
    for (let tries = 1; !await inTime(farewell()) && tries < TRIES; tries++) discardOutput(STDOUT);
    try {
      Deno.stdin.setRaw(false);
    } catch {
      // The terminal itself has gone.
    }
  }

  #on(signal: Deno.Signal, listener: () => void): void {
    Deno.addSignalListener(signal, listener);
    this.#signals.push([signal, listener]);
  }

  /** The next picture is sent as a whole. */
  forget(): void {
    this.#painter.forget();
  }

  #again(): void {
    this.forget();
    this.#listener.resized();
  }

  #send(text: string): void {
    if (text === "") return;
    const before = this.#writing ?? Promise.resolve();
    const writing: Promise<void> = before.then(() => writeAll(text)).then(
      () => this.#written(writing),
      () => this.#gone(),
    );
    this.#writing = writing;
  }

  #written(writing: Promise<void>): void {
    if (this.#writing !== writing) return;
    this.#writing = null;
    const next = this.#next;
    this.#next = null;
    if (next !== null) this.show(next);
  }

  #gone(): void {
    if (this.#open) this.#listener.ended(ENDING.SIGHUP);
  }

  async #read(): Promise<void> {
    const bytes = new Uint8Array(1024), decoder = new TextDecoder();
    let rest = "", timer: ReturnType<typeof setTimeout> | undefined;
    try {
      while (this.#open) {
        const length = await Deno.stdin.read(bytes);
        clearTimeout(timer);
        if (length === null) return this.#gone();
        const read = readKeys(rest + decoder.decode(bytes.subarray(0, length), { stream: true }));
        rest = read.rest;
        if (this.#open && read.keys.length > 0) this.#listener.keys(read.keys);
        if (rest === "") continue;
        timer = setTimeout(() => {
          const late = endKeys(rest);
          rest = "";
          if (this.#open && late.length > 0) this.#listener.keys(late);
        }, ESCAPE_MS);
      }
    } catch {
      this.#gone();
    }
  }
}

function farewell(): Promise<void> {
  return writeAll(LEAVE_SCREEN).catch(() => {});
}

/** Whether it is done within the time for last words. */
async function inTime(done: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), LAST_WORD_MS));
  const result = await Promise.race([done.then(() => true as const), late]);
  clearTimeout(timer);
  return result;
}

async function writeAll(text: string): Promise<void> {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}
