/** `segue check` as a whole: exit codes, text, JSON, and a daemon's socket with a real HTTP server behind it. Needs root. */
import assert from "node:assert/strict";
import { check, runCheck } from "../../config/check.ts";
import { askDaemon, judgeDaemon } from "../../config/host/daemon.ts";
import { readKeys } from "../../config/key.ts";
import { generateKey } from "../../config/key_change.ts";
import { readConfigFile } from "../../config/load.ts";
import { libc } from "../../kernel_ffi/libc.ts";
import { nfqLibrary } from "../../kernel_ffi/nfqueue_library.ts";
import { asNobody } from "../nobody.ts";
import { inFreshNamespace, run } from "../netns/namespace.ts";

// Opened once for the life of the process; here, so that no test seems to leave them open.
libc();
nfqLibrary();

async function inFolder(body: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "segue-check-" });
  try {
    await body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function textFor(folder: string): string {
  return `[pair]
name = "edge"
key_file = "${folder}/pair.key"
[[node]]
name = "a"
paths = ["10.78.0.1:4790"]
[[node]]
name = "b"
paths = ["10.78.0.2:4790"]
[[group]]
name = "web"
prefer = "a"
addresses = [{ address = "10.77.0.100/32", interface = "cfg0" }]
`;
}

/** What `runCheck` printed and returned. */
async function printed(...args: Parameters<typeof runCheck>): Promise<{ exit: number; out: string }> {
  const { log } = console;
  let out = "";
  console.log = (text: string) => out += text + "\n";
  try {
    return { exit: await runCheck(...args), out };
  } finally {
    console.log = log;
  }
}

Deno.test("bad file: 78 and the list; the text and the JSON say the same", () =>
  inFolder(async (folder) => {
    const config = `${folder}/segue.toml`;
    Deno.writeTextFileSync(config, textFor(folder).replace('name = "edge"', 'nam = "edge"').replace("/32", ""));
    const text = await printed({ config, node: "a", json: false, runDir: folder });
    assert.equal(text.exit, 78);
    assert.match(text.out, /segue\.toml:2: pair\.nam: unknown key\n {4}hint: did you mean "name"\?\n/);
    assert.match(
      text.out,
      /segue\.toml:13: group\[0\]\.addresses\[0\]\.address: "10\.77\.0\.100" has no prefix length/,
    );
    assert.match(text.out, /segue\.toml: bad configuration; 2 problems\n$/);
    const json = await printed({ config, node: "a", json: true, runDir: folder });
    assert.equal(json.exit, 78);
    const report = JSON.parse(json.out);
    assert.equal(report.ok, false);
    assert.deepEqual(report.problems.map((problem: { line: number }) => problem.line), [2, 13]);
    assert.deepEqual(Object.keys(report.problems[0]), ["line", "key", "reason", "hint", "severity"]);
  }));

Deno.test("no file, a folder, not text: 78 and the reason", () =>
  inFolder(async (folder) => {
    const cases: [string, RegExp][] = [
      [`${folder}/none.toml`, /there is no such file/],
      [folder, /is a folder/],
      [`${folder}/binary.toml`, /is not UTF-8 text/],
    ];
    Deno.writeFileSync(`${folder}/binary.toml`, Uint8Array.of(0xff, 0xfe, 0x00));
    for (const [config, reason] of cases) {
      const result = await check({ config, node: "a", json: false, runDir: folder });
      assert.equal(result.exit, 78, config);
      assert.match(result.problems[0]!.reason, reason);
      const read = await readConfigFile(config);
      assert.ok("problems" in read);
    }
  }));

Deno.test("files that this user may not read: told as that, 78", () =>
  inFolder(async (folder) => {
    const config = `${folder}/segue.toml`, key = `${folder}/pair.key`;
    Deno.writeTextFileSync(config, textFor(folder), { mode: 0o600 });
    generateKey(key);
    await asNobody(async () => {
      const result = await check({ config, node: "a", json: false, runDir: folder });
      assert.equal(result.exit, 78);
      assert.deepEqual([result.problems[0]!.reason, result.problems[0]!.hint], [
        "may not be read by this user",
        "segue runs as root",
      ]);
    });
    Deno.chmodSync(folder, 0o755);
    await asNobody(() => assert.throws(() => readKeys(key), /key file .*pair\.key may not be read by this user/));
  }));

Deno.test("a name that is no node of the pair: 78, with the names that are", () =>
  inFolder(async (folder) => {
    const config = `${folder}/segue.toml`;
    Deno.writeTextFileSync(config, textFor(folder));
    const result = await check({ config, node: "c", json: false, runDir: folder });
    assert.equal(result.exit, 78);
    assert.match(result.problems.at(-1)!.hint, /--node a or --node b/);
    const implied = await check({ config, json: false, runDir: folder });
    assert.ok(implied.problems.at(-1)!.reason.includes(`"${Deno.hostname()}"`));
  }));

Deno.test("good file, wrong machine: 1; made right: 0 and the digest", () =>
  inFolder((folder) =>
    inFreshNamespace(async () => {
      const config = `${folder}/segue.toml`;
      Deno.writeTextFileSync(config, textFor(folder));
      const wrong = await check({ config, node: "a", json: false, runDir: folder });
      assert.equal(wrong.exit, 1);
      assert.deepEqual(wrong.problems.map(({ key }) => key).sort(), [
        "group[0].addresses[0].interface",
        "node[0].paths[0]",
        "pair.key_file",
      ]);
      run("ip", "link", "add", "cfg0", "type", "veth", "peer", "name", "far0");
      run("ip", "link", "set", "cfg0", "up");
      run("ip", "link", "set", "far0", "up");
      run("ip", "address", "add", "10.78.0.1/24", "dev", "cfg0");
      generateKey(`${folder}/pair.key`);
      const right = await printed({ config, node: "a", json: false, runDir: folder });
      assert.equal(right.exit, 0, right.out);
      assert.match(right.out, /segue\.toml: ok; node a of pair edge, digest [0-9a-f]{16}\n$/);
      const json = JSON.parse((await printed({ config, node: "a.example.org", json: true, runDir: folder })).out);
      assert.deepEqual([json.ok, json.node, json.pair, json.problems], [true, "a", "edge", []]);
      const line = btoa("k".repeat(32));
      Deno.writeTextFileSync(`${folder}/pair.key`, `${line}\n${line}\n${btoa("l".repeat(32))}\n`);
      const keys = await printed({ config, node: "a", json: false, runDir: folder });
      assert.equal(keys.exit, 1);
      assert.match(keys.out, /pair\.key_file: .*holds 3 keys; there may be 2[^]*pair\.key_file: .*the same key twice/);
    })
  ));

/** A server on the socket of `folder` that answers every request with `body`. */
function serve(folder: string, body: string): Deno.HttpServer {
  return Deno.serve(
    { path: `${folder}/segue.sock`, onListen: () => {} } as Deno.ServeUnixOptions,
    () => new Response(body),
  );
}

Deno.test("a running daemon is asked: its peer, its alarms, its pair", () =>
  inFolder(async (folder) => {
    assert.deepEqual(await askDaemon(folder), { kind: "none" });
    const status = {
      node: "a",
      pair: "edge",
      version: "0.1.0",
      uptime_ms: 7,
      peer: { name: "b", state: "incompatible", version: "0.2.0" },
      alarms: [{ kind: "incompatible", since: "x", text: "another file" }, {
        kind: "one_way",
        since: "x",
        text: "the peer does not hear this node",
      }],
    };
    const server = serve(folder, JSON.stringify(status));
    try {
      const answer = await askDaemon(folder);
      assert.equal(answer.kind, "status");
      const problems = judgeDaemon(answer, "edge", "a", folder);
      assert.deepEqual(problems.map(({ key, severity }) => [key, severity]), [
        ["host.peer", "error"],
        ["host.alarm.one_way", "warning"],
      ]);
      assert.match(problems[0]!.reason, /the peer \(it is 0\.2\.0\) and this node \(0\.1\.0\) do not agree/);
      const { key, reason, hint } = judgeDaemon(answer, "other", "a", folder)[0]!;
      assert.deepEqual([key, hint], ["host.daemon", "restart it to make the file's values count"]);
      assert.match(
        reason,
        /the segue that runs here is node "a" of pair "edge", the file's is node "a" of pair "other"/,
      );
    } finally {
      await server.shutdown();
    }
    assert.deepEqual(await askDaemon(folder), { kind: "none" }, "a socket that nobody listens on is no daemon");
  }));

Deno.test("a daemon that is stopped is not waited for", () =>
  inFolder(async (folder) => {
    // The kernel takes connections for it, as it does for a stopped process; nobody ever reads them.
    using _listener = Deno.listen({ transport: "unix", path: `${folder}/segue.sock` });
    const answer = await askDaemon(folder, 50);
    assert.equal(answer.kind, "mute");
  }));

Deno.test("something that is no daemon on the socket is said, and is no reason to fail", () =>
  inFolder(async (folder) => {
    for (const body of ["{}", "not json"]) {
      const server = serve(folder, body);
      const answer = await askDaemon(folder);
      await server.shutdown();
      assert.equal(answer.kind, "mute");
      const [problem] = judgeDaemon(answer, "edge", "a", folder);
      assert.equal(problem!.severity, "warning");
      assert.match(problem!.reason, /segue\.sock is there, but gives no status: /);
      assert.equal(problem!.hint, "systemctl status segue");
    }
  }));
