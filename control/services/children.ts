/**
 * What a daemon that was killed leaves behind: its children go on, with nobody to end or restart them. So each is noted
 * in the run directory as long as it lives, and the next daemon ends what it finds there before it starts its own.
 *
 * PR_SET_PDEATHSIG would end them at once, but it must be set by the child itself before it becomes another program, and
 * it is bound to the thread that made the child, not to the process. Marks in their environment get lost where programs write
 * their title over it (nginx does). A service that outlives its daemon for a moment does no harm: its address is mute.
 */
import { type Child, signalSession } from "./child.ts";
import { pause } from "./waiting.ts";

const POLL_US = 20_000;

interface Note {
  readonly name: string;
  readonly boot: string;
  /** Field 22 of /proc/PID/stat (proc(5)): with it a number that was given to another process is told apart. */
  readonly started: number;
  readonly stopTimeoutUs: number;
}

interface ProcessFacts {
  readonly pid: number;
  readonly session: number;
  readonly started: number;
  /** Has ended, and waits for its parent (Z) or is being taken away (X). */
  readonly ended: boolean;
}

export class Children {
  readonly #folder: string;
  readonly #boot: string;
  readonly #living = new Set<Child>();

  /** @param folder is made; belongs to the one daemon of the run directory */
  constructor(folder: string) {
    this.#folder = folder;
    this.#boot = Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Notes a child until it has ended. */
  add(name: string, child: Child, stopTimeoutUs: number): void {
    const facts = processFacts(child.pid);
    if (facts === null) return;
    const note: Note = { name, boot: this.#boot, started: facts.started, stopTimeoutUs };
    const path = `${this.#folder}/${child.pid}`;
    Deno.writeTextFileSync(path, JSON.stringify(note), { mode: 0o600 });
    this.#living.add(child);
    child.ended.finally(() => {
      this.#living.delete(child);
      removeQuietly(path);
    });
  }

  /** Ends all that live, without asking. */
  async killAll(): Promise<void> {
    await Promise.all([...this.#living].map((child) => child.kill()));
  }

  /** Ends what a former daemon left; resolves with the names, when all are gone. */
  async endLeftovers(): Promise<readonly string[]> {
    const found: Promise<string | null>[] = [];
    for (const entry of Deno.readDirSync(this.#folder)) {
      const path = `${this.#folder}/${entry.name}`;
      const note = readNote(path);
      const pid = Number(entry.name);
      if (note === null || note.boot !== this.#boot || !Number.isSafeInteger(pid) || pid <= 1) removeQuietly(path);
      else found.push(endSession(pid, note).finally(() => removeQuietly(path)));
    }
    return (await Promise.all(found)).filter((name) => name !== null);
  }
}

async function endSession(pid: number, note: Note): Promise<string | null> {
  if (members(pid, note).length === 0) return null;
  signalAll(pid, note, "SIGTERM");
  const signal = new AbortController().signal;
  for (let waitedUs = 0; waitedUs < note.stopTimeoutUs; waitedUs += POLL_US) {
    if (members(pid, note).length === 0) return note.name;
    await pause(POLL_US, signal);
  }
  while (members(pid, note).length > 0) {
    signalAll(pid, note, "SIGKILL");
    await pause(POLL_US, signal);
  }
  return note.name;
}

/** The group, and whoever of the session has left it. */
function signalAll(pid: number, note: Note, signal: Deno.Signal): void {
  signalSession(pid, signal);
  for (const member of members(pid, note)) {
    try {
      Deno.kill(member.pid, signal);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Who of the session lives: nobody where its first process is another one by now. */
function members(pid: number, note: Note): ProcessFacts[] {
  const leader = processFacts(pid);
  if (leader !== null && leader.started !== note.started) return [];
  const found: ProcessFacts[] = [];
  for (const entry of Deno.readDirSync("/proc")) {
    if (!/^[0-9]+$/.test(entry.name)) continue;
    const facts = processFacts(Number(entry.name));
    if (facts !== null && !facts.ended && facts.session === pid && facts.started >= note.started) found.push(facts);
  }
  return found;
}

function processFacts(pid: number): ProcessFacts | null {
  try {
    return parseStat(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return null;
  }
}

/** /proc/PID/stat (proc(5)). The name in it may have spaces and brackets of its own: what counts stands behind the last one. */
export function parseStat(text: string): ProcessFacts | null {
  const fields = text.slice(text.lastIndexOf(")") + 2).trim().split(" ");
  const pid = parseInt(text, 10);
  const session = Number(fields[3]);
  const started = Number(fields[19]);
  if (![pid, session, started].every(Number.isSafeInteger)) return null;
  return { pid, session, started, ended: fields[0] === "Z" || fields[0] === "X" };
}

function readNote(path: string): Note | null {
  try {
    const note = JSON.parse(Deno.readTextFileSync(path)) as Partial<Note>;
    const { name, boot, started, stopTimeoutUs } = note;
    if (typeof name !== "string" || typeof boot !== "string") return null;
    if (typeof started !== "number" || typeof stopTimeoutUs !== "number") return null;
    return { name, boot, started, stopTimeoutUs };
  } catch {
    return null;
  }
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Somebody has tidied up the run directory.
  }
}
