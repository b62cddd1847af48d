/** Kills a program that writes state, with -9, at a moment of its own in each round, and looks at what is there. */
import { StateStore } from "../../control/journal/state_store.ts";
import { storedRows } from "./state_samples.ts";

const WRITER = new URL("./state_writer.ts", import.meta.url).pathname;
const KEYS = 500;

export interface KillRound {
  /** Highest LSN that the program was told to be durable, 0 if none. */
  readonly durable: number;
  /** Position on the disk afterwards. */
  readonly stored: number;
  /** What is wrong with what is there; empty if nothing is. */
  readonly problems: readonly string[];
}

/** @param journal path of the journal beside the state  @param afterMs from the first durable write to the kill */
export async function killRound(journal: string, afterMs: number): Promise<KillRound> {
  const durable = await writeAndKill(journal, afterMs);
  const problems: string[] = [];
  const store = StateStore.open(journal.replace(/journal\.db$/, "state.db"));
  try {
    const stored = store.group("web")?.lsn ?? 0;
    if (stored < durable) problems.push(`${durable} was durable, ${stored} is stored`);
    const rows = new Map(storedRows(store).map((row) => [row.key, row]));
    for (let n = 0; n < KEYS; n++) problems.push(...rowProblems(rows.get(`k${n}`), n, stored));
    store.verify();
    if (store.losses > 0) problems.push(store.health().text);
    return { durable, stored, problems };
  } finally {
    store.close();
  }
}

/** Each key has the last version up to the position; the writer starts above it, so nothing is beyond. */
function rowProblems(row: ReturnType<typeof storedRows>[number] | undefined, n: number, position: number): string[] {
  const wanted = position - ((position - n) % KEYS + KEYS) % KEYS;
  if (wanted < 1) return [];
  const text = new TextDecoder().decode(row?.value ?? new Uint8Array(0)).trim();
  if (row?.lsn === wanted && text === `${wanted}`) return [];
  return [`k${n}: version ${row?.lsn} "${text}" instead of ${wanted}`];
}

async function writeAndKill(journal: string, afterMs: number): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", WRITER, journal],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "", timer: ReturnType<typeof setTimeout> | undefined;
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    timer ??= setTimeout(() => child.kill("SIGKILL"), afterMs);
  }
  clearTimeout(timer);
  const { signal } = await child.status;
  if (signal !== "SIGKILL") throw new Error("the writer ended by itself");
  return Number(text.split("\n").slice(0, -1).at(-1) ?? 0);
}
