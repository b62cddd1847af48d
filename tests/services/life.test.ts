/** The life of a service: restarts, giving up, health, maintenance, reload, and what a killed daemon leaves behind. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { Children } from "../../control/services/children.ts";
import { fillIn, groupOf, makeRunning, obedient, script, sleep, until, withManager } from "./harness.ts";
import { lives } from "./lives.ts";

const QUICK = `restart_delay = "10ms"\nrestart_delay_max = "20ms"\n`;

Deno.test("a service that crashes is started again, and told its role again when it is back", () =>
  withManager({
    services: `${obedient("one")}${QUICK}on_primary = [["SAY", "told"]]\n`,
  }, async ({ become, trace, manager, events, eligible }) => {
    await become("primary");
    await until("it runs", () => trace().length === 2);
    Deno.kill(manager.status("web")[0]!.pid!, "SIGKILL");
    await until("it is back and told", () => trace().filter((line) => line === "told").length === 2);
    await until("it runs again", () => trace().filter((line) => line === "one starts").length === 2);
    const [status] = manager.status("web");
    assert.deepEqual([status!.state, status!.healthy, status!.restarts], ["running", true, 1]);
    assert.deepEqual(events, [
      "notice serviceRestarts web: service one: ended by SIGKILL; started again in 10ms",
    ]);
    assert.deepEqual(eligible, []);
  }));

Deno.test("a service that crashes at its start is given up; a reload or a new role tries again", () =>
  withManager({
    services: `
${
      script("broken", "SAY try; echo bad flag >&2; test -e FOLDER/mended && exec sleep 1000; exit 4")
    }${QUICK}restart_limit = 3
health = { exec = ["/usr/bin/test", "-e", "FOLDER/mended"], every = "20ms", timeout = "20ms" }
`,
  }, async ({ become, trace, manager, events, eligible, folder, log }) => {
    const why = "given up after 3 failures within 1m: exit code 4";
    await until("it is given up", () => eligible.length > 0);
    assert.deepEqual(eligible, [`service broken: ${why}`]);
    assert.equal(trace().length, 3);
    assert.equal(events.at(-1), `alarm serviceUnhealthy web: service broken: ${why}`);
    const [status] = manager.status("web");
    assert.deepEqual([status!.state, status!.healthy, status!.last_error], ["failed", false, "exit code 4"]);
    assert.ok(log.includes("info web/broken: bad flag"));
    assert.match((await become("primary")).reason, /^service broken: given up/);
    assert.equal(trace().length, 6);
    Deno.writeTextFileSync(`${folder}/mended`, "");
    assert.equal((await become("primary")).ok, true);
    assert.equal(eligible.at(-1), "yes");
  }));

Deno.test("a program that is not there is a failure like others", () =>
  withManager({
    services: `[[group.service]]\nname = "none"\nexec = ["/none/such"]\nrun = "primary"\nrestart_limit = 1\n`,
  }, async ({ become }) => {
    assert.match((await become("primary")).reason, /^service none: given up after 1 failures.*\/none\/such/);
  }));

Deno.test("health that falls speaks against the node, and for it again when it has risen", () =>
  withManager({
    services: `
${script("one", "exec sleep 1000")}
health = { exec = ["/bin/sh", "-c", "test ! -e FOLDER/ill || { echo no space; exit 1; }"], every = "20ms", timeout = "20ms", fall = 2 }
`,
  }, async ({ eligible, folder, manager, events }) => {
    assert.deepEqual(eligible, []);
    Deno.writeTextFileSync(`${folder}/ill`, "");
    await until("it has fallen", () => eligible.length === 1);
    assert.match(eligible[0]!, /^service one: not healthy: (exit code 1: no space|no answer within 20 ms)$/);
    assert.equal(manager.status("web")[0]!.healthy, false);
    assert.equal(manager.managed("web"), true);
    Deno.removeSync(`${folder}/ill`);
    await until("it has risen", () => eligible.length === 2);
    assert.equal(eligible[1], "yes");
    assert.equal(manager.managed("web"), false);
    assert.equal(events.at(-1), "notice serviceHealthy web: service one is healthy again");
  }));

Deno.test("what has failed as primary is held against this node for a while after it has left", () =>
  withManager({
    services: `${script("one", "exit 1")}run = "primary"\n${QUICK}restart_limit = 2\nrestart_window = "300ms"\n`,
  }, async ({ become, eligible, manager }) => {
    await become("primary");
    await until("it is given up", () => eligible.length === 1);
    await become("standby");
    assert.deepEqual(manager.status("web").map(({ state, healthy }) => [state, healthy]), [["stopped", null]]);
    assert.equal(eligible.length, 1);
    await until("it is forgiven", () => eligible.length === 2);
    assert.equal(eligible[1], "yes");
  }));

Deno.test("maintenance: what ends stays so, until it is over", () =>
  withManager({ services: `${obedient("one")}${QUICK}` }, async ({ manager, trace, events }) => {
    await until("it runs", () => trace().length === 1);
    manager.maintenance(true);
    assert.equal(manager.inMaintenance, true);
    Deno.kill(manager.status("web")[0]!.pid!, "SIGKILL");
    await until("it has ended", () => events.length === 1);
    assert.match(events[0]!, /serviceEnded web: service one: ended by SIGKILL; not restarted: maintenance/);
    await sleep(100);
    assert.equal(trace().length, 1);
    manager.maintenance(false);
    await until("it is back", () => trace().length === 2);
  }));

Deno.test("a reload exchanges what has changed and leaves the rest alone", () =>
  withManager({
    services: `${obedient("same")}${obedient("changed")}${obedient("gone")}`,
  }, async ({ become, manager, trace, folder }) => {
    await become("primary");
    await until("all run", () => trace().length === 3);
    const before = manager.status("web");
    const next = `${obedient("same")}${obedient("changed")}stop_timeout = "1s"\n${obedient("new")}run = "primary"\n`;
    await manager.reload([groupOf(fillIn(next, folder))]);
    await until("the new one runs", () => trace().includes("new starts") && trace().length === 7);
    const after = manager.status("web");
    assert.deepEqual(after.map(({ name }) => name), ["same", "changed", "new"]);
    assert.equal(after[0]!.pid, before[0]!.pid);
    assert.notEqual(after[1]!.pid, before[1]!.pid);
    assert.deepEqual(trace().slice(3, 5), ["gone ends", "changed ends"]);
    assert.equal(lives(before[2]!.pid!), false);
  }));

Deno.test("managed: only where somebody must be told, or is not ready", () =>
  withManager({
    services: `${obedient("plain")}health = { exec = ["/bin/true"], every = "50ms", timeout = "50ms" }\n`,
    start: false,
  }, async ({ manager }) => {
    const told: boolean[] = [];
    manager.onManaged((_, managed) => void told.push(managed));
    assert.equal(manager.managed("web"), true);
    await manager.start();
    assert.equal(manager.managed("web"), false);
    assert.deepEqual(told, [false]);
    manager.settled("web", "primary", 5);
    assert.deepEqual(manager.role("web"), { role: "primary", epoch: 5, followers: [] });
    const leave = manager.follow("web", { name: "me", patienceUs: 1000, send: () => {} })!;
    leave();
    assert.deepEqual(told, [false, true, false]);
  }));

Deno.test("what a killed daemon left running is ended by the next one, with its children, before anything starts", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "segue-services-" });
  const services = script(
    "deaf",
    "trap : TERM; (while :; do sleep 0.05; done) & echo $! >> FOLDER/pids; echo $$ >> FOLDER/pids; wait; while :; do sleep 0.05; done",
  ) +
    `stop_timeout = "200ms"\n`;
  const said = `${folder}/pids`;
  const pids = () => existsSync(said) ? Deno.readTextFileSync(said).trim().split("\n").map(Number) : [];
  try {
    const daemon = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", new URL("abandoned.ts", import.meta.url).pathname, folder, services],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const reader = daemon.stdout.getReader();
    assert.match(new TextDecoder().decode((await reader.read()).value), /^running/);
    await until("it has its child", () => pids().length === 2);
    daemon.kill("SIGKILL");
    await daemon.status;
    await reader.cancel();
    const left = pids();
    assert.deepEqual(left.map(lives), [true, true]);
    const next = makeRunning(folder, { services });
    try {
      await next.manager.start();
      assert.deepEqual(left.map(lives), [false, false]);
      assert.deepEqual(next.log.filter((line) => line.startsWith("notice")), [
        "notice ended what the daemon before had left running: web/deaf",
      ]);
    } finally {
      await next.manager.stop();
    }
    assert.equal(existsSync(`${folder}/children`), false);
  } finally {
    // Whatever went wrong: nothing of this test goes on.
    await new Children(`${folder}/children`).endLeftovers();
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a note of a process that is another one by now harms nobody", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "segue-services-" });
  const innocent = new Deno.Command("/bin/sleep", { args: ["1000"], detached: true }).spawn();
  try {
    const first = makeRunning(folder, { services: "" });
    const boot = Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
    const note = (started: number, boot: string) => JSON.stringify({ name: "x", boot, started, stopTimeoutUs: 1000 });
    Deno.writeTextFileSync(`${folder}/children/${innocent.pid}`, note(1, boot));
    Deno.writeTextFileSync(`${folder}/children/1`, note(1, boot));
    Deno.writeTextFileSync(`${folder}/children/nonsense`, "{");
    await first.manager.start();
    assert.equal(lives(innocent.pid), true);
    assert.deepEqual([...Deno.readDirSync(`${folder}/children`)], []);
    await first.manager.stop();
  } finally {
    innocent.kill("SIGKILL");
    await innocent.status;
    Deno.removeSync(folder, { recursive: true });
  }
});
