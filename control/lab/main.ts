/** `segue lab`: a pair on this machine, with real traffic and real faults. */
import { complain, terminal } from "../api/commands/terminal.ts";
import { INNER } from "./process.ts";

export interface LabOptions {
  /** One scenario alone; without it the tour. */
  readonly scenario?: string;
  readonly json: boolean;
  readonly withKeepalived: boolean;
  /** The console on a running pair, in place of scenarios. */
  readonly console: boolean;
}

const EXIT_USAGE = 2;

/** Resolves with the exit code: 0 every promise kept, 1 not, 2 no such scenario, 128 + signal after an interrupt. */
export async function runLab(options: LabOptions): Promise<number> {
  const inner = Deno.env.get(INNER);
  if (inner !== undefined) return await (await import("./inner.ts")).runInner(inner);
  const { chooseScenarios, scenarioList, SHADOW } = await import("./scenarios.ts");
  const shadow = options.scenario === SHADOW;
  const scenarios = shadow ? [] : chooseScenarios(options.scenario);
  if (scenarios === null) {
    complain(terminal, "lab", `there is no scenario ${options.scenario}`);
    terminal.err(`scenarios:\n${scenarioList()}`);
    return EXIT_USAGE;
  }
  if (options.console) {
    const refusal = consoleRefusal(options);
    if (refusal !== null) {
      complain(terminal, "lab", refusal, "segue lab alone plays the scenarios one after the other");
      return EXIT_USAGE;
    }
  }
  if (!runs("ip", "-V")) return complain(terminal, "lab", "ip(8) is missing", "install iproute2");
  for (const { name, needs } of scenarios) {
    if (needs !== undefined && !runs(needs, "--version")) {
      return complain(terminal, "lab", `${name} takes ${needs}, which is missing`, "install nftables");
    }
  }
  const problem = await acquireRights(options);
  if (problem !== null) return complain(terminal, "lab", problem, "run it as root");
  if (options.console) return await (await import("./live.ts")).runLive();
  if (shadow) return await (await import("./shadow.ts")).runShadow(options.json);
  return await (await import("./tour.ts")).runTour(scenarios, options);
}

/** Null where the console can be opened. */
function consoleRefusal({ scenario, json, withKeepalived }: LabOptions): string | null {
  if (scenario !== undefined || json || withKeepalived) {
    return "--console shows a running pair: it goes with no scenario, --json or --with-keepalived";
  }
  const dumb = (Deno.env.get("TERM") ?? "dumb") === "dumb";
  return dumb || !Deno.stdout.isTerminal() || !Deno.stdin.isTerminal()
    ? "--console needs a terminal that can move its cursor"
    : null;
}

/** Null when the process may make namespaces; else why it may not. May start the program anew. */
async function acquireRights(options: LabOptions): Promise<string | null> {
  const { becomeUnshared, mountOwnRun, privilege, userNamespaceRefusal } = await import("./privilege.ts");
  switch (privilege()) {
    case "root":
      return null;
    case "own namespaces":
      if (options.withKeepalived) terminal.err("segue lab: --with-keepalived can install nothing without root\n");
      mountOwnRun();
      return null;
    case "none": {
      const refusal = userNamespaceRefusal();
      if (refusal !== null) return `no rights over networks (CAP_NET_ADMIN, CAP_SYS_ADMIN), and ${refusal}`;
      terminal.err("segue lab: not root, so this runs in a user namespace of its own, without real-time priority\n");
      becomeUnshared(Deno.args);
      return "cannot start unshare(1), which makes a user namespace";
    }
  }
}

function runs(command: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}
