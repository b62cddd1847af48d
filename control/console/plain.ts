/** The console where the cursor cannot be moved (`TERM=dumb`): one line for each change, nothing else. */
import { entryText } from "../api/entry_text.ts";
import { statusText } from "../api/status_text.ts";
import type { Terminal } from "../api/commands/terminal.ts";
import { groupsOf } from "./pair.ts";
import { type ConsoleEvent, reduce } from "./reduce.ts";
import { Session } from "./session.ts";
import { type ConsoleState, initialState } from "./state.ts";
import { troublesOf } from "./troubles.ts";

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Runs until a signal, or `q` and Enter. Resolves with the exit code. */
export async function runPlain(io: Terminal, runDirs: readonly string[]): Promise<number> {
  const { promise: over, resolve: end } = Promise.withResolvers<number>();
  for (const [signal, code] of Object.entries(SIGNALS) as [keyof typeof SIGNALS, number][]) {
    Deno.addSignalListener(signal, () => end(code));
  }
  const begunMs = Date.now();
  let state = initialState(runDirs, 80, 24, begunMs);
  const take = (event: ConsoleEvent) => {
    const before = state;
    state = reduce(state, event).state;
    for (const line of changes(before, state, event, begunMs)) io.out(line);
  };
  const sessions = runDirs.map((runDir, daemon) =>
    new Session(runDir, {
      status: (status) => take({ kind: "status", daemon, status, nowMs: Date.now() }),
      entry: (entry) => take({ kind: "entry", daemon, entry }),
      lost: (reason) => take({ kind: "lost", daemon, reason, nowMs: Date.now() }),
    })
  );
  for (const session of sessions) void session.run();
  void quitAtQ(end);
  const code = await over;
  for (const session of sessions) session.stop();
  return code;
}

async function quitAtQ(end: (code: number) => void): Promise<void> {
  const bytes = new Uint8Array(256);
  for (;;) {
    const length = await Deno.stdin.read(bytes).catch(() => null);
    // Without a keyboard it goes on until a signal.
    if (length === null) return;
    if (/^q/im.test(new TextDecoder().decode(bytes.subarray(0, length)))) return end(0);
  }
}

/**
 * What an event has changed, as lines that end with a line break. The first status of a daemon is printed as a whole; what its
 * journal remembers of the time before `begunMs` is not printed: `segue events` does that. Pure.
 */
export function changes(before: ConsoleState, after: ConsoleState, event: ConsoleEvent, begunMs: number): string[] {
  if (event.kind === "entry") {
    const fresh = after.timeline !== before.timeline && event.entry.at > new Date(begunMs).toISOString();
    const node = after.daemons.length > 1 ? after.daemons[event.daemon]?.status?.node ?? "" : "";
    return fresh ? [entryText(event.entry, node)] : [];
  }
  if (event.kind !== "status" && event.kind !== "lost") return [];
  const node = (state: ConsoleState) => state.daemons[event.daemon]?.status ?? null;
  if (event.kind === "status" && node(before) === null) return [statusText(event.status)];
  const at = new Date(after.nowMs).toISOString();
  return [...roleChanges(before, after), ...troubleChanges(before, after)].map((text) => `${at}  ${text}\n`);
}

function roleChanges(before: ConsoleState, after: ConsoleState): string[] {
  const old = new Map(groupsOf(before).map((group) => [`${group.pair}/${group.name}`, group]));
  return groupsOf(after).flatMap((group) =>
    [...group.roles].flatMap(([node, role]) => {
      const was = old.get(`${group.pair}/${group.name}`)?.roles.get(node);
      return was === role ? [] : [`${group.name}: ${node} is ${role}${was === undefined ? "" : `, was ${was}`}`];
    })
  );
}

function troubleChanges(before: ConsoleState, after: ConsoleState): string[] {
  const old = troublesOf(before), now = troublesOf(after);
  const ids = (list: typeof old) => new Set(list.map(({ id }) => id));
  const had = ids(old), has = ids(now);
  return [
    ...now.filter(({ id }) => !had.has(id)).map(({ tone, text }) => `${tone === "bad" ? "ALARM" : "warning"}  ${text}`),
    ...old.filter(({ id }) => !has.has(id)).map(({ text }) => `over  ${text}`),
  ];
}
