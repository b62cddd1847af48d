/** `segue lab`: a pair on this machine, with real traffic and real faults. */
import { INNER } from "./process.ts";

export interface LabOptions {
  readonly scenario?: string;
  readonly json: boolean;
  readonly withKeepalived: boolean;
}

export async function runLab(options: LabOptions): Promise<number> {
  const inner = Deno.env.get(INNER);
  if (inner !== undefined) return await (await import("./inner.ts")).runInner(inner);
  return await (await import("./tour.ts")).runTour(options);
}
