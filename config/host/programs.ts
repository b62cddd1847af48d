/** Programs that the file names are there and may be run; where it names units, systemd runs. */
import type { GroupConfig, ServiceConfig } from "../model.ts";
import type { KeyPath, Problem } from "../problem.ts";
import { type HostContext, placedProblem } from "./context.ts";

/** sd_booted(3): the folder is there where systemd is the system's manager. */
const SYSTEMD_RUNS = "/run/systemd/system";

interface Named {
  readonly program: string;
  readonly path: KeyPath;
}

export function checkPrograms(context: HostContext): readonly Problem[] {
  return [
    ...checkFence(context),
    ...context.config.groups.flatMap((group, g) => [
      ...programsOf(group).flatMap(({ program, path }) => {
        const complaint = whyNot(program);
        if (complaint === null) return [];
        return [placedProblem(context, ["group", g, ...path], `${program} ${complaint}`, "")];
      }),
      ...checkUnits(context, group, g),
    ]),
  ];
}

/** This node is the one that runs the peer's. */
function checkFence({ ourselves, ...context }: HostContext): Problem[] {
  const program = ourselves.peer.fence?.command[0];
  const complaint = program === undefined ? null : whyNot(program);
  if (complaint === null) return [];
  const path = ["node", 1 - ourselves.index, "fence"];
  return [
    placedProblem({ ourselves, ...context }, path, `${program} ${complaint}`, "without it nothing is taken over"),
  ];
}

function programsOf({ track, services }: GroupConfig): Named[] {
  return [
    ...track.flatMap((track, t) => track.kind === "exec" ? [named(track.exec, ["track", t, "exec"])] : []),
    ...services.flatMap((service, s) =>
      serviceCommands(service).map(({ program, path }) => ({ program, path: ["service", s, ...path] }))
    ),
  ];
}

function serviceCommands({ exec, health, onPrimary, onStandby }: ServiceConfig): Named[] {
  return [
    ...(exec === undefined ? [] : [named(exec, ["exec"])]),
    ...(health?.kind === "exec" ? [named(health.exec, ["health", "exec"])] : []),
    ...onPrimary.map((command, i) => named(command, ["on_primary", i])),
    ...onStandby.map((command, i) => named(command, ["on_standby", i])),
  ];
}

function named(command: readonly string[], path: KeyPath): Named {
  return { program: command[0] ?? "", path };
}

function checkUnits(context: HostContext, group: GroupConfig, g: number): Problem[] {
  const index = group.services.findIndex((service) => service.systemd !== undefined);
  if (index < 0 || isThere(SYSTEMD_RUNS)) return [];
  const reason = "systemd does not run on this machine";
  return [placedProblem(context, ["group", g, "service", index, "systemd"], reason, "let segue run it: exec = […]")];
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
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
