/** `segue switchover`: moves a group, waits, and prints what it cost. */
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

/** 0: the group has moved. 1: it has not, and is served where it was. */
export function runSwitchover(io: Terminal, group: string, options: SwitchoverOptions): Promise<number> {
  const { to, timeoutUs, force } = options;
  return withDaemon(io, "switchover", options.runDir, async (client) => {
    const receipt = await client.switchover(group, { timeoutUs, force, ...(to === undefined ? {} : { to }) });
    io.out(options.json ? JSON.stringify(receipt, null, 2) + "\n" : receiptText(receiptFromJson(receipt)));
    if (receipt.outcome === "done") return 0;
    return complain(io, "switchover", `called off: ${receipt.reason}`, "segue status shows both nodes and their paths");
  });
}
