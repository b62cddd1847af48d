/** The state's calls, for commands and tests. All throw `ApiError`. */
import type { AckLevel } from "../state/waits.ts";
import type { ApiClient } from "./client.ts";
import { readServerSentEvents } from "./sse.ts";

export interface WriteJson {
  readonly lsn: number;
  readonly version: number;
  readonly epoch: number;
  readonly ack: AckLevel;
  readonly degraded: boolean;
  /** Of a batch: how many operations it had. */
  readonly written?: number;
}

export interface ListJson {
  readonly keys: readonly { readonly key: string; readonly version: number; readonly size: number }[];
  /** Where to go on; null at the end. */
  readonly next: string | null;
  readonly lsn: number;
}

export interface OrphanJson {
  readonly epoch: number;
  readonly lsn: number;
  readonly key: string;
  readonly value?: string;
  readonly value_base64?: string;
  readonly at: string;
  readonly foundByEpoch: number;
}

/** One event of a watch. `synced`: everything up to `lsn` has been told. `reset`: deleted keys were forgotten, all rows follow. */
export interface WatchEvent {
  readonly kind: "put" | "delete" | "synced" | "reset";
  readonly lsn: number;
  readonly key?: string;
  readonly value?: string;
  readonly value_base64?: string;
}

function statePath(group: string, key?: string): string {
  const path = `/v1/groups/${encodeURIComponent(group)}/state`;
  return key === undefined ? path : `${path}/${encodeURIComponent(key)}`;
}

export async function getState(
  client: ApiClient,
  group: string,
  key: string,
): Promise<{ value: Uint8Array; version: number }> {
  const response = await client.send("GET", statePath(group, key));
  const version = Number(response.headers.get("etag")?.replaceAll('"', ""));
  return { value: new Uint8Array(await response.arrayBuffer()), version };
}

/** @param ifVersion the version that the key must have, 0 for none; undefined: any  @param value null deletes the key */
export async function writeState(
  client: ApiClient,
  group: string,
  key: string,
  value: Uint8Array<ArrayBuffer> | string | null,
  { ack = "replicated", ifVersion }: { readonly ack?: AckLevel; readonly ifVersion?: number | undefined } = {},
): Promise<WriteJson> {
  const headers: Record<string, string> = {};
  if (ifVersion === 0) headers["if-none-match"] = "*";
  else if (ifVersion !== undefined) headers["if-match"] = `"${ifVersion}"`;
  const path = `${statePath(group, key)}?ack=${ack}`;
  const init = value === null ? { headers } : { headers, body: value };
  return await (await client.send(value === null ? "DELETE" : "PUT", path, init)).json();
}

/** Lines as the API takes them; done whole or not at all. */
export async function writeBatch(client: ApiClient, group: string, lines: string, ack: AckLevel): Promise<WriteJson> {
  const init = { body: lines, headers: { "content-type": "application/x-ndjson" } };
  return await (await client.send("POST", `${statePath(group)}?ack=${ack}`, init)).json();
}

export async function listState(client: ApiClient, group: string, prefix: string, after: string): Promise<ListJson> {
  const query = new URLSearchParams({ prefix, after });
  return await (await client.send("GET", `${statePath(group)}?${query}`)).json();
}

/** Every row above `since`, then each write as it happens, until the daemon ends or `signal` says so. */
export async function* watchState(
  client: ApiClient,
  group: string,
  since: number,
  signal?: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const init = { headers: { accept: "text/event-stream" }, ...(signal ? { signal } : {}) };
  const response = await client.send("GET", `${statePath(group)}?since=${since}`, init);
  if (!response.body) return;
  try {
    for await (const { event, data } of readServerSentEvents(response.body)) {
      yield { kind: event as WatchEvent["kind"], ...JSON.parse(data) };
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    // The daemon or the caller has ended the connection in the middle of something.
  }
}

export async function listOrphans(
  client: ApiClient,
  group: string,
): Promise<{ total: number; orphans: readonly OrphanJson[] }> {
  return await (await client.send("GET", `/v1/groups/${encodeURIComponent(group)}/orphans`)).json();
}

/** Resolves with how many were deleted. */
export async function dropOrphans(client: ApiClient, group: string): Promise<number> {
  return (await (await client.send("DELETE", `/v1/groups/${encodeURIComponent(group)}/orphans`)).json()).deleted;
}
