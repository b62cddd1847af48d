/** One entry of the journal as a line for people. Pure. */
import type { EntryJson } from "./json.ts";
import { receiptFromJson } from "./json.ts";
import { packetsText, receiptTitle } from "./receipt_text.ts";

/** Ends with a line break. @param node who wrote it, where that is not clear */
export function entryText(entry: EntryJson, node = ""): string {
  const front = `${entry.at}  ${node === "" ? "" : `${oneLine(node)}  `}`;
  if (entry.type === "event") return `${front}${entry.level.padEnd(6)}  ${oneLine(entry.text)}\n`;
  const receipt = receiptFromJson(entry);
  return `${front}switch  ${receiptTitle(receipt)}: ${oneLine(receipt.reason)} (${packetsText(receipt.packets)})\n`;
}

/** What comes from a peer or a program may hold control characters; a terminal must not obey them. */
export function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex -- these are the characters that are meant
  return text.replace(/[\x00-\x1f\x7f-\x9f]+/g, " ");
}
