/** The switch thread as the main thread sees it: commands in, reports out. */
import type { Jitter } from "../core/jitter.ts";
import type { SwitchCommand, SwitchInit, SwitchReport, SwitchSnapshot } from "../core/messages.ts";
import type { SwitchReceipt } from "../core/vocabulary.ts";
import { createMailbox, MailboxWriter } from "../switch/mailbox.ts";

export const SWITCH_WORKER = "segue:switch";

/** A first start compiles and opens everything; it may take longer than any silence later. */
const START_GRACE_MS = 15_000;

/** Result of a command that waits. */
export interface CommandResult {
  readonly ok: boolean;
  readonly error?: string;
  readonly receipt?: SwitchReceipt;
}

/** A command without its number: the thread gives it one. */
type Numbered = "snapshot" | "jitter" | "switchover" | "keys" | "reload" | "stop";
type Asked = SwitchCommand extends infer C ? C extends { readonly kind: Numbered } ? Omit<C, "id"> : never : never;

interface Waiting {
  resolve(report: SwitchReport): void;
  reject(error: Error): void;
}

export class SwitchThread {
  readonly #worker: Worker;
  readonly #mailbox: MailboxWriter;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onReport: (report: SwitchReport) => void;
  #nextId = 1;
  /** Monotonic milliseconds at which the loop last gave a sign of life. */
  aliveAt = performance.now() + START_GRACE_MS;

  /** @param onReport everything but the answers to commands */
  constructor(
    entryUrl: string,
    init: Omit<SwitchInit, "mailbox" | "mailboxFd">,
    onReport: (report: SwitchReport) => void,
  ) {
    const share = createMailbox();
    this.#mailbox = new MailboxWriter(share);
    this.#onReport = onReport;
    this.#worker = new Worker(entryUrl, { type: "module", name: SWITCH_WORKER });
    this.#worker.onmessage = ({ data }: MessageEvent<SwitchReport>) => this.#take(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      onReport({ kind: "fatal", text: event.message });
    };
    this.#worker.postMessage({ ...init, mailbox: share.memory, mailboxFd: share.fd } satisfies SwitchInit);
  }

  send(command: SwitchCommand): void {
    if (!this.#mailbox.post(command)) {
      this.#onReport({ kind: "fatal", text: "the switch thread no longer reads its mailbox" });
    }
  }

  async snapshot(): Promise<SwitchSnapshot> {
    const report = await this.#ask({ kind: "snapshot" });
    if (report.kind !== "snapshot") throw new Error(`switch thread: ${report.kind} in answer to snapshot`);
    return report.snapshot;
  }

  /** Delays that were counted since the last time. */
  async jitter(): Promise<Jitter> {
    const report = await this.#ask({ kind: "jitter" });
    if (report.kind !== "jitter") throw new Error(`switch thread: ${report.kind} in answer to jitter`);
    return report.jitter;
  }

  async result(command: Asked): Promise<CommandResult> {
    const report = await this.#ask(command);
    return report.kind === "result" ? report : { ok: true };
  }

  #ask(command: Asked): Promise<SwitchReport> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.send({ ...command, id } as SwitchCommand);
    });
  }

  /** Nobody will answer what is still asked: who waits is told so. */
  abandon(): void {
    for (const waiting of this.#waiting.values()) waiting.reject(new Error("the daemon is stopping"));
    this.#waiting.clear();
  }

  #take(report: SwitchReport): void {
    if (report.kind === "alive") this.aliveAt = performance.now();
    if ("id" in report && report.id !== undefined) {
      this.#waiting.get(report.id)?.resolve(report);
      this.#waiting.delete(report.id);
    } else {
      this.#onReport(report);
    }
  }
}
