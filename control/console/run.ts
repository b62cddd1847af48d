/** The console on a terminal: daemons, keys and time go into the state, pictures and orders come out of it. */
import { type ApiClient, ApiError } from "../api/client.ts";
import type { Terminal } from "../api/commands/terminal.ts";
import { type ConsoleEvent, isPlaying, type Order, PLAY_STEP_MS, reduce } from "./reduce.ts";
import { isReceipt } from "./answer_check.ts";
import { isObject, readRehearsal, withServing } from "./rehearsal.ts";
import { loadRenderer } from "./load_renderer.ts";
import type { Renderer } from "./renderer.tsx";
import { rowText } from "./row.ts";
import { screenOf } from "./screen.ts";
import { Session } from "./session.ts";
import { type ConsoleState, type Extra, initialState, type ServiceOutput } from "./state.ts";
import { Tty } from "./tty.ts";

/** What embeds the console: the lab. */
export interface Host {
  /** Told as soon as the console is there; `say` adds a line to the timeline, `show` replaces keys and lines. */
  opened(console: { say(node: string, text: string): void; show(extra: Extra): void }): void;
  /** One of its keys was pressed. */
  pressed(key: string): void;
  /** Resolves with an exit code when it wants the console to end. */
  readonly over?: Promise<number>;
}

export interface ConsoleOptions {
  readonly runDirs: readonly string[];
  readonly host?: Host;
}

/** Pictures follow each other no faster than this. */
const FRAME_MS = 50;
/** Nor do they take a greater part of the time than this, in a storm of events or on a slow machine: only keys are answered at once. */
const DRAWING_SHARE = 0.02;
/** A picture is never older, whatever it costs. */
const FRAME_MS_MAX = 1000;
/** Several daemons that are asked at the same time make one picture. */
const ROUTINE_MS = 100;
/** The clock and the ages go on where nothing else does. */
const TICK_MS = 1000;
const SWITCHOVER_US = 5e6;

/** Resolves with the exit code: 0 after `q`, 128 + signal after Ctrl-C or a signal. */
export async function runScreen(io: Terminal, { runDirs, host }: ConsoleOptions): Promise<number> {
  const { promise: over, resolve: end, reject: crash } = Promise.withResolvers<number>();
  // What nobody catches would end the process with the terminal as it is now.
  const caught = (event: ErrorEvent | PromiseRejectionEvent) => {
    event.preventDefault();
    crash(event instanceof PromiseRejectionEvent ? event.reason : event.error);
  };
  globalThis.addEventListener("error", caught);
  globalThis.addEventListener("unhandledrejection", caught);
  const console = new Console(runDirs, host, end);
  try {
    void host?.over?.then(end);
    return await Promise.race([over, console.run().then(() => over)]);
  } catch (error) {
    await console.close();
    io.err(`segue console: ended by an error of its own: ${error instanceof Error ? error.stack : error}\n`);
    return 1;
  } finally {
    await console.close();
    globalThis.removeEventListener("error", caught);
    globalThis.removeEventListener("unhandledrejection", caught);
  }
}

class Console {
  readonly #host: Host | undefined;
  readonly #end: (code: number) => void;
  readonly #tty: Tty;
  readonly #sessions: readonly Session[];
  #state: ConsoleState;
  #renderer: Renderer | null = null;
  #frame: ReturnType<typeof setTimeout> | undefined;
  #dueAt = Infinity;
  #drawnAt = -Infinity;
  /** What the last picture cost. */
  #drawingMs = 0;
  #tick: ReturnType<typeof setTimeout> | undefined;
  #said = 0;
  #closed = false;

