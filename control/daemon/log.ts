/** The daemon's log: lines on stderr, with the priority that journald reads (sd-daemon(3)) where it listens. */
import type { EventLevel, NodeEvent, SwitchReceipt } from "../core/vocabulary.ts";
import { receiptLines } from "./receipt_lines.ts";

const PRIORITY: Readonly<Record<EventLevel, string>> = { info: "<6>", notice: "<5>", alarm: "<4>" };

export class Log {
  readonly #journald = Deno.env.has("JOURNAL_STREAM");

  write(level: EventLevel, text: string): void {
    const head = this.#journald ? PRIORITY[level] : `${new Date().toISOString()} ${level.padEnd(6)} `;
    for (const line of text.trimEnd().split("\n")) console.error(head + line);
  }

  event(event: NodeEvent): void {
    this.write(event.level, event.text);
  }

  receipt(receipt: SwitchReceipt): void {
    this.write(receipt.outcome === "done" ? "notice" : "alarm", receiptLines(receipt));
  }
}
