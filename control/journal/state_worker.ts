/** The state's part of the journal's thread. The file is opened when it is first needed. */
import { failureText } from "./failure.ts";
import type { StateReply, StateRequest } from "./state_protocol.ts";
import { type StateHealth, StateStore } from "./state_store.ts";
import { Timers } from "./timers.ts";

/** Before the whole file is checked: the start comes first. */
const VERIFY_AFTER_MS = 30_000;
const VERIFY_EVERY_MS = 6 * 3_600_000;
/** Between two steps of tidying up, and between two looks whether there is something to tidy. */
const PRUNE_PAUSE_MS = 50;
const PRUNE_EVERY_MS = 10_000;

export class StateThread {
  readonly #path: string;
  readonly #reply: (reply: StateReply) => void;
  #store: StateStore | null = null;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #flushAt = Infinity;
  readonly #timers = new Timers(() => this.#settle());
  #told = "";
  #durable = 0;
  #losses = 0;
  #wanted = 0;
  #refusedUpTo = 0;

  constructor(path: string, reply: (reply: StateReply) => void) {
    this.#path = path;
    this.#reply = reply;
  }

  handle(request: StateRequest): void {
    try {
      this.#serve(this.#open(request), request);
    } catch (error) {
      const text = failureText(error);
      if (request.kind === "append") {
        // Of a newer segue: nothing is ever written into it.
        this.#reply({ kind: "undurable", sequence: request.sequence, text });
        this.#reply({ kind: "taken", sequence: request.sequence });
      } else {
        this.#reply({ kind: "failed", id: request.id, text });
      }
    }
    this.#settle();
  }

  close(): void {
    clearTimeout(this.#flushTimer);
    this.#timers.end();
    if (this.#store === null) return;
    this.#store.close();
    this.#tell(this.#store);
    this.#store = null;
  }

  #open(request: StateRequest): StateStore {
    if (this.#store !== null) return this.#store;
    const store = this.#store = StateStore.open(this.#path, request.kind === "open" ? request.groups : []);
    const verify = () => {
      store.verify();
      this.#timers.later(VERIFY_EVERY_MS, verify);
    };
    this.#timers.later(VERIFY_AFTER_MS, verify);
    const prune = () => this.#timers.later(store.prune() ? PRUNE_PAUSE_MS : PRUNE_EVERY_MS, prune);
    this.#timers.later(PRUNE_EVERY_MS, prune);
    return store;
  }

  #serve(store: StateStore, request: StateRequest): void {
    switch (request.kind) {
      case "append":
        store.add(request.changes, request.sequence);
        if (request.urgent) this.#wanted = request.sequence;
        // What came while the last commit ran is in one message: it needs no wait to be shared.
        if (request.urgent) this.#flush(store);
        else this.#flushIn(0);
        this.#reply({ kind: "taken", sequence: request.sequence });
        return;
      case "open":
        return this.#reply({ kind: "opened", id: request.id });
      case "group": {
        this.#flushAll(store);
        const stored = store.group(request.group);
        return this.#reply({ kind: "group", id: request.id, stored, lost: store.losses > 0 });
      }
      case "page":
        return this.#reply({ kind: "page", id: request.id, ...store.page(request.group, request.from) });
      case "orphans":
        this.#flushAll(store);
        return this.#reply({ kind: "orphans", id: request.id, ...store.orphans(request.group, request.limit) });
      case "dropOrphans":
        this.#flushAll(store);
        return this.#reply({ kind: "dropped", id: request.id, rows: store.dropOrphans(request.group) });
      case "backup":
        this.#flushAll(store);
        return this.#reply({ kind: "backup", id: request.id, bytes: store.backup(request.path) });
      default:
        request satisfies never;
    }
  }

  /** One transaction; the rest, if it is much, after other messages. */
  #flush(store: StateStore): void {
    if (store.flush()) this.#flushIn(0);
  }

  /** An answer about the file is about everything that was appended before. */
  #flushAll(store: StateStore): void {
    while (store.flush());
  }

  /** Sooner rather than later: the earliest time counts. */
  #flushIn(ms: number): void {
    const at = performance.now() + ms;
    if (at >= this.#flushAt) return;
    clearTimeout(this.#flushTimer);
    this.#flushAt = at;
    this.#flushTimer = setTimeout(() => {
      this.#flushAt = Infinity;
      if (this.#store) this.#flush(this.#store);
      this.#settle();
    }, ms);
  }

  /** After anything that may have changed something: says so, and sees to it that the disk is tried again. */
  #settle(): void {
    const store = this.#store;
    if (store === null) return;
    this.#tell(store);
    // Not "while there is time to wait": the time may have run out between the timer and here.
    if (!store.health().ok) this.#flushIn(Math.ceil(store.retryInMs()));
  }

  #tell(store: StateStore): void {
    const health = store.health();
    if (store.losses > this.#losses) {
      this.#losses = store.losses;
      this.#reply({ kind: "lost", text: health.text });
    }
    if (store.durable > this.#durable) {
      this.#durable = store.durable;
      this.#reply({ kind: "durable", sequence: store.durable });
    }
    if (!health.ok && this.#wanted > Math.max(this.#durable, this.#refusedUpTo)) {
      this.#refusedUpTo = store.sequence;
      this.#reply({ kind: "undurable", sequence: store.sequence, text: health.text });
    }
    const gist = gistOf(health);
    if (gist === this.#told) return;
    this.#told = gist;
    this.#reply({ kind: "health", health });
  }
}

/** Numbers that change with each row that waits are not news. */
function gistOf(health: StateHealth): string {
  return JSON.stringify([health.ok, health.text.replaceAll(/[0-9]+/g, "#"), health.setAside]);
}
