/** Where a keepalived is to be had: on this machine, or fetched for this one run without installing it. */
import { run } from "./command.ts";

/** A keepalived that can be started. */
export interface KeepalivedProgram {
  /** What stands before its own arguments. */
  readonly command: readonly string[];
  readonly version: string;
}

/** The installed one, null if none is. */
export async function installedKeepalived(): Promise<KeepalivedProgram | null> {
  try {
    return await program(["keepalived"]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/**
 * Fetches the Debian package and what it needs by apt-get and unpacks them into a folder. Nothing is installed: no service
 * is started, nothing has to be undone. Throws with apt-get's complaint.
 */
export async function fetchKeepalived(folder: string): Promise<KeepalivedProgram> {
  const archives = `${folder}/archives`, root = `${folder}/root`;
  Deno.mkdirSync(`${archives}/partial`, { recursive: true });
  const options = ["-o", `Dir::Cache::archives=${archives}`, "-o", "APT::Sandbox::User=root"];
  const download = [...options, "install", "-y", "-q", "--no-install-recommends", "--reinstall", "--download-only"];
  // Package lists may be absent or old: update only if the first try fails.
  await run("apt-get", ...download, "keepalived").catch(async (error: unknown) => {
    if (error instanceof Deno.errors.NotFound) {
      throw new Error("keepalived cannot be fetched: there is no apt-get here");
    }
    await run("apt-get", "update", "-q");
    await run("apt-get", ...download, "keepalived");
  });
  for (const { name } of Deno.readDirSync(archives)) {
    if (name.endsWith(".deb")) await run("dpkg-deb", "--extract", `${archives}/${name}`, root);
  }
  const machine = await run("dpkg-architecture", "-qDEB_HOST_MULTIARCH").catch(() => `${Deno.build.arch}-linux-gnu`);
  const libraries = ["usr/lib", "lib"].map((path) => `${root}/${path}/${machine.trim()}`).join(":");
  return await program(["env", `LD_LIBRARY_PATH=${libraries}`, `${root}/usr/sbin/keepalived`]);
}

async function program(command: readonly string[]): Promise<KeepalivedProgram> {
  const [file, ...args] = command;
  // The version goes to standard error.
  const { success, stdout, stderr } = await new Deno.Command(file!, { args: [...args, "--version"] }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (!success) throw new Error(`${command.join(" ")} --version: ${text.trim()}`);
  return { command, version: text.match(/Keepalived v(\d[\d.]*)/)?.[1] ?? "of unknown version" };
}
