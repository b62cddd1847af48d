/** The guard as the program that daemons start, made from its source. */
import { run } from "./namespace.ts";

/** Builds it and calls `body` with its path; daemons that are started meanwhile use it (kernel_ffi/guard.ts). */
export async function withGuardProgram<T>(body: (path: string) => T | Promise<T>): Promise<T> {
  const directory = Deno.makeTempDirSync({ prefix: "guard-" }), before = Deno.env.get("SEGUE_GUARD");
  const path = `${directory}/guard`, source = new URL("../../packaging/guard.c", import.meta.url).pathname;
  try {
    run("gcc", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o", path, source);
    Deno.env.set("SEGUE_GUARD", path);
    return await body(path);
  } finally {
    if (before === undefined) Deno.env.delete("SEGUE_GUARD");
    else Deno.env.set("SEGUE_GUARD", before);
    Deno.removeSync(directory, { recursive: true });
  }
}
