/** How the console treats a terminal: what it writes, what it leaves behind, what it costs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run, sleep } from "../../control/lab/command.ts";
import { segueCommand } from "../../control/lab/process.ts";
import { makeBundle, makeConsoleBundle } from "../../packaging/parts.ts";
import { withPair } from "../pair/pair.ts";
import { Tmux } from "./tmux.ts";

/** ECMA-48 8.3.117 with a colour in it; bold and the like are none. */
// deno-lint-ignore no-control-regex -- escapes are what is looked for
const COLOUR = /\x1b\[[\d;]*(3[0-7]|4[0-7]|9[0-7]|38|48)[\d;]*m/;

Deno.test("left as it was found: after q, Ctrl-C, SIGTERM, and with the daemon killed", () =>
  withPair(async (world, primary) => {
    using tmux = new Tmux();
    const folder = Deno.makeTempDirSync({ prefix: "segue-console-test-" });
    const command = segueCommand("console", "--run-dir", world.runDir(primary));
    try {
      const endings: [string, number, () => unknown][] = [
        ["q", 0, () => tmux.type("q")],
        ["Ctrl-C", 130, () => tmux.key("C-c")],
        ["SIGTERM", 143, () => Deno.kill(foreground(tmux), "SIGTERM")],
        ["SIGHUP", 129, () => Deno.kill(foreground(tmux), "SIGHUP")],
        ["the daemon's death, then q", 0, async () => {
          world.daemon(primary).signal("SIGKILL");
          await tmux.until(/✖ \d ALARM/);
          tmux.type("q");
        }],
      ];
      for (const [what, code, end] of endings) {
        tmux.run(`clear; echo before ${what.length}; stty -a > ${folder}/before`);
        // What is typed before the shell asks for it would be echoed in the middle of its answer; the last round's is still on the screen.
        await tmux.until(new RegExp(`^before ${what.length}\n\\$`, "m"));
        tmux.run(...command, `; echo "ended with $?"; stty -a > ${folder}/after; echo restored`);
        await tmux.until(/✔|✖|▲/);
        assert.deepEqual([tmux.ask("alternate_on"), tmux.ask("cursor_flag")], ["1", "0"], what);
        await end();
        const lines = await tmux.until(/^restored/m);
        assert.ok(lines.includes(`ended with ${code}`), `${what}: ${lines.join("\n")}`);
        assert.ok(lines.some((line) => line.startsWith("before ")), `gone from the screen:\n${lines.join("\n")}`);
        assert.deepEqual([tmux.ask("alternate_on"), tmux.ask("cursor_flag")], ["0", "1"], what);
        assert.equal(Deno.readTextFileSync(`${folder}/after`), Deno.readTextFileSync(`${folder}/before`), what);
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }));

Deno.test("a terminal that goes takes the console along, and nothing else", () =>
  withPair(async (world, primary) => {
    let pid = 0;
    {
      using tmux = new Tmux();
      tmux.run(...segueCommand("console", "--run-dir", world.runDir(primary)));
      await tmux.until(/✔ all is well/);
      pid = foreground(tmux);
    }
    await world.until(() => !isAlive(pid), 10_000, "the console's end");
    assert.equal(await world.role(primary), "primary");
  }));

Deno.test("a terminal that takes nothing for a while: nothing waits for it, it is shown what is then, and the console ends when it is told to", () =>
  withPair(async (world, primary, standby) => {
    using tmux = new Tmux({ columns: 200, rows: 60 });
    const settings = `${world.folder}/stty`;
    // Asked while the shell waits for it: at its prompt the shell itself reads key by key.
    tmux.run(
      ...segueCommand("console", "--run-dir", world.runDir("a"), "--run-dir", world.runDir("b")),
      `; stty -a > ${settings}; echo restored`,
    );
    await tmux.until(new RegExp(`✔ all is well · ${primary} serves web`));
    const pid = foreground(tmux), terminal = tmux.ask("pid"), device = tmux.ask("pane_tty");
    const stalled = async (meanwhile: () => Promise<unknown>) => {
      Deno.kill(Number(terminal), "SIGSTOP");
      try {
        // Whole pictures, until nobody who writes to it gets on.
        for (let i = 0; i < 30; i++) {
          await run("stty", "-F", device, "cols", i % 2 === 0 ? "199" : "200");
          await sleep(60);
        }
        await meanwhile();
      } finally {
        Deno.kill(Number(terminal), "SIGCONT");
      }
    };
    await stalled(() => world.switchover(standby));
    await tmux.until(new RegExp(`${standby} serves web · last: switchover to ${standby}`));
    await stalled(async () => {
      Deno.kill(pid, "SIGTERM");
      await world.until(() => !isAlive(pid), 5000, "the console's end");
    });
    await tmux.until(() => tmux.ask("alternate_on") === "0" && tmux.ask("cursor_flag") === "1");
    await tmux.until(/^restored/m);
    assert.match(Deno.readTextFileSync(settings), /\sisig icanon\s.*\secho\s/s);
  }));

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

/** The console that runs in the terminal's shell. */
function foreground(tmux: Tmux): number {
  const shell = tmux.ask("pane_pid");
  const children = Deno.readTextFileSync(`/proc/${shell}/task/${shell}/children`).trim().split(" ");
  assert.equal(children.length, 1, children.join(" "));
  return Number(children[0]);
}

Deno.test("NO_COLOR: not one colour, and nothing is missing; without it there are colours", () =>
  withPair(async (world, primary) => {
    const command = segueCommand("console", "--run-dir", world.runDir(primary));
    using plain = new Tmux({ env: { NO_COLOR: "1" } });
    using coloured = new Tmux({ env: { NO_COLOR: "" } });
    for (const tmux of [plain, coloured]) {
      tmux.run(...command);
      await tmux.until(new RegExp(`✔ all is well · ${primary} serves web`));
      tmux.key("Down", "Down");
      await tmux.until(/▸/);
      tmux.type("q");
      await tmux.until((screen) => !screen.includes("all is well"));
    }
    assert.doesNotMatch(plain.written(), COLOUR);
    assert.match(coloured.written(), COLOUR);
  }));

Deno.test("TERM=dumb: lines, one for each change, and no escape sequence", () =>
  withPair(async (world, primary, standby) => {
    using tmux = new Tmux({ columns: 150, rows: 50, env: { TERM: "dumb" } });
    tmux.run(...segueCommand("console", "--run-dir", world.runDir("a"), "--run-dir", world.runDir("b")));
    await tmux.until((screen) => ["a", "b"].every((name) => screen.includes(`node ${name} of pair lab`)));
    const begun = tmux.written().length;
    await world.switchover(standby);
    await tmux.until(new RegExp(`switch +web: switchover on ${standby} done`));
    world.daemon(primary).signal("SIGKILL");
    await tmux.until(new RegExp(`ALARM +${primary}: .*(no daemon|ended in the middle)`));
    world.start(primary);
    await tmux.until(new RegExp(`over +${primary}: .*(no daemon|ended in the middle)`));
    assert.equal(tmux.written().slice(begun).includes("\x1b"), false, tmux.written().slice(begun));
    tmux.run("q");
    await tmux.until(/\n\$ *\n*$/);
  }));

Deno.test("not a terminal: the status once, as `segue status` prints it", () =>
  withPair(async (world, primary) => {
    const [command, ...args] = segueCommand("console", "--run-dir", world.runDir(primary));
    const { code, stdout, stderr } = await new Deno.Command(command!, { args, stdin: "null" }).output();
    const text = new TextDecoder().decode(stdout);
    assert.deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
    assert.match(text, new RegExp(`^node ${primary} of pair lab[^]*^web +primary`, "m"));
    assert.equal(text.includes("\x1b"), false);
    const [, ...none] = segueCommand("console", "--run-dir", join(world.folder, "nobody"));
    const missing = await new Deno.Command(command!, { args: none, stdin: "null" }).output();
    assert.equal(missing.code, 1);
    assert.match(new TextDecoder().decode(missing.stderr), /no daemon/);
  }));

/** What is measured here is reported; what is asserted leaves room for a machine that has other things to do. */
Deno.test("what it costs, as it is shipped: first picture, processor, bytes", () =>
  withPair(async (world, primary) => {
    const folder = Deno.makeTempDirSync({ prefix: "segue-console-test-" });
    try {
      await makeBundle("main.ts", join(folder, "app.js"));
      await makeConsoleBundle("control/console/main.ts", join(folder, "console.js"));
      const command = [
        Deno.execPath(),
        "run",
        "-A",
        "--no-config",
        "--no-npm",
        "--no-remote",
        join(folder, "app.js"),
        "console",
      ];
      const args = [...command, "--run-dir", world.runDir("a"), "--run-dir", world.runDir("b")];
      const paints: number[] = [];
      for (let run = 0; run < 4; run++) paints.push(await firstPaintMs(args));
      using tmux = new Tmux();
      tmux.run(...args);
      await tmux.until(new RegExp(`✔ all is well · ${primary} serves web`));
      await sleep(3000);
      const pid = foreground(tmux);
      const before = usageOf(pid), written = tmux.written().length;
      await sleep(10_000);
      const after = usageOf(pid), share = (after.cpuMs - before.cpuMs) / (after.atMs - before.atMs);
      const bytes = Math.round((tmux.written().length - written) / 10);
      paints.sort((a, b) => a - b);
      console.log(
        `first picture ${paints.map((ms) => Math.round(ms)).join(", ")} ms; ` +
          `watching two daemons: ${(share * 100).toFixed(1)} % of a core, ${bytes} bytes/s, ${after.residentMb} MB`,
      );
      assert.ok(paints[0]! < 1500, `first picture after ${paints} ms`);
      assert.ok(share < 0.1, `${share} of a core`);
      assert.ok(bytes < 5000, `${bytes} bytes/s`);
      tmux.type("q");
      await tmux.until((screen) => !screen.includes("all is well"));
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }));

/** From the start of the program to the first words of its picture, on a terminal of its own that script(1) makes. */
async function firstPaintMs(command: readonly string[]): Promise<number> {
  const started = performance.now();
  const child = new Deno.Command("script", {
    args: ["-q", "-e", "-c", `stty cols 80 rows 24; exec ${command.join(" ")}`, "/dev/null"],
    env: { TERM: "xterm-256color" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader(), decoder = new TextDecoder();
  let seen = "", paintedMs = NaN;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    seen += decoder.decode(part.value, { stream: true });
    if (!Number.isNaN(paintedMs) || !seen.includes("segue ")) continue;
    paintedMs = performance.now() - started;
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("q"));
    await writer.close();
  }
  assert.equal((await child.status).code, 0, seen);
  return paintedMs;
}

function usageOf(pid: number): { readonly cpuMs: number; readonly atMs: number; readonly residentMb: number } {
  // proc(5): utime and stime are the 14th and 15th field, in ticks of 10 ms; the name in brackets may hold spaces.
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
  const resident = /VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]!;
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
    atMs: performance.now(),
    residentMb: Math.round(Number(resident) / 1024),
  };
}
