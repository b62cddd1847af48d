/**
 * Cleans up behind a lab that cannot do so itself any more, kill -9 included: a child that waits for the end of its standard
 * input, which the kernel closes when the lab dies, however that happens.
 */
import { selfCommand } from "../entry.ts";
import { INNER } from "./process.ts";
import { Topology } from "./topology.ts";

/** One per world. `dismiss` when the world has been taken away in an orderly manner. */
export class Janitor {
  readonly #child: Deno.ChildProcess;

  constructor(prefix: string, folder: string) {
    const self = selfCommand();
    this.#child = new Deno.Command(self.command, {
      args: [...self.args, "lab"],
      env: { [INNER]: JSON.stringify({ part: "janitor", prefix, folder }) },
      stdin: "piped",
      stdout: "null",
      stderr: "null",
      // Out of reach of the terminal's Ctrl-C.
      detached: true,
    }).spawn();
  }

  async dismiss(): Promise<void> {
    await this.#child.stdin.close();
    await this.#child.status;
  }
}

/** The janitor itself. */
export async function runJanitor(prefix: string, folder: string): Promise<void> {
  for await (const _ of Deno.stdin.readable) {
    // Nothing is ever said to it.
  }
  await new Topology(prefix).down();
  await Deno.remove(folder, { recursive: true }).catch(() => {});
}
