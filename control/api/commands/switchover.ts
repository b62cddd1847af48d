/** `segue switchover`: moves a group, waits, and prints what it cost. */
import { ApiError } from "../client.ts";
import { receiptFromJson } from "../json.ts";
import { receiptText } from "../receipt_text.ts";
import { complain, type Terminal } from "./terminal.ts";
import { withDaemon } from "./with_daemon.ts";

export interface SwitchoverOptions {
  readonly runDir: string;
  readonly json: boolean;
  readonly to: string | undefined;
  readonly timeoutUs: number;
  readonly force: boolean;
}

const NOTHING_TO_DO = "urn:segue:problem:nothing-to-do";

/** 0: the group has moved, or is where it shall be already. 1: it has not, and is served where it was. */
export function runSwitchover(io: Terminal, group: string, options: SwitchoverOptions): Promise<number> {
  const { to, timeoutUs, force } = options;
  return withDaemon(io, "switchover", options.runDir, async (client) => {
    const order = { timeoutUs, force, ...(to === undefined ? {} : { to }) };
    const receipt = await client.switchover(group, order).catch((error: unknown) => {
      // What was asked for is so: a script that asks twice has not failed.
      if (error instanceof ApiError && error.type === NOTHING_TO_DO) return error.message;
      throw error;
    });
    if (typeof receipt === "string") {
      io.out(options.json ? JSON.stringify({ outcome: "nothing-to-do", reason: receipt }) + "\n" : `${receipt}\n`);
      return 0;
    }
    io.out(options.json ? JSON.stringify(receipt, null, 2) + "\n" : receiptText(receiptFromJson(receipt)));
    if (receipt.outcome === "done") return 0;
    return complain(io, "switchover", `called off: ${receipt.reason}`, "segue status shows both nodes and their paths");
  });
}
