/** `segue maintenance`: says whether it is on, or turns it on or off. */
import { maintenanceText } from "../maintenance_text.ts";
import type { Terminal } from "./terminal.ts";
import { withDaemon } from "./with_daemon.ts";

export interface MaintenanceOptions {
  readonly runDir: string;
  readonly json: boolean;
  /** Undefined: only say. */
  readonly on: boolean | undefined;
}

export function runMaintenance(io: Terminal, { runDir, json, on }: MaintenanceOptions): Promise<number> {
  return withDaemon(io, "maintenance", runDir, async (client) => {
    const state = await client.maintenance(on);
    io.out(json ? JSON.stringify(state) + "\n" : maintenanceText(state));
    return 0;
  });
}
