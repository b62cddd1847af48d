/**
 * What travels inside an executable made by `deno compile`. The launcher says the same in the environment before it
 * starts the program; here the program has to find it itself. main.ts calls this first, before any worker starts.
 */
import { join } from "node:path";

/** The part of the system that is used; a parameter for the tests. */
export interface Host {
  readonly standalone: boolean;
  readonly executable: string;
  getEnv(name: string): string | undefined;
  setEnv(name: string, value: string): void;
}

const host: Host = {
  standalone: Deno.build.standalone,
  get executable() {
    return Deno.execPath();
  },
  getEnv: (name) => Deno.env.get(name),
  setEnv: (name, value) => Deno.env.set(name, value),
};

/**
 * Sets SEGUE_BUILD, SEGUE_EXE and SEGUE_LIB_DIR inside an executable of `deno compile`, and SEGUE_GUARD for the daemon;
 * does nothing where the program runs from its sources or in the launcher. The runtime opens an embedded library by its
 * path; the guard is a program and needs a real file, which `unpack` makes.
 *
 * @param folder where the bundle lies: `import.meta.dirname` of the entry
 * @param command the first argument
 */
export function announceCarried(
  folder: string,
  command: string | undefined,
  unpack: (path: string) => string = unpackGuard,
  on: Host = host,
): void {
  if (!on.standalone || on.getEnv("SEGUE_BUILD") === "launcher") return;
  on.setEnv("SEGUE_BUILD", "compile");
  on.setEnv("SEGUE_EXE", on.executable);
  on.setEnv("SEGUE_LIB_DIR", join(folder, "carried"));
  if (command === "run") on.setEnv("SEGUE_GUARD", unpack(join(folder, "carried", "guard")));
}

/** Copies the guard into the first folder from which this user may run programs; empty if there is none. */
function unpackGuard(path: string): string {
  const content = Deno.readFileSync(path);
  for (const parent of ["/run", "/var/cache", "/dev/shm", "/tmp"]) {
    try {
      const folder = Deno.makeTempDirSync({ dir: parent, prefix: "segue-guard-" });
      const target = join(folder, "guard");
      Deno.writeFileSync(target, content, { mode: 0o755 });
      // Called without arguments it says how it is used (exit code 2): it can be run from here.
      if (new Deno.Command(target, { stderr: "null" }).outputSync().code === 2) return target;
      Deno.removeSync(folder, { recursive: true });
    } catch {
      // Read-only, noexec or not ours: the next one.
    }
  }
  return "";
}
