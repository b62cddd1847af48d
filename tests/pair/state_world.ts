/** What tests of the state on a real pair ask for: reading, writing, being in step. */
import type { StatusJson } from "../../control/api/json.ts";
import { ApiClient, ApiError } from "../../control/api/client.ts";
import { getState, type WriteJson, writeState } from "../../control/api/state_calls.ts";
import { SOCKET_NAME } from "../../control/api/socket.ts";
import { GROUP } from "../../control/lab/pair_file.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";

export function clientOf(world: World, node: NodeName): ApiClient {
  return new ApiClient(`${world.runDir(node)}/${SOCKET_NAME}`);
}

/** Null: there is no such key. */
export async function read(world: World, node: NodeName, key: string): Promise<string | null> {
  const client = clientOf(world, node);
  try {
    return new TextDecoder().decode((await getState(client, GROUP, key)).value);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  } finally {
    client.close();
  }
}

export async function write(
  world: World,
  node: NodeName,
  key: string,
  value: string,
  ack: WriteJson["ack"] = "replicated",
): Promise<WriteJson> {
  const client = clientOf(world, node);
  try {
    return await writeState(client, GROUP, key, value, { ack });
  } finally {
    client.close();
  }
}

/** Nothing while the daemon is not there. */
export async function state(
  world: World,
  node: NodeName,
): Promise<Partial<StatusJson["groups"][number]["state"]>> {
  return (await world.status(node))?.groups[0]?.state ?? {};
}

export function synced(world: World, node: NodeName): Promise<void> {
  return world.until(
    async () => (await state(world, node)).sync === "synced",
    10_000,
    `state of ${node} to be in step`,
  );
}
