/** `segue state`: reads and writes what the pair keeps in step. */
import type { AckLevel } from "../../state/waits.ts";
import { type ApiClient, ApiError } from "../client.ts";
import {
  dropOrphans,
  getState,
  listOrphans,
  listState,
  type OrphanJson,
  watchState,
  writeBatch,
  type WriteJson,
  writeState,
} from "../state_calls.ts";
import { valueFields } from "../value_fields.ts";
import { complain, type Terminal } from "./terminal.ts";
import { withDaemon } from "./with_daemon.ts";

export const STATE_ACTIONS = ["get", "put", "delete", "list", "watch", "batch", "orphans"] as const;
export type StateAction = typeof STATE_ACTIONS[number];

export interface StateOptions {
  readonly runDir: string;
  readonly json: boolean;
  readonly ack: string;
  readonly ifVersion?: string;
  readonly prefix: string;
  readonly since: string;
  /** `orphans`: delete them. */
  readonly drop: boolean;
}

const EXIT_USAGE = 2;
/** What each action wants behind the group. */
const OPERANDS: Readonly<Record<StateAction, string>> = {
  get: "KEY",
  put: "KEY [VALUE]",
  delete: "KEY",
  list: "",
  watch: "",
  batch: "",
  orphans: "",
};

export function runState(
  io: Terminal,
  action: string,
  group: string | undefined,
  operands: readonly string[],
  options: StateOptions,
): Promise<number> {
  const problem = usageProblem(action, group, operands, options);
  if (problem !== null) {
    complain(io, "state", problem, `segue state ${STATE_ACTIONS.join("|")} GROUP [KEY] [VALUE]`);
    return Promise.resolve(EXIT_USAGE);
  }
  return withDaemon(
    io,
    "state",
    options.runDir,
    (client) => act(io, client, action as StateAction, group!, operands, options),
  );
}

function usageProblem(
  action: string,
  group: string | undefined,
  operands: readonly string[],
  { ack, ifVersion, since }: StateOptions,
): string | null {
  if (!(STATE_ACTIONS as readonly string[]).includes(action)) {
    return `${JSON.stringify(action)} is nothing that it does`;
  }
  if (group === undefined) return "which group?";
  const wanted = OPERANDS[action as StateAction].split(" ").filter(Boolean);
  const needed = wanted.filter((word) => !word.startsWith("["));
  if (operands.length < needed.length) return `${action} wants ${needed[operands.length]} behind the group`;
  if (operands.length > wanted.length) return `${JSON.stringify(operands[wanted.length])} is one word too many`;
  if (!["local", "replicated", "durable"].includes(ack)) return `--ack ${ack}: local, replicated or durable`;
  for (const [name, text] of [["if-version", ifVersion], ["since", since]] as const) {
    if (text !== undefined && !/^[0-9]{1,15}$/.test(text)) return `--${name} ${text}: a whole number`;
  }
  return null;
}

async function act(
  io: Terminal,
  client: ApiClient,
  action: StateAction,
  group: string,
  [key = "", value]: readonly string[],
  options: StateOptions,
): Promise<number> {
  const ack = options.ack as AckLevel;
  const ifVersion = options.ifVersion === undefined ? undefined : Number(options.ifVersion);
  switch (action) {
    case "get":
      return await get(io, client, group, key, options.json);
    case "put":
      return say(
        io,
        options.json,
        await writeState(client, group, key, value ?? await readInput(), { ack, ifVersion }),
      );
    case "delete":
      return say(io, options.json, await writeState(client, group, key, null, { ack, ifVersion }));
    case "batch":
      return say(io, options.json, await writeBatch(client, group, new TextDecoder().decode(await readInput()), ack));
    case "list":
      return await list(io, client, group, options);
    case "watch":
      return await watch(io, client, group, Number(options.since));
    case "orphans":
      return await orphans(io, client, group, options);
    default:
      return action satisfies never;
  }
}

/** Everything on standard input: a value too long or too binary for the command line. */
async function readInput(): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer());
}

function say(io: Terminal, asJson: boolean, written: WriteJson): number {
  const { lsn, epoch, ack, degraded } = written;
  const safety = degraded ? `degraded: not ${ack}, as the standby is away or did not confirm it in time` : ack;
  const text = written.written === 0
    ? "nothing to write: no lines came on standard input"
    : `written with LSN ${lsn}, epoch ${epoch}, ${safety}`;
  io.out(`${asJson ? JSON.stringify(written) : text}\n`);
  return 0;
}

async function get(io: Terminal, client: ApiClient, group: string, key: string, asJson: boolean): Promise<number> {
  const { value, version } = await getState(client, group, key);
  if (asJson) io.out(JSON.stringify({ key, version, ...valueFields(value) }) + "\n");
  else Deno.stdout.writeSync(value);
  return 0;
}

async function list(io: Terminal, client: ApiClient, group: string, { prefix, json }: StateOptions): Promise<number> {
  let after = "";
  for (;;) {
    const page = await listState(client, group, prefix, after);
    for (const entry of page.keys) {
      const { key, version, size } = entry;
      io.out(json ? JSON.stringify(entry) + "\n" : `${key}  version ${version}, ${size} bytes\n`);
    }
    if (page.next === null) return 0;
    after = page.next;
  }
}

async function watch(io: Terminal, client: ApiClient, group: string, since: number): Promise<number> {
  for await (const event of watchState(client, group, since)) io.out(JSON.stringify(event) + "\n");
  throw new ApiError("the daemon ended", "watch again with --since and the last LSN");
}

async function orphans(io: Terminal, client: ApiClient, group: string, options: StateOptions): Promise<number> {
  if (options.drop) {
    const deleted = await dropOrphans(client, group);
    io.out(options.json ? JSON.stringify({ deleted }) + "\n" : `${deleted} deleted\n`);
    return 0;
  }
  const { total, orphans } = await listOrphans(client, group);
  for (const orphan of orphans) io.out(options.json ? JSON.stringify(orphan) + "\n" : orphanText(orphan));
  if (!options.json && total === 0) io.out("nothing was set aside\n");
  if (!options.json && total > orphans.length) io.out(`and ${total - orphans.length} more\n`);
  return 0;
}

function orphanText({ key, value, value_base64: base64, lsn, epoch, at, foundByEpoch }: OrphanJson): string {
  const what = value !== undefined ? JSON.stringify(value) : base64 !== undefined ? `base64 ${base64}` : "deleted";
  return `${key}  ${what}  (LSN ${lsn} of epoch ${epoch}, set aside ${at} for epoch ${foundByEpoch})\n`;
}
