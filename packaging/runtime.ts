/** The pinned runtime, and what is there to build with it. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export type Way = "compile" | "launcher";

export interface Pin {
  readonly version: string;
  /** npm package that holds the binary, by machine (`uname -m`). */
  readonly packages: Readonly<Record<string, string>>;
}

/** Root of the source tree. */
export const ROOT: string = dirname(dirname(fileURLToPath(import.meta.url)));

/** Reads packaging/deno.pin: KEY=value lines, as the shell reads them. */
export function parsePin(text: string): Pin {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^(\w+)=(.*)$/.exec(line);
    if (match !== null) values.set(match[1]!, match[2]!);
  }
  const version = values.get("DENO_VERSION");
  if (version === undefined) throw new Error("read deno.pin: DENO_VERSION is missing");
  const packages: Record<string, string> = {};
  for (const [key, value] of values) {
    if (key.startsWith("DENO_PACKAGE_")) packages[key.slice("DENO_PACKAGE_".length)] = value;
  }
  return { version, packages };
}

export function readPin(): Pin {
  return parsePin(Deno.readTextFileSync(join(ROOT, "packaging", "deno.pin")));
}

/** Path of the pinned runtime: the one that runs this program. Throws if that is another version. */
export function pinnedRuntime(pin: Pin): string {
  if (Deno.version.deno !== pin.version) {
    throw new Error(
      `build: this is Deno ${Deno.version.deno}, segue is built with ${pin.version} (./install.sh build gets it)`,
    );
  }
  return Deno.execPath();
}

/** Where `deno compile` finds its base without a network, or null. `env` and `exists` are parameters for the tests. */
export function findDenort(
  version: string,
  env: (name: string) => string | undefined,
  exists: (path: string) => boolean,
  target = Deno.build.target,
): string | null {
  const asked = env("DENORT_BIN");
  if (asked !== undefined && asked !== "") return exists(asked) ? asked : null;
  const home = env("HOME");
  const denoDir = env("DENO_DIR") ??
    (env("XDG_CACHE_HOME") === undefined ? home && join(home, ".cache", "deno") : join(env("XDG_CACHE_HOME")!, "deno"));
  if (denoDir === undefined || denoDir === "") return null;
  const cached = join(denoDir, "dl", "release", `v${version}`, `denort-${target}.zip`);
  return exists(cached) ? cached : null;
}

/**
 * How to build. `SEGUE_BUILD_WITH` decides if it is set; else `deno compile` where its base can be had, else the
 * launcher. Throws for an unknown word.
 */
export function chooseWay(asked: string | undefined, denort: string | null): Way {
  switch (asked) {
    case undefined:
    case "":
      return denort === null ? "launcher" : "compile";
    case "compile":
    case "launcher":
      return asked;
    default:
      throw new Error(`SEGUE_BUILD_WITH=${asked}: unknown, use compile or launcher`);
  }
}
