/** Every command says what it can: its --help, the manual page and the program agree, and what goes wrong has a code and a hint. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { runCommand } from "../../control/commands.ts";
import { Recorder } from "./sample_node.ts";

async function segue(...args: string[]) {
  const io = new Recorder();
  const code = await runCommand(args, io);
  return { code, stdout: io.stdout, stderr: io.stderr };
}

/** Commands that a help lists, without `help` itself. */
function listed(help: string): string[] {
  const part = help.slice(help.indexOf("\nCommands:"));
  return [...part.matchAll(/^ {2}([a-z]+) .* /gm)].map((match) => match[1]!).filter((name) => name !== "help");
}

/** All of them; those that have commands of their own are listed by these. */
const COMMANDS: string[] = [];
for (const name of listed((await segue("--help")).stdout)) {
  const help = (await segue(name, "--help")).stdout;
  const own = help.includes("\nCommands:") ? listed(help).map((sub) => `${name} ${sub}`) : [name];
  COMMANDS.push(...own);
}

/** Options of each command in the manual page's synopsis: `.Cm NAME`, then `.Op Fl -OPTION`. */
function synopsis(): Map<string, string[]> {
  const page = Deno.readTextFileSync(new URL("../../docs/segue.1", import.meta.url));
  const part = page.slice(page.indexOf(".Sh SYNOPSIS"), page.indexOf(".Sh DESCRIPTION"));
  return new Map(
    part.split(/^\.Nm$/m).slice(1).map((text) => [
      /^\.Cm ([a-z ]+?)(?: Ar .*)?$/m.exec(text)![1]!,
      [...text.matchAll(/^\.Op Fl (-[a-z-]+)/gm)].map((match) => `-${match[1]}`).sort(),
    ]),
  );
}

Deno.test("the manual page has every command, and no other", () => {
  assert.ok(COMMANDS.length >= 10);
  assert.deepEqual([...synopsis().keys()].sort(), [...COMMANDS].sort());
});

for (const name of COMMANDS) {
  Deno.test(`${name} --help exits with 0 and names every option of the manual page`, async () => {
    const { code, stdout, stderr } = await segue(...name.split(" "), "--help");
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, new RegExp(`^Usage: segue ${name} `));
    const options = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map((match) => match[1]!);
    assert.deepEqual(options.filter((option) => option !== "--help").sort(), synopsis().get(name));
    // Each with a word about it.
    for (const line of stdout.split("\n").filter((text) => /^ {2}--/.test(text))) {
      assert.match(line, /^ {2}--\S+.* {2}\S/);
    }
    if (!name.includes(" ")) assert.equal((await segue("help", name)).stdout, stdout);
  });

  Deno.test(`${name}: an unknown option is told, exit 2, with a hint`, async () => {
    const { code, stdout, stderr } = await segue(...name.split(" "), "--no-such-option");
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^segue: unknown option '--no-such-option'\n[^]*hint: segue help/);
  });
}

/** What fails at once, for one reason, without a daemon: code, and what is printed. */
const FAILURES: readonly (readonly [args: string[], code: number, text: RegExp])[] = [
  [["status", "--run-dir", "DIR"], 1, /^segue status: no daemon: .* does not exist\n +hint: start it/],
  [["console", "--run-dir", "DIR"], 1, /^segue status: no daemon: .* does not exist\n +hint: start it/],
  [["switchover", "web", "--run-dir", "DIR"], 1, /^segue switchover: no daemon: .*\n +hint: start it/],
  [["switchover", "web", "--timeout", "soon"], 2, /^segue switchover: --timeout: .*\n +hint: write it as --timeout 5s/],
  [["reload", "--run-dir", "DIR"], 1, /^segue reload: no daemon: .*\n +hint: start it/],
  [["events", "--state-dir", "DIR"], 1, /^segue events: cannot read the journal .*\n +hint: say where the journal is/],
  [["lab", "flood"], 2, /there is no scenario flood[^]*scenarios:\n {2}planned /],
  [["lab", "--console", "--json"], 2, /^segue lab: --console .*\n +hint: /],
  [["check", "--config", "DIR/none.toml"], 78, /none\.toml/],
  [["run", "--config", "DIR/none.toml"], 78, /none\.toml/],
  [["keygen", "DIR/no/such/folder/key"], 1, /^segue keygen: there is no folder .*\n +hint: mkdir -p /],
  [["key", "show", "DIR/none.key"], 1, /^segue key show: key file .* is not there\n +hint: segue keygen /],
  [["status", "web"], 2, /too many arguments[^]*hint: segue help/],
  [["keygen"], 2, /missing required argument 'file'[^]*hint: segue help/],
];

for (const [args, code, text] of FAILURES) {
  Deno.test(`segue ${args.join(" ")}: exit ${code}, and what to do about it`, async () => {
    const folder = Deno.makeTempDirSync({ prefix: "segue-help-test-" });
    try {
      // As a program of its own: some commands write to the terminal itself.
      const program = new URL("./segue.ts", import.meta.url).pathname;
      const given = args.map((word) => word.replace("DIR", join(folder, "")));
      const result = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", program, ...given],
        stdin: "null",
        env: { NO_COLOR: "1" },
      }).output();
      const decoder = new TextDecoder();
      // What `check` finds is its result, on standard output; all others complain.
      const said = decoder.decode(args[0] === "check" ? result.stdout : result.stderr);
      assert.equal(result.code, code, said);
      assert.match(said, text);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}
