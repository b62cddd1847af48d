/** The journal's thread: takes requests one by one, writes what came together in one transaction. */
import { dirname, join } from "node:path";
import type { JournalHealth } from "./entry.ts";
import { failureText } from "./failure.ts";
import { STATE_NAME } from "./files.ts";
import type { JournalReply, JournalRequest } from "./protocol.ts";
import { transfersOf } from "./state_protocol.ts";
import { StateThread } from "./state_worker.ts";
import { JournalStore } from "./store.ts";
import { Timers } from "./timers.ts";

/** Before the whole file is checked: the daemon's start comes first. */
const VERIFY_AFTER_MS = 2000;
/** From a switch that was written to the next look at the file, and from one look to the next where nothing happens. */
const VERIFY_SOON_MS = 500;
const VERIFY_EVERY_MS = 60_000;
/** Between two steps of deleting old entries. */
const PRUNE_PAUSE_MS = 100;
const PRUNE_EVERY_MS = 60_000;
/** Between two words about numbers that change. */
const TELL_EVERY_MS = 1000;

/** The part of a worker's global scope that the thread uses. */
interface WorkerScope {
  onmessage: ((message: MessageEvent<JournalRequest>) => void) | null;
  postMessage(reply: JournalReply, transfers?: Transferable[]): void;
}

/** Body of the thread named `segue:journal`; called by the entry point. Returns at once, the thread lives by its messages. */
export function runJournalWorker(): void {
  const scope = globalThis as unknown as WorkerScope;
  const thread = new JournalThread((reply) =>
    scope.postMessage(reply, reply.kind === "state" ? transfersOf(reply.reply) : [])
  );
  scope.onmessage = ({ data }) => thread.handle(data);
}

class JournalThread {
  readonly #reply: (reply: JournalReply) => void;
  #store: JournalStore | null = null;
  #state: StateThread | null = null;
  #lastHealth = "";
  #lastGist = "";
  #toldAt = -Infinity;
  #telling = false;
  #verifying = false;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #timers = new Timers(() => this.#settle());

  constructor(reply: (reply: JournalReply) => void) {
    this.#reply = reply;
  }

  handle(request: JournalRequest): void {
    try {
      if (request.kind === "open") this.#open(request.path);
      else if (this.#store) this.#serve(this.#store, request);
    } catch (error) {
      const text = failureText(error);
      // Before the answer: who reads it finds the reason in the health.
      this.#tellHealth();
      if ("id" in request) this.#reply({ kind: "failed", id: request.id, text });
      else if (request.kind === "open") this.#reply({ kind: "refused", text });
      else if (request.kind === "close") this.#reply({ kind: "closed" });
    }
    this.#settle();
  }

  #open(path: string): void {
    const { store, health } = JournalStore.open(path);
    this.#store = store;
    this.#state = new StateThread(join(dirname(path), STATE_NAME), (reply) => this.#reply({ kind: "state", reply }));
    this.#lastHealth = JSON.stringify(health);
    this.#reply({ kind: "opened", health, nextId: store.nextId });
    const verify = () => {
      store.verify();
      this.#timers.later(VERIFY_EVERY_MS, verify);
    };
    this.#timers.later(VERIFY_AFTER_MS, verify);
    const prune = () => this.#timers.later(store.prune() ? PRUNE_PAUSE_MS : PRUNE_EVERY_MS, prune);
    this.#timers.later(VERIFY_AFTER_MS, prune);
  }

  #serve(store: JournalStore, request: Exclude<JournalRequest, { kind: "open" }>): void {
    switch (request.kind) {
      case "epochs":
        this.#reply({ kind: "epochs", id: request.id, epochs: request.groups.map((group) => store.firstEpoch(group)) });
        break;
      case "reserve":
        this.#reply({ kind: "reserved", id: request.id, upTo: store.reserve(request.group, request.above) });
        break;
      case "entries":
        this.#reply({ kind: "entries", id: request.id, entries: store.entries(request.query) });
        break;
      case "addJitter":
        store.attempt("write delays", (db) => db.addJitter(request.row), undefined);
        break;
      case "jitter":
        this.#reply({
          kind: "jitter",
          id: request.id,
          rows: store.attempt("read delays", (db) => db.jitter(request.sinceS), []),
        });
        break;
      case "add":
        store.add(request.entry);
        if (request.entry.type === "switch") this.#verifySoon(store);
        break;
      case "state":
        this.#state?.handle(request.request);
        return;
      case "close":
        this.#close(store);
        return;
      default:
        request satisfies never;
    }
    this.#flushSoon(store);
  }

  /** What a switch left behind must be on the disk; one look for all that come together. */
  #verifySoon(store: JournalStore): void {
    if (this.#verifying) return;
    this.#verifying = true;
    this.#timers.later(VERIFY_SOON_MS, () => {
      this.#verifying = false;
      store.verify();
    });
  }

  /** After the messages that are here already, or when the disk is due to be tried again. */
  #flushSoon(store: JournalStore): void {
    if (this.#flushTimer !== undefined) return;
    this.#flushTimer = setTimeout(() => {
      this.#flushTimer = undefined;
      store.flush();
      this.#settle();
    }, store.retryInMs());
  }

  #close(store: JournalStore): void {
    clearTimeout(this.#flushTimer);
    this.#timers.end();
    this.#state?.close();
    store.close();
    this.#store = null;
    this.#tell(store.health());
    this.#reply({ kind: "closed" });
  }

  /** After anything that may have failed: says so, and sees to it that the disk is tried again. */
  #settle(): void {
    this.#tellHealth();
    // Not "while there is time to wait": the time may have run out between the timer and here.
    if (this.#store && !this.#store.health().ok) this.#flushSoon(this.#store);
  }

  #tellHealth(): void {
    if (this.#store) this.#tell(this.#store.health());
  }

  /** At once if there is something new to say; numbers alone are told once a second, not for each entry that waits. */
  #tell(health: JournalHealth): void {
    const gist = JSON.stringify([health.ok, health.text.replaceAll(/[0-9]+/g, "#"), health.setAside]);
    const text = JSON.stringify(health.ok ? { ...health, waiting: 0 } : health);
    if (text === this.#lastHealth) return;
    if (gist === this.#lastGist && performance.now() - this.#toldAt < TELL_EVERY_MS) {
      if (this.#store) this.#tellLater();
      else this.#reply({ kind: "health", health });
      return;
    }
    this.#lastHealth = text;
    this.#lastGist = gist;
    this.#toldAt = performance.now();
    this.#reply({ kind: "health", health });
  }

  #tellLater(): void {
    if (this.#telling) return;
    this.#telling = true;
    this.#timers.later(TELL_EVERY_MS, () => this.#telling = false);
  }
}
