/** `segue lab --console`: a newcomer plays with a live pair, and nothing is left behind. */
import assert from "node:assert/strict";
import { sleep } from "../../control/lab/command.ts";
import { segueCommand } from "../../control/lab/process.ts";
import { libc } from "../../kernel_ffi/libc.ts";
import { Tmux } from "../console/tmux.ts";

const SIGTERM = 15;

/** A terminal whose programs have a temporary folder of their own: whatever they leave can be told. */
class Stage {
  readonly folder = Deno.makeTempDirSync({ prefix: "segue-lab-test-" });
  readonly tmux = new Tmux({ columns: 100, rows: 40, env: { TMPDIR: this.folder } });
  readonly #shell = this.tmux.ask("pane_pid");

  start(...args: string[]): void {
    this.tmux.run(...segueCommand("lab", ...args), `; echo "ended with $?"`);
  }

  async assertNothingLeft(code: number): Promise<void> {
    await this.tmux.until(new RegExp(`^ended with ${code}$`, "m"));
    assert.deepEqual([this.tmux.ask("alternate_on"), this.tmux.ask("cursor_flag")], ["0", "1"]);
    assert.deepEqual([...Deno.readDirSync(this.folder)].map(({ name }) => name), []);
    assert.deepEqual(this.processes(), []);
    assert.deepEqual(namespaces(), []);
  }

  /** All but the shell itself. */
  processes(): string[] {
    const shell = this.#shell;
    return [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((name) => /^\d+$/.test(name) && name !== shell)
      .filter((pid) => {
        try {
          return Deno.readTextFileSync(`/proc/${pid}/environ`).split("\0").includes(`TMPDIR=${this.folder}`);
        } catch {
          return false;
        }
      });
  }

  [Symbol.dispose](): void {
    for (const pid of this.processes()) libc().kill(Number(pid), SIGTERM);
    this.tmux[Symbol.dispose]();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function namespaces(): string[] {
  try {
    return [...Deno.readDirSync("/run/netns")].map(({ name }) => name).filter((name) => name.startsWith("seglab"));
  } catch {
    return [];
  }
}

Deno.test("keys start faults and mend them; what the client sees goes on; Ctrl-C in the middle of one", async () => {
  using stage = new Stage();
  const { tmux } = stage;
  stage.start("--console");
  await tmux.until(/✔ all is well · [ab] serves web[^]*client .* \d+\/s, gap [\d.]+ ms, \d+ lost\n 1 move/, 60_000);
  const owner = /([ab]) serves web/.exec(tmux.screen()[0]!)![1]!, other = owner === "a" ? "b" : "a";
  tmux.type("1");
  await tmux.until(new RegExp(`${other} serves web · last: switchover to ${other}[^]* lab +move ${owner} → ${other}`));
  await tmux.until(new RegExp(`· move ${owner} → ${other}: gap [\\d.]+ ms, \\d+ lost\n 1 move ${other} → ${owner}`));
  tmux.type("2");
  await tmux.until(
    new RegExp(`ALARM.* · ${owner} serves web · last: failover to ${owner}[^]* lab +power off ${other}`),
  );
  await tmux.until(new RegExp(`· power off ${other}: gap [\\d.]+ ms, [1-9]\\d* lost\n.* 2 power on ${other} `));
  tmux.type("2");
  await tmux.until(new RegExp(`✔ all is well · ${owner} serves web`));
  tmux.type("4");
  await tmux.until(new RegExp(` 4 resume ${owner} `));
  await tmux.until(new RegExp(`LOST +${owner}: no answer`));
  tmux.key("C-c");
  await stage.assertNothingLeft(130);
});

Deno.test("q, and a signal while it is being built: nothing is left", async () => {
  using stage = new Stage();
  stage.start("--console");
  await stage.tmux.until(/ 1 move/, 60_000);
  stage.tmux.type("q");
  await stage.assertNothingLeft(0);
  stage.tmux.run("clear");
  stage.start("--console");
  while (namespaces().length === 0) await sleep(10);
  stage.tmux.key("C-c");
  await stage.assertNothingLeft(130);
});

Deno.test("the terminal goes, as when ssh breaks: nothing is left", async () => {
  using stage = new Stage();
  stage.start("--console");
  await stage.tmux.until(/ 1 move/, 60_000);
  stage.tmux.vanish();
  const left =
    () => [...namespaces(), ...stage.processes(), ...[...Deno.readDirSync(stage.folder)].map(({ name }) => name)];
  for (const end = Date.now() + 20_000; left().length > 0;) {
    assert.ok(Date.now() < end, `left behind: ${left()}`);
    await sleep(50);
  }
});

Deno.test("what it cannot be combined with, and no terminal: usage, exit 2", async () => {
  for (const args of [["--console"], ["--console", "kill"], ["--console", "--json"]]) {
    const [command, ...rest] = segueCommand("lab", ...args);
    const { code, stderr } = await new Deno.Command(command!, { args: rest, stdin: "null" }).output();
    assert.equal(code, 2, args.join(" "));
    assert.match(new TextDecoder().decode(stderr), /--console .*\n +hint: segue lab alone plays/);
  }
});
