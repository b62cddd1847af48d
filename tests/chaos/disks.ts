/** State directories that are file systems of their own, small enough to be filled. Needs root. */
import { run } from "../../control/lab/command.ts";
import { NODES } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";

export async function mountDisks(world: World, size: string): Promise<void> {
  for (const node of NODES) {
    Deno.mkdirSync(world.stateDir(node), { mode: 0o700 });
    await run("mount", "-t", "tmpfs", "-o", `size=${size},mode=0700`, "segue-chaos", world.stateDir(node));
  }
}

/** Lazily: daemons may still have files there. */
export async function unmountDisks(world: World): Promise<void> {
  for (const node of NODES) await run("umount", "--lazy", world.stateDir(node)).catch(() => {});
}
