/** Which segue this is. Pure: what the host knows is passed in. */
import { WIRE_VERSION } from "./wire.ts";

/** The same as in deno.json; a test compares them. */
export const VERSION = "0.1.0";

/** How this copy of the program was made: run from its sources, carried by the launcher, or by `deno compile`. */
export type Build = "source" | "launcher" | "compile";

/** What `segue version --json` prints. */
export interface VersionInfo {
  readonly version: string;
  readonly build: Build;
  readonly deno: string;
  /** Version of the heartbeat on the wire. */
  readonly wire: number;
}

/** @param host `build`: what SEGUE_BUILD says, if anything; `deno`: version of the runtime */
export function versionInfo(host: { readonly build: string | undefined; readonly deno: string }): VersionInfo {
  const build = host.build === "launcher" || host.build === "compile" ? host.build : "source";
  return { version: VERSION, build, deno: host.deno, wire: WIRE_VERSION };
}
