/** Runs a command to its end and says whether it succeeded. */
import { Child } from "./child.ts";
import { unlessAborted, within } from "./waiting.ts";

export interface CommandOptions {
  readonly timeoutUs: number;
  /** Kills it. */
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
  /** Told of the child as long as it lives. */
  readonly register?: (child: Child) => void;
}

/** Null if it ended with 0 in time, else what went wrong, with the last line that it printed. */
export async function runCommand(command: readonly string[], options: CommandOptions): Promise<string | null> {
  const { timeoutUs, signal = new AbortController().signal, env = Deno.env.toObject(), onLine, register } = options;
  let last = "";
  const note = (line: string) => {
    if (line.trim() !== "") last = line.trim();
    onLine?.(line);
  };
  let child: Child;
  try {
    child = new Child(command, env, note);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  register?.(child);
  const end = await within(unlessAborted(child.ended, signal), timeoutUs);
  if (end === null) await child.kill();
  if (signal.aborted && end === null) return "called off";
  if (end === null) return `no answer within ${timeoutUs / 1000} ms`;
  if (end === "exit code 0") return null;
  return last === "" ? end : `${end}: ${last}`;
}
