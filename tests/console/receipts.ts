/** The receipt that stands on the screen, in the words of the API: by its epoch, for another switch may have followed on a busy machine. */
import assert from "node:assert/strict";
import { ApiClient } from "../../control/api/client.ts";
import type { ReceiptJson } from "../../control/api/json.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";

/** @param lines of a screen with the title of a receipt, the first of which is meant */
export async function receiptOnScreen(world: World, lines: readonly string[], kind: string): Promise<ReceiptJson> {
  const title = new RegExp(`^  web: ${kind} on ([ab]) done in .*, epoch \\d+ → (\\d+)`, "m").exec(lines.join("\n"));
  assert.ok(title !== null, lines.join("\n"));
  const node = title[1] as NodeName, epoch = Number(title[2]);
  const client = new ApiClient(`${world.runDir(node)}/segue.sock`);
  try {
    for await (const entry of client.events()) {
      if (entry.type === "switch" && entry.node === node && entry.epoch === epoch) return entry;
    }
    throw new Error("the events ended");
  } finally {
    client.close();
  }
}

/** Without the spaces between thousands. */
export function unspaced(lines: readonly string[]): string {
  return lines.join("\n").replaceAll(/(\d) (?=\d{3}\b)/g, "$1");
}
