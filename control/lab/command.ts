/** Runs programs of the system and waits for them. */

const decoder = new TextDecoder();

/** What it printed; throws with its complaint if it fails. */
export async function run(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, stdin: "null" }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${decoder.decode(stderr).trim()}`);
  return decoder.decode(stdout);
}

/** Several commands of `ip`, one process for all: they follow each other within microseconds. */
export async function ipBatch(namespace: string, lines: readonly string[]): Promise<void> {
  const child = new Deno.Command("ip", {
    args: ["-n", namespace, "-batch", "-"],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(lines.join("\n") + "\n"));
  await writer.close();
  const { success, stderr } = await child.output();
  if (!success) throw new Error(`ip -n ${namespace} -batch: ${decoder.decode(stderr).trim()}`);
}

export async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
