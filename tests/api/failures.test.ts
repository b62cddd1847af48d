/** What commands say when something goes wrong: each message, with its exit code. And a guard: none is without a test. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { runCommand } from "../../control/commands.ts";
import { JournalStore } from "../../control/journal/store.ts";
import { withJournal } from "../journal/samples.ts";
import { asNobody } from "../nobody.ts";
import { messagesOf } from "./messages.ts";
import { Recorder, withServer } from "./sample_node.ts";

async function segue(...args: string[]) {
  const io = new Recorder();
  const code = await runCommand(args, io);
  return { code, stdout: io.stdout, stderr: io.stderr };
}

async function assertFails(args: readonly string[], code: number, text: RegExp): Promise<void> {
  const ended = await segue(...args);
  assert.deepEqual([ended.code, ended.stdout], [code, ""], `segue ${args.join(" ")}`);
  assert.match(ended.stderr, text, `segue ${args.join(" ")}`);
}

/** Told before anything is asked or opened. */
const USAGE: readonly (readonly [string[], RegExp])[] = [
  [["why", "yesterday"], /^segue why: "yesterday" is no id\n +hint: write a number, or last\n$/],
  [
    ["floor", "--hours", "0"],
    /^segue floor: --hours: "0" is no whole number from 1 to 720\n +hint: write it as --hours 24/,
  ],
  [["switchover", "web", "--timeout", "5"], /^segue switchover: --timeout: .*\n +hint: write it as --timeout 5s/],
  [["maintenance", "maybe"], /^segue maintenance: "maybe" is neither on nor off\n +hint: segue maintenance on/],
  [["state", "flip", "web"], /^segue state: "flip" is nothing that it does\n +hint: segue state get\|put\|/],
  [["state", "get"], /^segue state: which group\?/],
  [["state", "get", "web"], /^segue state: get wants KEY behind the group/],
  [["state", "get", "web", "k", "v"], /^segue state: "v" is one word too many/],
  [["state", "list", "web", "k"], /^segue state: "k" is one word too many/],
  [["state", "put", "web", "k", "v", "--ack", "maybe"], /^segue state: --ack maybe: local, replicated or durable/],
  [["state", "put", "web", "k", "v", "--if-version", "x"], /^segue state: --if-version x: a whole number/],
  [["state", "watch", "web", "--since", "-1"], /^segue state: --since -1: a whole number/],
  [["flip"], /^segue: unknown command 'flip'\n[^]*hint: segue help/],
  [["journal", "flip"], /^segue: unknown command 'flip'\n[^]*hint: segue help/],
  [["state"], /^segue: missing required argument 'action'\n[^]*hint: segue help/],
  [["switchover"], /^segue: missing required argument 'group'/],
  [["rehearse"], /^segue: missing required argument 'group'/],
  [["journal", "backup"], /^segue: missing required argument 'file'/],
  [["switchover", "web", "--to"], /^segue: option '--to <node>' argument missing/],
];

for (const [args, text] of USAGE) {
  Deno.test(`segue ${args.join(" ")}: exit 2`, () => assertFails(args, 2, text));
}

Deno.test("no arguments at all: the commands, and exit 2", async () => {
  const { code, stdout, stderr } = await segue();
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^Usage: segue /);
});

Deno.test("every command that asks a daemon says so where there is none, and fails", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "segue-failures-test-" });
  const none =
    /no daemon: .*segue\.sock does not exist\n +hint: start it with `segue run`, or say where it runs with --run-dir/;
  for (
    const words of [
      ["status"],
      ["switchover", "web"],
      ["rehearse", "web"],
      ["maintenance"],
      ["maintenance", "on"],
      ["reload"],
      ["state", "get", "web", "k"],
      ["state", "put", "web", "k", "v"],
      ["state", "delete", "web", "k"],
      ["state", "list", "web"],
      ["state", "watch", "web"],
      ["state", "orphans", "web"],
    ]
  ) {
    for (const more of [[], ["--json"]]) await assertFails([...words, ...more, "--run-dir", folder], 1, none);
  }
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("a daemon that refuses: its words and its hint, exit 1", () =>
  withServer(async ({ runDir }) => {
    const there = ["--run-dir", runDir];
    await assertFails(
      ["state", "get", "web", "nothing", ...there],
      1,
      /^segue state: No such key: there is no key "nothing"/,
    );
    for (const command of [["switchover", "wbe"], ["rehearse", "wbe"], ["state", "get", "wbe", "k"]]) {
      await assertFails([...command, ...there], 1, /no such group: .*wbe.*\n +hint: .*web/i);
    }
  }));

