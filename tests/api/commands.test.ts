import assert from "node:assert/strict";
import { join } from "node:path";
import { runEvents } from "../../control/api/commands/events.ts";
import { ApiProblem, startApi } from "../../control/api/server.ts";
import { runCommand } from "../../control/commands.ts";
import { VERSION } from "../../control/core/version.ts";
import { JournalStore } from "../../control/journal/store.ts";
import { sampleEvent, sampleReceipt, withJournal } from "../journal/samples.ts";
import { Recorder, SampleNode, until, withServer } from "./sample_node.ts";

async function segue(...args: string[]) {
  const io = new Recorder();
  const code = await runCommand(args, io);
  return { code, stdout: io.stdout, stderr: io.stderr };
}

Deno.test("usage errors exit with 2, say what is wrong, and how to find out", async () => {
  const cases: [string[], RegExp][] = [
    [[], /^Usage: segue /],
    [["stauts"], /unknown command 'stauts'\n\(Did you mean status\?\)\n +hint: segue help/],
    [["status", "--jsno"], /unknown option '--jsno'\n\(Did you mean --json\?\)/],
    [["status", "extra"], /too many arguments/],
    [["switchover"], /missing required argument 'group'/],
    [["switchover", "web", "--timeout", "5"], /--timeout: "5" has no unit.*\n +hint: write it as --timeout 5s/],
    [["keygen"], /missing required argument 'file'/],
    [["state", "get", "web"], /get wants KEY behind the group/],
    [["state", "tear", "web"], /"tear" is nothing that it does/],
    [["state", "get", "web", "k", "v"], /"v" is one word too many/],
    [["state", "put", "web", "k", "v", "--ack", "safe"], /--ack safe: local, replicated or durable/],
    [["console", "--run-dri", "x"], /unknown option '--run-dri'\n\(Did you mean --run-dir\?\)/],
    [["console", "extra"], /too many arguments/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await segue(...args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, message);
  }
});

Deno.test("help and version exit with 0 and print on stdout", async () => {
  for (const args of [["--help"], ["help"], ["help", "switchover"], ["switchover", "--help"]]) {
    const { code, stdout, stderr } = await segue(...args);
    assert.deepEqual([code, stderr], [0, ""], args.join(" "));
    assert.match(stdout, /^Usage: segue/);
  }
  const help = (await segue("--help")).stdout;
  for (
    const name of [
      "run",
      "check",
      "status",
      "console",
      "state",
      "journal",
      "why",
      "rehearse",
      "floor",
      "switchover",
      "events",
      "keygen",
      "key",
      "lab",
      "version",
      "reload",
      "maintenance",
    ]
  ) {
    assert.match(help, new RegExp(`^  ${name} `, "m"));
  }
  assert.deepEqual(JSON.parse((await segue("version", "--json")).stdout).version, VERSION);
  assert.equal((await segue("--version")).stdout, (await segue("version")).stdout);
});

Deno.test("status, as text and as JSON", () =>
  withServer(async ({ runDir }) => {
    const text = await segue("status", "--run-dir", runDir);
    assert.equal(text.code, 0);
    assert.match(text.stdout, /^web +primary +12 /m);
    const json = await segue("status", "--json", "--run-dir", runDir);
    assert.equal(JSON.parse(json.stdout).groups[0].role, "primary");
  }));

Deno.test("switchover waits, prints the receipt, and its exit code says whether the group has moved", () =>
  withServer(async ({ runDir, node }) => {
    const done = await segue("switchover", "web", "--to", "b", "--timeout", "250ms", "--force", "--run-dir", runDir);
    assert.deepEqual([done.code, done.stderr], [0, ""]);
    assert.match(done.stdout, /^web: switchover on b done in 6.40 ms, epoch 12 → 13\n/);
    assert.deepEqual(node.orders, [["web", { to: "b", timeoutUs: 250_000, force: true }]]);
    const json = await segue("switchover", "web", "--json", "--run-dir", runDir);
    assert.equal(JSON.parse(json.stdout).epoch, 13);

    node.switchoverNow = () =>
      Promise.resolve(sampleReceipt(13, { outcome: "aborted", reason: "the peer fell silent" }));
    const off = await segue("switchover", "web", "--run-dir", runDir);
    assert.equal(off.code, 1);
    assert.match(off.stderr, /called off: the peer fell silent/);

    const none = await segue("switchover", "wbe", "--run-dir", runDir);
    assert.deepEqual([none.code, none.stdout], [1, ""]);
    assert.equal(none.stderr, "segue switchover: There is no such group: wbe\n    hint: there is web\n");
  }));

Deno.test("maintenance: says it, turns it on and off, and takes nothing else", () =>
  withServer(async ({ runDir, node }) => {
    const said = async (...args: string[]) => await segue("maintenance", ...args, "--run-dir", runDir);
    assert.deepEqual(await said(), { code: 0, stdout: "maintenance is off\n", stderr: "" });
    assert.match((await said("on")).stdout, /^maintenance is on since 2026-01-02T03:04:05.000Z: services are not/);
    assert.equal(node.services.maintained.on, true);
    assert.deepEqual(JSON.parse((await said("--json")).stdout), { on: true, since: "2026-01-02T03:04:05.000Z" });
    assert.equal((await said("off")).stdout, "maintenance is off\n");
    const wrong = await said("maybe");
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /"maybe" is neither on nor off/);
  }));

