/** `segue run`: puts the threads together, and takes them apart in the order that keeps the address served longest. */
import { guardPath } from "../../kernel_ffi/guard.ts";
import { lockFile, LockHeldError } from "../../kernel_ffi/lock_file.ts";
import { missingCapabilities } from "../../kernel_ffi/capabilities.ts";
import { sdNotify } from "../../kernel_ffi/systemd.ts";
import { SOCKET_NAME, startApi } from "../api/server.ts";
import { VERSION } from "../core/version.ts";
import { ENTRY_URL } from "../entry.ts";
import { JournalClient } from "../journal/client.ts";
import { JOURNAL_NAME } from "../journal/files.ts";
import { readSettings, type RunOptions, type Settings } from "./settings.ts";
import { Daemon } from "./daemon.ts";
import { awaitFormerGuard } from "./former_guard.ts";
import { Log } from "./log.ts";

const EXIT_FAILED = 1;
const EXIT_CONFIG = 78;
const LOCK_FILE = "segue.lock";

/** Runs the daemon until it is told to stop. Resolves with the exit code: 0 stopped, 1 failed, 78 bad config. */
export async function runDaemon(options: RunOptions): Promise<number> {
  const settings = await readSettings(options);
  const rights = missingRights();
  if ("refusal" in settings) {
    console.error(settings.refusal.trimEnd());
    // It may well be the reason for the other one: a key that this user may not read.
    if (rights !== null) console.error(rights);
    return EXIT_CONFIG;
  }
  const log = new Log();
  if (settings.warnings !== "") log.write("notice", settings.warnings);
  if (rights !== null) {
    log.write("alarm", rights);
    return EXIT_FAILED;
  }
  try {
    Deno.mkdirSync(options.runDir, { recursive: true, mode: 0o755 });
    using lock = lockOf(`${options.runDir}/${LOCK_FILE}`);
    return lock === null ? EXIT_FAILED : await runLocked(options, settings, log);
  } catch (error) {
    if (error instanceof LockHeldError) {
      log.write(
        "alarm",
        `another segue runs with ${options.runDir} (${error.message}): stop it first, or give this one its own --run-dir`,
      );
      return EXIT_FAILED;
    }
    log.write("alarm", `segue cannot start: ${error instanceof Error ? error.message : error}`);
    return EXIT_FAILED;
  }
}

/** A sentence, or null where nothing is missing. */
function missingRights(): string | null {
  const missing = missingCapabilities(["CAP_NET_ADMIN", "CAP_NET_RAW"]);
  return missing.length === 0
    ? null
    : `segue run needs ${missing.join(" and ")}, which this process lacks: start it as root, or by the systemd unit`;
}

function lockOf(path: string): Disposable {
  const lock = lockFile(path);
  return { [Symbol.dispose]: () => lock.close() };
}

async function runLocked(options: RunOptions, settings: Settings, log: Log): Promise<number> {
  // The journal first: no epoch is used that it has not reserved.
  const journal = await JournalClient.start(ENTRY_URL, `${options.stateDir}/${JOURNAL_NAME}`);
  const groups = settings.config.groups.map((group) => group.name);
  const epochs = await journal.epochs(groups);
  // What cannot be read by this version is refused before the kernel is touched.
  await journal.client.state.open(groups);
  await awaitFormerGuard(log);
  const daemon = new Daemon({ options, settings, log, journal: journal.client });
  const ended = daemon.start(ENTRY_URL, {
    configJson: JSON.stringify(settings.config),
    node: settings.node,
    keys: settings.keys,
    version: VERSION,
    epochs,
    guard: guardPath(),
  });
  // It may fail while the API is being opened: that is said below.
  ended.catch(() => {});
  const api = await startApi(daemon, `${options.runDir}/${SOCKET_NAME}`);
  const code = await ended;
  sdNotify("STOPPING=1");
  await api.close();
  await journal.client.close();
  return code;
}
