/** State directories that are file systems of their own, small enough to be filled. Needs root. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { run } from "../../control/lab/command.ts";
import { NODES } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";

const SOURCE = "segue-chaos";

export async function mountDisks(world: World, size: string): Promise<void> {
  await unmountStale();
  for (const node of NODES) {
    Deno.mkdirSync(world.stateDir(node), { mode: 0o700 });
    await run("mount", "-t", "tmpfs", "-o", `size=${size},mode=0700`, SOURCE, world.stateDir(node));
  }
}

/** Lazily: daemons may still have files there. */
export async function unmountDisks(world: World): Promise<void> {
  for (const node of NODES) await run("umount", "--lazy", world.stateDir(node)).catch(() => {});
}

/** Of a run that was killed: its world has been taken away (control/lab/janitor.ts), and what was mounted there stands. */
async function unmountStale(): Promise<void> {
  for (const line of Deno.readTextFileSync("/proc/self/mounts").split("\n")) {
    const [source, target] = line.split(" ");
    if (source !== SOURCE || existsSync(`${dirname(target!)}/pair.key`)) continue;
    await run("umount", "--lazy", target!).catch(() => {});
    Deno.removeSync(target!);
    const folder = dirname(target!);
    if ([...Deno.readDirSync(folder)].length === 0) Deno.removeSync(folder);
  }
}