Deno.test("reload says what has changed, or why not", () =>
  withServer(async ({ runDir, node }) => {
    assert.deepEqual(await segue("reload", "--run-dir", runDir), {
      code: 0,
      stdout: "changed: timing.heartbeat\n",
      stderr: "",
    });
    node.reloadNow = () =>
      Promise.reject(new ApiProblem(422, "bad-config", "The configuration is bad", "line 3: x", "segue check"));
    assert.deepEqual(await segue("reload", "--run-dir", runDir), {
      code: 1,
      stdout: "",
      stderr: "segue reload: The configuration is bad: line 3: x\n    hint: segue check\n",
    });
  }));

Deno.test("no daemon: where it was looked for, and what to do", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "japi-run-" });
  for (const args of [["status"], ["switchover", "web"], ["reload"]]) {
    const { code, stderr } = await segue(...args, "--run-dir", folder);
    assert.equal(code, 1);
    assert.match(stderr, /no daemon: .*segue.sock does not exist\n +hint: start it/);
  }
  const dead = Deno.listen({ transport: "unix", path: join(folder, "first") });
  Deno.renameSync(join(folder, "first"), join(folder, "segue.sock"));
  dead.close();
  assert.match((await segue("status", "--run-dir", folder)).stderr, /no daemon: nobody listens/);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("events are read from the journal, without a daemon", () =>
  withJournal(async (path, folder) => {
    assert.match((await segue("events", "--state-dir", folder)).stderr, /cannot read the journal .*there is none/);
    const { store } = JournalStore.open(path);
    for (let n = 0; n < 2500; n++) store.add({ id: store.nextId, type: "event", event: sampleEvent(n) });
    store.addReceipt(sampleReceipt(7));
    store.close();
    const { code, stdout } = await segue("events", "--state-dir", folder);
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.length, 2501);
    assert.equal(lines[0], "2001-09-09T01:46:40.000Z  info    event 0");
    assert.ok(lines[2500]!.includes("  switch  web: failover on a done in 6.40 ms"));
    const last = JSON.parse(
      (await segue("events", "--json", "--state-dir", folder)).stdout.trimEnd().split("\n").at(-1)!,
    );
    assert.deepEqual([last.type, last.kind, last.duration_us], ["switch", "failover", 6400.5]);
  }));

Deno.test("events --follow goes on over a restart of the daemon, with nothing twice", () =>
  withJournal(async (path, folder) => {
    const { store } = JournalStore.open(path);
    store.add({ id: store.nextId, type: "event", event: sampleEvent(0) });
    store.close();
    const node = await SampleNode.create();
    node.entries.push({ id: store.nextId, type: "event", event: sampleEvent(1) });
    const socket = join(folder, "segue.sock");
    const io = new Recorder();
    const stop = new AbortController();
    const options = { stateDir: folder, runDir: folder, follow: true, json: false, signal: stop.signal };
    const following = runEvents(io, options);
    await until("it says that nobody is there", () => /no daemon.*waiting for it/.test(io.stderr));

    let server = await startApi(node, socket);
    await until("it has come", () => io.stdout.includes("event 1"));
    node.happen(2);
    await until("it has come", () => io.stdout.includes("event 2"));
    await server.close();
    node.happen(4);
    server = await startApi(node, socket);
    await until("what happened in between has come", () => io.stdout.includes("event 4"));
    stop.abort();
    assert.equal(await following, 0);
    assert.deepEqual(io.stdout.match(/event \d/g), ["event 0", "event 1", "event 2", "event 4"]);
    await server.close();
  }));

Deno.test("as a program: exit codes, streams, and a reader that has seen enough", () =>
  withJournal(async (path, folder) => {
    const program = new URL("./segue.ts", import.meta.url).pathname;
    const start = (...args: string[]) =>
      new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--no-check", program, ...args] });
    const version = await start("version", "--json").output();
    assert.deepEqual([version.code, JSON.parse(new TextDecoder().decode(version.stdout)).build], [0, "source"]);
    assert.equal((await start("nonsense").output()).code, 2);
    assert.equal((await start("status", "--run-dir", folder).output()).code, 1);
    const bad = await start("check", "--config", join(folder, "none.toml")).output();
    assert.equal(bad.code, 78);

    const { store } = JournalStore.open(path);
    for (let n = 0; n < 5000; n++) store.add({ id: store.nextId, type: "event", event: sampleEvent(n) });
    store.close();
    const script = `"$0" run -A --no-check "$@" | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const args = ["-c", script, Deno.execPath(), program, "events", "--state-dir", folder];
    const head = await new Deno.Command("bash", { args }).output();
    assert.deepEqual(new TextDecoder().decode(head.stdout).split("\n").slice(0, 2), [
      "2001-09-09T01:46:40.000Z  info    event 0",
      "0",
    ]);
    assert.equal(new TextDecoder().decode(head.stderr), "");
  }));

Deno.test("a receipt comes whole through a real socket however long it is", () =>
  withServer(async ({ node, runDir }) => {
    const steps = Array.from({ length: 5000 }, (_, i) => ({ step: `step ${i} ü`, atUs: i }));
    node.switchoverNow = () => Promise.resolve(sampleReceipt(1, { steps }));
    const { stdout } = await segue("switchover", "web", "--json", "--run-dir", runDir);
    assert.equal(JSON.parse(stdout).steps.length, 5000);
  }));
