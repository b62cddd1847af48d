/** Programs that the file names are there and may be run. */
import type { GroupConfig } from "../model.ts";
import type { KeyPath, Problem } from "../problem.ts";
import { type HostContext, placedProblem } from "./context.ts";

export function checkPrograms(context: HostContext): readonly Problem[] {
  return context.config.groups.flatMap((group, g) =>
    programsOf(group).flatMap(({ program, path }) => {
      const complaint = whyNot(program);
      if (complaint === null) return [];
      return [placedProblem(context, ["group", g, ...path], `${program} ${complaint}`, "")];
    })
  );
}

/** Tracks only: services are not started by this version. */
function programsOf(group: GroupConfig): { readonly program: string; readonly path: KeyPath }[] {
  return group.track.flatMap((track, t) =>
    track.kind === "exec" ? [{ program: track.exec[0] ?? "", path: ["track", t, "exec"] }] : []
  );
}

function whyNot(program: string): string | null {
  try {
    const info = Deno.statSync(program);
    if (!info.isFile) return "is not a file";
    return ((info.mode ?? 0o111) & 0o111) === 0 ? "is not executable" : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "is not there";
    return `cannot be looked at: ${error instanceof Error ? error.message : String(error)}`;
  }
}