  constructor(runDirs: readonly string[], host: Host | undefined, end: (code: number) => void) {
    this.#host = host;
    this.#end = end;
    this.#tty = new Tty({
      keys: (keys) => {
        // Another program may have written on the terminal.
        if (keys.includes("redraw")) this.#tty.forget();
        this.#take({ kind: "keys", keys }, true);
      },
      resized: () => this.#take({ kind: "size", ...this.#tty.size }, true),
      ended: (code) => end(code),
    });
    const { columns, rows } = this.#tty.size;
    this.#state = initialState(runDirs, columns, rows, Date.now());
    this.#sessions = runDirs.map((runDir, daemon) =>
      new Session(runDir, {
        status: (status) => this.#take({ kind: "status", daemon, status, nowMs: Date.now() }),
        entry: (entry) => this.#take({ kind: "entry", daemon, entry }),
        lost: (reason) => this.#take({ kind: "lost", daemon, reason, nowMs: Date.now() }),
      })
    );
  }

  async run(): Promise<void> {
    const sessions = this.#sessions.map((session) => session.run());
    // Something to look at while ink is being loaded.
    this.#tty.show(screenOf(this.#state).rows.map(rowText));
    const colours = (Deno.env.get("NO_COLOR") ?? "") === "";
    this.#renderer = (await loadRenderer(colours)).openRenderer((lines) => this.#tty.show(lines));
    this.#host?.opened({
      say: (node, text) =>
        this.#take({ kind: "said", id: `said:${this.#said++}`, at: new Date().toISOString(), node, text }),
      show: (extra) => this.#take({ kind: "extra", extra }),
    });
    this.#draw();
    this.#ticking();
    await Promise.all(sessions);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#frame);
    clearTimeout(this.#tick);
    for (const session of this.#sessions) session.stop();
    this.#renderer?.close();
    await this.#tty.close();
  }

  #take(event: ConsoleEvent, atOnce = false): void {
    if (this.#closed) return;
    const before = "daemon" in event ? this.#state.daemons[event.daemon] : undefined;
    const routine = event.kind === "status" ? before?.status !== null : event.kind === "lost" && before?.lost !== null;
    const { state, orders } = reduce(this.#state, event);
    this.#state = state;
    for (const order of orders) this.#obey(order);
    if (atOnce) this.#draw();
    else {
      const dueAt = this.#drawnAt + Math.max(FRAME_MS, Math.min(FRAME_MS_MAX, this.#drawingMs / DRAWING_SHARE));
      this.#drawSoon(Math.max(routine ? ROUTINE_MS : 0, dueAt - performance.now()));
    }
  }

  /** What comes in one burst makes one picture. */
  #drawSoon(inMs: number): void {
    const dueAt = performance.now() + inMs;
    if (dueAt >= this.#dueAt) return;
    clearTimeout(this.#frame);
    this.#dueAt = dueAt;
    this.#frame = setTimeout(() => this.#draw(), inMs);
  }

  #draw(): void {
    clearTimeout(this.#frame);
    this.#dueAt = Infinity;
    if (this.#closed || this.#renderer === null) return;
    this.#drawnAt = performance.now();
    this.#renderer.draw(screenOf(this.#state));
    this.#drawingMs = performance.now() - this.#drawnAt;
  }

  #ticking(): void {
    this.#tick = setTimeout(() => {
      // Answers of a daemon carry the time along.
      const idle = performance.now() - this.#drawnAt >= TICK_MS;
      if (idle || isPlaying(this.#state)) this.#take({ kind: "tick", nowMs: Date.now() });
      this.#ticking();
    }, isPlaying(this.#state) ? PLAY_STEP_MS : TICK_MS);
  }

  #obey(order: Order): void {
    switch (order.kind) {
      case "quit":
        return this.#end(order.code);
      case "extra":
        return this.#host?.pressed(order.key);
      case "rehearse":
        return this.#rehearse(order);
      case "switchover":
        return this.#switchover(order);
      case "maintenance":
        return this.#maintain(order);
      case "output":
        return this.#output(order);
      default:
        return order satisfies never;
    }
  }

  /** Asks a daemon; `answer` and `refused` make the event that its words are. */
  #ask<T>(
    daemon: number,
    question: (client: ApiClient) => Promise<T>,
    answer: (value: T) => ConsoleEvent,
    refused: (error: ApiError) => ConsoleEvent,
    changes = true,
  ): void {
    const session = this.#sessions[daemon];
    if (session === undefined) return;
    session.ask(question).then((value) => this.#take(answer(value)), (error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      this.#take(refused(error));
    }).finally(() => {
      if (changes) session.enliven();
      // A receipt is played faster than the clock goes.
      clearTimeout(this.#tick);
      if (!this.#closed) this.#ticking();
    });
  }

  #rehearse({ daemon, beside, group }: Extract<Order, { kind: "rehearse" }>): void {
    const question = (client: ApiClient) => client.ask("GET", `/v1/groups/${encodeURIComponent(group)}/rehearsal`);
    // Without an answer of the node that serves, that of the other one is enough.
    const serving = beside === null ? null : this.#sessions[beside]?.ask(question).then(readRehearsal, () => null);
    this.#ask(
      daemon,
      async (client) => [await question(client), await serving ?? null] as const,
      ([value, other]) => {
        const taking = readRehearsal(value), rehearsal = taking === null ? null : withServing(taking, other);
        const remark = rehearsal === null ? "the daemon's answer cannot be read" : "";
        return { kind: "rehearsed", group, rehearsal, remark };
      },
      (error) => ({
        kind: "rehearsed",
        group,
        rehearsal: null,
        remark: unknownThere(error) ? "this daemon has none" : error.message,
      }),
    );
  }

  #switchover({ daemon, group, to }: Extract<Order, { kind: "switchover" }>): void {
    this.#ask(
      daemon,
      (client) => client.switchover(group, { ...(to === null ? {} : { to }), timeoutUs: SWITCHOVER_US }),
      (value) =>
        isReceipt(value)
          ? { kind: "switched", receipt: value }
          : { kind: "refused", text: "the daemon's answer cannot be read" },
      refusedText,
    );
  }

  #maintain({ daemon, on }: Extract<Order, { kind: "maintenance" }>): void {
    this.#ask(
      daemon,
      (client) => client.ask("POST", "/v1/maintenance", { on }),
      () => ({ kind: "maintained" }),
      (error) =>
        unknownThere(error) ? { kind: "refused", text: "this daemon has no maintenance mode" } : refusedText(error),
    );
  }

  #output({ daemon, group, service, key }: Extract<Order, { kind: "output" }>): void {
    const output = (it: ServiceOutput): ConsoleEvent => ({ kind: "output", key, output: it });
    this.#ask(
      daemon,
      (client) =>
        client.ask("GET", `/v1/groups/${encodeURIComponent(group)}/output?service=${encodeURIComponent(service)}`),
      (value) => {
        const lines = isObject(value) && Array.isArray(value["lines"]) ? value["lines"] : null;
        if (lines === null) return output({ kind: "none", text: "the daemon's answer cannot be read" });
        return output({ kind: "lines", lines: lines.map(String).slice(-OUTPUT_MAX) });
      },
      (error) =>
        output({ kind: "none", text: unknownThere(error) ? "this daemon does not keep its output" : error.message }),
      false,
    );
  }
}

/** Lines of a service's output that are kept. */
const OUTPUT_MAX = 500;

function unknownThere({ status, type }: ApiError): boolean {
  return status === 404 && type !== "urn:segue:problem:no-such-group";
}

function refusedText({ message, hint }: ApiError): ConsoleEvent {
  return { kind: "refused", text: hint === "" ? message : `${message} (${hint})` };
}
