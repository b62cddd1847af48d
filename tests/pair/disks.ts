/** Disks that fill up, and files that are damaged, under real daemons. */
import { run } from "../../control/lab/command.ts";
import { type NodeName, NODES } from "../../control/lab/topology.ts";
import type { World, WorldOptions } from "../../control/lab/world.ts";
import { withWorld } from "./pair.ts";

export { fill } from "../journal/small_disk.ts";

/** Both state directories on disks of their own. @param size as mount(8) takes it for tmpfs */
export async function withSmallDisks(
  body: (world: World) => Promise<void>,
  size = "1m",
  options: Partial<WorldOptions> = {},
): Promise<void> {
  await withWorld(async (world) => {
    const mounted: string[] = [];
    try {
      for (const node of NODES) {
        Deno.mkdirSync(world.stateDir(node));
        await run("mount", "-t", "tmpfs", "-o", `size=${size}`, "segtest-journal", world.stateDir(node));
        mounted.push(world.stateDir(node));
      }
      await body(world);
    } finally {
      // Whoever still has files there is of no use any more.
      await Promise.all([...world.nodes.values()].map((daemon) => daemon.kill()));
      for (const path of mounted) await run("umount", path);
    }
  }, options);
}

/** Garbage over the whole middle of a file, while somebody has it open. */
export function scribble(path: string): void {
  using file = Deno.openSync(path, { write: true });
  const garbage = new TextEncoder().encode("this is not a database ".repeat(2000));
  file.writeSync(garbage);
}

/** Names of the files that a node has set aside. */
export function damagedFiles(world: World, node: NodeName, name = ""): string[] {
  return [...Deno.readDirSync(world.stateDir(node))].map((entry) => entry.name)
    .filter((one) => one.startsWith(name) && one.includes(".damaged-") && !/-(wal|shm)$/.test(one));
}

/** The text of an alarm as soon as the node has it. */
export async function alarmOf(world: World, node: NodeName, kind: string): Promise<string> {
  let text = "";
  await world.until(
    async () => {
      text = (await world.status(node))?.alarms.find((alarm) => alarm.kind === kind)?.text ?? "";
      return text !== "";
    },
    10_000,
    `the alarm ${kind} of ${node}`,
  );
  return text;
}
