/** One run of `segue lab` in a process group and a temporary folder of its own, so that whatever it leaves can be told. */
import assert from "node:assert/strict";
import { sleep } from "../../control/lab/command.ts";
import { segueCommand } from "../../control/lab/process.ts";
import { libc } from "../../kernel_ffi/libc.ts";

const SIGNALS = { SIGINT: 2, SIGKILL: 9 } as const;
const UNTIL_MS_MAX = 20_000;

export class LabRun {
  readonly #child: Deno.ChildProcess;
  readonly #folder = Deno.makeTempDirSync({ prefix: "segue-lab-test-" });
  readonly #status: Promise<number>;
  readonly #outReader: ReadableStreamDefaultReader<Uint8Array>;
  #over = false;
  stdout = "";
  stderr = "";

  constructor(...args: string[]) {
    const [command, ...rest] = segueCommand("lab", ...args);
    this.#child = new Deno.Command(command!, {
      args: rest,
      env: { TMPDIR: this.#folder },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // A process group of its own.
      detached: true,
    }).spawn();
    this.#outReader = this.#child.stdout.getReader();
    const out = this.#read(this.#outReader, (text) => this.stdout += text);
    const err = this.#read(this.#child.stderr.getReader(), (text) => this.stderr += text);
    this.#status = Promise.all([this.#child.status, out, err]).then(([status]) => {
      this.#over = true;
      return status.code;
    });
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>, add: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      add(decoder.decode(part.value, { stream: true }));
    }
  }

  ended(): Promise<number> {
    return this.#status;
  }

  /** As if `head` had read enough. */
  closeStdout(): void {
    void this.#outReader.cancel();
  }

  signalGroup(signal: keyof typeof SIGNALS): void {
    libc().kill(-this.#child.pid, SIGNALS[signal]);
  }

  /** The process id of a lab is part of the names of its namespaces. */
  namespaces(): string[] {
    try {
      return [...Deno.readDirSync("/run/netns")].map(({ name }) => name)
        .filter((name) => name.startsWith(`seglab${this.#child.pid}`));
    } catch {
      return [];
    }
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    for (const end = Date.now() + UNTIL_MS_MAX; !condition();) {
      assert.ok(Date.now() < end && !this.#over, `waited in vain for ${what}: ${this.stderr}${this.stdout}`);
      await sleep(10);
    }
  }

  /** Right after its end, without waiting for anything. */
  assertNothingLeft(): void {
    assert.deepEqual(this.namespaces(), []);
    assert.deepEqual([...Deno.readDirSync(this.#folder)].map(({ name }) => name), []);
    assert.deepEqual(this.processes(), []);
  }

  /** Everything that the lab starts, however far down, carries its temporary folder in its environment. */
  processes(): string[] {
    return [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          return Deno.readTextFileSync(`/proc/${pid}/environ`).split("\0").includes(`TMPDIR=${this.#folder}`);
        } catch {
          return false;
        }
      })
      .map((pid) => `${pid}: ${Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ")}`);
  }

  [Symbol.dispose](): void {
    if (!this.#over) this.signalGroup("SIGKILL");
    Deno.removeSync(this.#folder, { recursive: true });
  }
}
