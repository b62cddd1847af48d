/** One daemon as the console sees it: asked for its status again and again, listened to, and found again when it was away. */
import { join } from "node:path";
import { ApiClient, ApiError } from "../api/client.ts";
import type { EntryJson, StatusJson } from "../api/json.ts";
import { SOCKET_NAME } from "../api/socket.ts";
import { pause } from "../api/pause.ts";
import { isEntry, isStatus } from "./answer_check.ts";

/** While nothing happens; whatever happens is told by the events, and the end of their stream by itself. */
const CALM_MS = 1000;
/** For a while after something has happened. */
const LIVELY_MS = 250;
const LIVELY_FOR_MS = 5000;
/** Before a daemon that is away is tried again. */
const RETRY_MS = 300;
/** A daemon that was stopped takes a connection and never answers. */
const ANSWER_MS_MAX = 2000;

export interface SessionListener {
  status(status: StatusJson): void;
  entry(entry: EntryJson): void;
  /** Told again only after it was back. */
  lost(reason: string): void;
}

export class Session {
  readonly #socketPath: string;
  readonly #listener: SessionListener;
  readonly #end = new AbortController();
  #lastId: number | undefined;
  #livelyUntil = 0;
  #soon = new AbortController();
  /** The daemon answers: its events can be listened to. */
  #answers = Promise.withResolvers<void>();

  constructor(runDir: string, listener: SessionListener) {
    this.#socketPath = join(runDir, SOCKET_NAME);
    this.#listener = listener;
  }

  /** Runs until `stop`. Never rejects. */
  async run(): Promise<void> {
    await Promise.all([this.#poll(), this.#listen()]);
  }

  stop(): void {
    this.#end.abort();
    this.#soon.abort();
    this.#answers.resolve();
  }

  /** Something happens: the next status is asked for at once, and the following ones more often. */
  enliven(): void {
    this.#livelyUntil = performance.now() + LIVELY_FOR_MS;
    this.#soon.abort();
  }

  /** One question beside all that. Throws `ApiError`. */
  async ask<T>(question: (client: ApiClient) => Promise<T>): Promise<T> {
    const client = new ApiClient(this.#socketPath);
    try {
      return await question(client);
    } finally {
      client.close();
    }
  }

  get #over(): boolean {
    return this.#end.signal.aborted;
  }

  async #poll(): Promise<void> {
    let client = new ApiClient(this.#socketPath);
    while (!this.#over) {
      const reason = await this.#askStatus(client);
      if (this.#over) break;
      if (reason !== null) {
        this.#listener.lost(reason);
        client.close();
        client = new ApiClient(this.#socketPath);
      }
      const askedAt = performance.now(), lively = askedAt < this.#livelyUntil;
      this.#soon = new AbortController();
      await pause(reason !== null ? RETRY_MS : lively ? LIVELY_MS : CALM_MS, this.#soon.signal);
      // However many things happen in one moment, they are one reason to ask.
      await pause(Math.max(0, askedAt + LIVELY_MS - performance.now()), this.#end.signal);
    }
    client.close();
  }

  /** Null if it answered; else why not. */
  async #askStatus(client: ApiClient): Promise<string | null> {
    const patience = AbortSignal.timeout(ANSWER_MS_MAX);
    try {
      const status = await client.status(AbortSignal.any([patience, this.#end.signal]));
      if (!isStatus(status)) return "its answer cannot be read: is it a segue of another version?";
      this.#listener.status(status);
      this.#answers.resolve();
      return null;
    } catch (error) {
      if (patience.aborted) return `no answer from ${this.#socketPath} for ${ANSWER_MS_MAX / 1000} s`;
      if (error instanceof ApiError) {
        return /^no access/.test(error.message) ? `${error.message}: ${error.hint}` : error.message;
      }
      throw error;
    }
  }

  async #listen(): Promise<void> {
    while (!this.#over) {
      await this.#answers.promise;
      if (this.#over) return;
      const client = new ApiClient(this.#socketPath);
      try {
        for await (const entry of client.events(this.#lastId, this.#end.signal)) {
          if (!isEntry(entry)) continue;
          this.#lastId = Math.max(this.#lastId ?? 0, entry.id);
          this.#listener.entry(entry);
          this.enliven();
        }
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      } finally {
        client.close();
      }
      // The stream has ended: the next answer says that the daemon is back.
      this.#answers = Promise.withResolvers<void>();
      if (this.#over) return;
      this.enliven();
      await pause(RETRY_MS, this.#end.signal);
    }
  }
}
