/** Somebody on the service network (`attacker.ts`), and what the daemons count of it. */
import assert from "node:assert/strict";
import { LabProcess } from "../../control/lab/process.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import type { Attack } from "./attacker.ts";

/** An attacker on the switch; killed with the world at the latest. */
export async function attack(world: World, what: Attack): Promise<LabProcess> {
  const script = new URL("./attacker.ts", import.meta.url).pathname;
  const command = [Deno.execPath(), "run", "-A", "--no-check", script, JSON.stringify(what)];
  const process = new LabProcess(what.what, world.net.switch, command, {});
  await process.line((line) => line === "ready", 20_000);
  return process;
}

/** What a node says on the service network for a while; to be replayed. Returns the file's name. */
export async function captureFrom(world: World, node: NodeName, name: string, durationMs = 800): Promise<string> {
  const file = `${world.folder}/${name}`;
  const process = await attack(world, { what: "capture", port: `p-${node}`, file, durationMs });
  const line = await process.line((text) => text.startsWith("captured"), 20_000);
  assert.ok(Number(line.split(" ")[1]) >= 10, line);
  return file;
}

export async function rejected(world: World, node: NodeName): Promise<Readonly<Record<string, number>>> {
  return (await world.status(node))!.rejected;
}

export async function waitRejected(world: World, node: NodeName, reason: string, above = 0): Promise<void> {
  await world.until(
    async () => ((await world.status(node))?.rejected[reason] ?? 0) > above,
    10_000,
    `${node} to count datagrams with ${reason}`,
  );
}
