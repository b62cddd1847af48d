/**
 * A counter that follows its role and keeps its count in segue's state; see docs/services.md.
 *
 *     POST /increment?id=REQUEST_ID   counts once per id, however often it is asked; answers the same each time
 *     GET  /count
 *
 * deno run --allow-env --allow-net --allow-read --allow-write counter.ts
 */
const GROUP = Deno.env.get("SEGUE_GROUP")!;
const ADDRESS = Deno.env.get("SEGUE_ADDRESSES")!.split(" ")[0]!;
const PORT = Number(Deno.env.get("COUNTER_PORT") ?? "8080");
/** Answers that are kept for clients that ask again. */
const REMEMBERED = 1000;

// The address is never used: the connection is the socket. A name would be looked up.
const segue = Deno.createHttpClient({ proxy: { transport: "unix", path: Deno.env.get("SEGUE_SOCKET")! } });
const ask = (path: string, init: RequestInit = {}) =>
  fetch(`http://127.0.0.1/v1/groups/${GROUP}${path}`, { ...init, client: segue });

/** What segue keeps. */
interface Kept {
  readonly count: number;
  readonly answers: readonly (readonly [id: string, count: number])[];
}

const NOTHING: Kept = { count: 0, answers: [] };
let role = "standby";
let serving = false;
let kept = NOTHING;
let version: string | null = null;

/** One after the other: two increments at a time would both write the same number. */
let last: Promise<unknown> = Promise.resolve();
function inTurn<T>(work: () => T | Promise<T>): Promise<T> {
  const turn = last.then(work);
  last = turn.catch(() => {});
  return turn;
}

function leave(): void {
  serving = false;
  kept = NOTHING;
  version = null;
}

async function load(): Promise<void> {
  const response = await ask("/state/counter");
  const text = await response.text();
  if (response.status !== 200 && response.status !== 404) throw new Error(text);
  leave();
  if (response.status === 200) {
    kept = JSON.parse(text);
    version = response.headers.get("etag");
  }
  serving = true;
}

async function increment(id: string): Promise<number> {
  if (!serving && role === "primary") await load();
  if (!serving) throw new Error("this node is not primary");
  const known = kept.answers.find(([one]) => one === id);
  if (known !== undefined) return known[1];
  const count = kept.count + 1;
  const next = { count, answers: [...kept.answers.slice(1 - REMEMBERED), [id, count] as const] };
  // Until it is known to be kept on both nodes it may have been counted or not: the state knows.
  serving = false;
  const headers: HeadersInit = version === null ? { "if-none-match": "*" } : { "if-match": version };
  const response = await ask("/state/counter?ack=replicated", { method: "PUT", body: JSON.stringify(next), headers });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  version = `"${JSON.parse(text).version}"`;
  kept = next;
  serving = true;
  return count;
}

Deno.serve({ hostname: ADDRESS, port: PORT }, async (request) => {
  const url = new URL(request.url);
  if (request.method === "GET" && url.pathname === "/count" && serving) return Response.json({ count: kept.count });
  const id = url.searchParams.get("id") ?? "";
  if (request.method !== "POST" || url.pathname !== "/increment" || id === "" || id.length > 64) {
    return Response.json({ error: "POST /increment?id=REQUEST_ID" }, { status: 400 });
  }
  try {
    return Response.json({ count: await inTurn(() => increment(id)) });
  } catch (error) {
    return Response.json({ error: `ask again: ${error instanceof Error ? error.message : error}` }, { status: 503 });
  }
});

/** Each event of our role, until the daemon ends. */
async function* events(): AsyncGenerator<{ kind: string; data: Record<string, unknown> }> {
  const response = await ask("/role?name=counter&timeout=2s", { headers: { accept: "text/event-stream" } });
  let rest = "";
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + part).split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const [, kind, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (kind !== undefined && data !== undefined) yield { kind, data: JSON.parse(data) };
    }
  }
}

let follower: unknown;
for await (const { kind, data } of events()) {
  if (kind === "hello") follower = data["follower"];
  const reason = await inTurn(async () => {
    role = String(data["role"]);
    if (role === "standby") leave();
    else if (!serving) await load();
    return "";
  }).catch((error) => String(error).slice(0, 200));
  if (data["order"] === 0) continue;
  const body = JSON.stringify({ follower, order: data["order"], ok: reason === "", reason });
  await (await ask("/role/ack", { method: "POST", body })).body?.cancel();
}
// The daemon has ended, and starts us again.
Deno.exit(1);