Deno.test("what answers on the socket is no segue, or ends: told, with what to do, exit 1", async () => {
  const runDir = Deno.makeTempDirSync({ prefix: "segue-failures-test-" });
  const path = join(runDir, "segue.sock");
  const answers: readonly (readonly [() => Response, RegExp])[] = [
    [() => new Response("<html>"), /the daemon's answer is not JSON\n +hint: is it a segue of another version\?/],
    [
      () => new Response("oh", { status: 500 }),
      /the daemon answered with status 500\n +hint: is it a segue of another version\?/,
    ],
    [() => Response.json({}, { status: 418 }), /^segue status: status 418\n$/],
  ];
  for (const [answer, text] of answers) {
    await using _server = Deno.serve({ path, onListen: () => {} }, answer);
    await assertFails(["status", "--json", "--run-dir", runDir], 1, text);
  }
  // It takes the request, says half of an answer and dies.
  const listener = Deno.listen({ transport: "unix", path });
  const dying = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(1000));
      await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")).catch(
        () => {},
      );
      connection.close();
    }
  })();
  await assertFails(
    ["status", "--run-dir", runDir],
    1,
    /the daemon at .* ended in the middle of its answer: .*\n +hint: see its log/,
  );
  listener.close();
  await dying;
  Deno.removeSync(runDir, { recursive: true });
});

Deno.test("a socket that belongs to root: no access, and how to get it", () =>
  withServer(async ({ runDir }) => {
    // Everything is loaded before the rights to read it are given up.
    assert.equal((await segue("status", "--run-dir", runDir)).code, 0);
    const told = /^segue status: no access to .*\n +hint: it belongs to root: use sudo/;
    await asNobody(() => assertFails(["status", "--run-dir", runDir], 1, told));
  }));

Deno.test("why: no such entry, and one that nothing can be said of", () =>
  withJournal(async (path, folder) => {
    const { store } = JournalStore.open(path);
    const id = store.nextId;
    store.add({
      id,
      type: "event",
      event: { at: "2026-01-02T03:04:05.000Z", level: "info", kind: "note", text: "hello" },
    });
    store.close();
    const there = ["--state-dir", folder];
    await assertFails(["why", "7", ...there], 1, /^segue why: the journal has no entry 7\n +hint: segue why --list/);
    await assertFails(
      ["why", String(id), ...there],
      1,
      new RegExp(`^segue why: entry ${id} is neither a switch nor an alarm: hello\\n +hint: segue why --list`),
    );
    await assertFails(["why", ...there], 1, /^segue why: the journal remembers no switch\n +hint: segue why --list/);
  }));

/** Where people are told what is wrong: commands, the API and its client, configuration and machine. */
const TOLD_BY = [
  "config",
  "config/host",
  "control",
  "control/api",
  "control/api/commands",
  "control/commands",
  "control/daemon",
  "control/journal",
  "control/lab",
  "control/state",
] as const;

/** Of what cannot be had on a machine where the tests run: another kernel, and what only a fault of the program itself would bring. */
const NOT_STAGED = [
  "a kernel with CONFIG_NETFILTER_NETLINK_QUEUE",
  "could not be checked: …",
  "packed rows are malformed",
];

Deno.test("every message and every hint stands in a test, in its own words", () => {
  const root = new URL("../../", import.meta.url).pathname;
  const tests = [...testFiles(`${root}config`), ...testFiles(`${root}control`), ...testFiles(`${root}tests`)]
    .map((path) => Deno.readTextFileSync(path)).join("\n").replaceAll("\\", "").replaceAll(/\s+/g, " ");
  const messages = TOLD_BY.flatMap((folder) =>
    [...Deno.readDirSync(root + folder)].filter(({ name }) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
      .flatMap(({ name }) =>
        messagesOf(Deno.readTextFileSync(`${root}${folder}/${name}`)).map((it) => ({ ...it, name }))
      )
  );
  assert.ok(messages.length > 120, `${messages.length} messages were found`);
  const missing = messages.filter(({ text, pieces }) =>
    !NOT_STAGED.includes(text) && !pieces.some((it) => tests.includes(it))
  );
  assert.deepEqual(missing.map(({ name, text }) => `${name}: ${text}`), []);
});

function* testFiles(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* testFiles(join(folder, name));
    else if (name.endsWith(".test.ts")) yield join(folder, name);
  }
}
