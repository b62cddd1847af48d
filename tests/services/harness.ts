/** A real manager with real children, in a folder of its own; the services are shell scripts that say what happens to them. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { loadConfig } from "../../config/load.ts";
import type { GroupConfig } from "../../config/model.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import {
  type BecomeContext,
  type BecomeResult,
  type ManagerParts,
  ServiceManager,
} from "../../control/services/manager.ts";
import { PAIR } from "./pair_file.ts";

// The C library stays open: it is opened before a test begins to count what is left open.
monotonicUs();

/** The group "web" with these services, as the configuration has them. */
export function groupOf(services: string): GroupConfig {
  const loaded = loadConfig(PAIR + services);
  assert.ok("config" in loaded, "problems" in loaded ? JSON.stringify(loaded.problems) : "");
  return loaded.config.groups[0]!;
}

export interface Running {
  readonly manager: ServiceManager;
  /** Where scripts may write; also the run directory. */
  readonly folder: string;
  readonly events: string[];
  /** Each time that eligibility was told: "yes", or the reason. */
  readonly eligible: string[];
  readonly log: string[];
  /** What the scripts have said so far. */
  trace(): string[];
  become(role: "primary" | "standby", context?: Partial<BecomeContext>): Promise<BecomeResult>;
}

export interface Setup {
  /** Text of [[group.service]] tables. FOLDER stands for the folder, SAY for a script that notes its arguments. */
  readonly services: string;
  readonly parts?: Partial<ManagerParts>;
  /** False: the test calls `start` itself. */
  readonly start?: boolean;
}

export async function withManager(setup: Setup, body: (running: Running) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "segue-services-" });
  const running = makeRunning(folder, setup);
  try {
    if (setup.start !== false) await running.manager.start();
    await body(running);
  } catch (error) {
    console.log([...running.events, ...running.log, ...running.trace()].join("\n"));
    throw error;
  } finally {
    await running.manager.stop();
    Deno.removeSync(folder, { recursive: true });
  }
}

/** `[[group.service]]` tables for a folder: SAY and FOLDER are filled in. */
export function fillIn(services: string, folder: string): string {
  const say = `${folder}/say`;
  if (!existsSync(say)) {
    Deno.writeTextFileSync(say, `#!/bin/sh\necho "$@" >> ${folder}/trace\n`, { mode: 0o755 });
    Deno.chmodSync(say, 0o755);
  }
  return services.replaceAll("SAY", say).replaceAll("FOLDER", folder);
}

export function makeRunning(folder: string, { services, parts = {} }: Setup): Running {
  const events: string[] = [];
  const eligible: string[] = [];
  const log: string[] = [];
  const manager = new ServiceManager({
    groups: [groupOf(fillIn(services, folder))],
    identity: { pair: "edge", node: "a", peer: "b", runDir: folder, socket: `${folder}/segue.sock` },
    log: (level, text) => void log.push(`${level} ${text}`),
    event: (level, kind, text) => void events.push(`${level} ${kind} ${text}`),
    eligible: (_, ok, reason) => void eligible.push(ok ? "yes" : reason),
    ...parts,
  });
  return {
    manager,
    folder,
    events,
    eligible,
    log,
    trace: () => existsSync(`${folder}/trace`) ? Deno.readTextFileSync(`${folder}/trace`).trim().split("\n") : [],
    become: (role, context = {}) =>
      manager.become("web", role, { epoch: 7, planned: true, reason: "test", deadlineUs: null, ...context }),
  };
}

/** A service that says when it starts and when it is asked to end, and ends then. */
export function obedient(name: string): string {
  return script(name, `trap 'SAY ${name} ends; exit 0' TERM; SAY ${name} starts; while :; do sleep 0.01; done`);
}

/** The first lines of a service that is a shell script. */
export function script(name: string, text: string): string {
  assert.ok(!text.includes('"') && !text.includes("\\"), "it stands in a TOML string");
  return `[[group.service]]\nname = "${name}"\nexec = ["/bin/sh", "-c", "${text}"]\n`;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function inUs(ms: number): number {
  return monotonicUs() + ms * 1000;
}

/** Waits until something is so; throws after ten seconds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !condition();) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await sleep(5);
  }
}

export function steps(result: BecomeResult): string[] {
  return result.steps.map(({ step }) => step);
}
