/** Services in a switch: order, readiness, vetoes, time-outs, and orders that supersede each other. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { BecomeResult } from "../../control/services/manager.ts";
import { inUs, obedient, script, sleep, steps, until, withManager } from "./harness.ts";
import { lives } from "./lives.ts";

Deno.test("forward when becoming primary, in reverse when leaving; each is told once", () =>
  withManager({
    services: `
${obedient("page")}run = "primary"
after = ["base"]
on_primary = [["SAY", "page", "told", "primary"]]
on_standby = [["SAY", "page", "told", "standby"]]
${obedient("base")}run = "primary"
on_primary = [["SAY", "base", "one"], ["SAY", "base", "two"]]
`,
  }, async ({ become, trace, manager }) => {
    assert.deepEqual(manager.status("web").map(({ state, healthy }) => [state, healthy]), [["stopped", null], [
      "stopped",
      null,
    ]]);
    const primary = await become("primary");
    assert.deepEqual([primary.ok, primary.reason], [true, ""]);
    assert.deepEqual(steps(primary), ["base ready", "base told", "page ready", "page told"]);
    const times = primary.steps.map(({ atUs }) => atUs);
    assert.deepEqual(times, times.toSorted((x, y) => x - y));
    await until("both run", () => trace().includes("page starts") && trace().includes("base starts"));
    assert.deepEqual(trace().filter((line) => !line.endsWith("starts")), ["base one", "base two", "page told primary"]);
    const again = await become("primary", { epoch: 9 });
    assert.deepEqual(steps(again), ["base ready", "page ready"]);
    const before = trace().length;
    const standby = await become("standby");
    assert.deepEqual(steps(standby), ["page told", "page stopped", "base stopped"]);
    assert.deepEqual(trace().slice(before), ["page told standby", "page ends", "base ends"]);
    assert.deepEqual(steps(await become("standby")), []);
  }));

Deno.test("run = always: started in order on any node, with its role; told when the role comes", () =>
  withManager({
    services: `
${
      script(
        "late",
        "SAY late $SEGUE_ROLE $SEGUE_GROUP $SEGUE_NODE $SEGUE_PEER $SEGUE_ADDRESSES; echo hello; exec sleep 1000",
      )
    }
after = ["early"]
on_primary = [["/bin/sh", "-c", "SAY late $SEGUE_ROLE $SEGUE_EPOCH; cat FOLDER/roles/web >> FOLDER/trace"]]
${script("early", "SAY early; exec sleep 1000")}
health = { exec = ["/bin/grep", "-q", "early", "FOLDER/trace"], every = "20ms", timeout = "20ms" }
`,
  }, async ({ become, trace, manager, folder }) => {
    await until("both have started", () => trace().length === 2);
    assert.deepEqual(trace(), ["early", "late standby web a b 10.77.0.100"]);
    assert.equal(Deno.readTextFileSync(`${folder}/roles/web`), "standby 0\n");
    const pids = manager.status("web").map(({ pid }) => pid);
    assert.ok((await become("primary", { epoch: 12 })).ok);
    assert.deepEqual(trace().slice(2), ["late primary 12", "primary 12"]);
    await become("standby", { epoch: 13 });
    assert.equal(Deno.readTextFileSync(`${folder}/roles/web`), "standby 13\n");
    assert.deepEqual(manager.status("web").map(({ pid }) => pid), pids);
    assert.deepEqual(manager.output("web", "late"), ["hello"]);
    manager.settled("web", "standby", 13);
    assert.deepEqual(manager.role("web"), { role: "standby", epoch: 13, followers: [] });
  }));

Deno.test("what hangs at stop is killed with its children, and the switch goes on", () =>
  withManager({
    services: `
${
      script(
        "deaf",
        "trap : TERM; (trap : TERM; while :; do sleep 0.05; done) & echo $! > FOLDER/child; while :; do sleep 0.05; done",
      )
    }
run = "primary"
stop_timeout = "100ms"
${obedient("other")}run = "primary"
`,
  }, async ({ become, folder, events, manager, trace }) => {
    await become("primary");
    await until("it has a child, and the other runs", () => existsSync(`${folder}/child`) && trace().length === 1);
    await sleep(20);
    const child = Number(Deno.readTextFileSync(`${folder}/child`));
    const pid = manager.status("web")[0]!.pid!;
    assert.ok(lives(child) && lives(pid));
    const standby = await become("standby");
    assert.equal(standby.ok, true);
    assert.deepEqual(steps(standby), ["other stopped", "deaf killed after 100ms"]);
    await until("both are gone", () => !lives(child) && !lives(pid));
    assert.deepEqual(events, ["alarm serviceKilled web: service deaf did not stop within 100ms and was killed"]);
  }));

Deno.test("readiness: becoming primary waits until the service is healthy, and no longer than it may", () =>
  withManager({
    services: `
${script("slow", "exec sleep 1000")}run = "primary"
health = { exec = ["/usr/bin/test", "-e", "FOLDER/ready"], every = "1s", timeout = "500ms" }
`,
  }, async ({ become, folder, manager }) => {
    const late = await become("primary", { deadlineUs: inUs(150) });
    assert.equal(late.ok, false);
    assert.match(late.reason, /^too late: service slow: not healthy yet: exit code 1/);
    const gone = await become("primary", { deadlineUs: inUs(-1) });
    assert.equal(gone.ok, false);
    const waiting = become("primary", { deadlineUs: inUs(8000) });
    await sleep(100);
    assert.deepEqual(manager.status("web").map(({ state, healthy }) => [state, healthy]), [["starting", false]]);
    Deno.writeTextFileSync(`${folder}/ready`, "");
    assert.deepEqual(steps(await waiting), ["slow ready"]);
    // An order whose time has passed before its turn leaves nothing behind that is in the way of a role.
    const busy = become("primary");
    assert.match((await become("standby", { deadlineUs: inUs(-1) })).reason, /^too late/);
    await busy;
    manager.settled("web", "primary", 99);
    assert.equal(Deno.readTextFileSync(`${folder}/roles/web`), "primary 99\n");
  }));

Deno.test("a service that never gets ready: the reason is there, and speaks against the node", () =>
  withManager({
    services: `
${script("never", "exec sleep 1000")}start_timeout = "150ms"
health = { exec = ["/bin/sh", "-c", "echo no database; exit 3"], every = "50ms", timeout = "50ms" }
`,
  }, async ({ become, eligible }) => {
    const result = await become("primary");
    assert.deepEqual([result.ok, result.reason], [
      false,
      "service never: not healthy within 150ms: exit code 3: no database",
    ]);
    assert.deepEqual(eligible, ["service never: not healthy within 150ms: exit code 3: no database"]);
  }));

Deno.test("on_primary can say no, or nothing in time; on_standby cannot", () =>
  withManager({
    services: `
${obedient("one")}command_timeout = "100ms"
on_primary = [["/bin/sh", "-c", "SAY first; test -e FOLDER/willing"], ["/bin/sh", "-c", "SAY second; sleep $(cat FOLDER/nap)"]]
on_standby = [["/bin/false"], ["SAY", "third"]]
`,
  }, async ({ become, folder, trace, events }) => {
    Deno.writeTextFileSync(`${folder}/nap`, "1000");
    const said = () => trace().filter((line) => line !== "one starts");
    const no = await become("primary");
    assert.equal(no.ok, false);
    assert.match(no.reason, /^service one: on_primary: .*willing: exit code 1$/);
    assert.deepEqual(said(), ["first"]);
    Deno.writeTextFileSync(`${folder}/willing`, "");
    const silent = await become("primary");
    assert.match(silent.reason, /no answer within 100 ms$/);
    assert.deepEqual(said(), ["first", "first", "second"]);
    const standby = await become("standby");
    assert.deepEqual([standby.ok, steps(standby)], [true, ["one refused"]]);
    assert.equal(said().at(-1), "third");
    assert.deepEqual(events, ["alarm commandFailed web: service one: on_standby: /bin/false: exit code 1"]);
    Deno.writeTextFileSync(`${folder}/nap`, "0");
    assert.equal((await become("primary")).ok, true);
  }));

Deno.test("a newer order supersedes the older one at once, and is carried out", () =>
  withManager({
    services: `
${obedient("ready")}run = "primary"
${script("slow", "exec sleep 1000")}run = "primary"
health = { exec = ["/bin/false"], every = "50ms", timeout = "50ms" }
`,
  }, async ({ become, manager, trace }) => {
    const primary = become("primary");
    await until("the first one runs", () => trace().length === 1);
    const [first, second] = await Promise.all([primary, become("standby")]);
    assert.deepEqual([first.ok, first.reason, steps(first)], [false, "superseded", ["ready ready"]]);
    assert.equal(second.ok, true);
    assert.deepEqual(steps(second), ["slow stopped", "ready stopped"]);
    assert.deepEqual(manager.status("web").map(({ state }) => state), ["stopped", "stopped"]);
    const many = await Promise.all((["primary", "standby", "primary", "standby"] as const).map((role) => become(role)));
    assert.deepEqual(many.map(({ ok, reason }) => ok || reason), ["superseded", "superseded", "superseded", true]);
    assert.deepEqual(manager.status("web").map(({ state }) => state), ["stopped", "stopped"]);
  }));

Deno.test("the end: in reverse, all of them, whatever the role is", () =>
  withManager({ services: `${obedient("one")}${obedient("two")}after = ["one"]\n` }, async ({ manager, trace }) => {
    await until("both run", () => trace().length === 2);
    const pids = manager.status("web").map(({ pid }) => pid!);
    await manager.stop();
    assert.deepEqual(trace().slice(2), ["two ends", "one ends"]);
    assert.deepEqual(pids.map(lives), [false, false]);
  }));

Deno.test("whatever is ordered while services crash: the last order is what holds in the end", () =>
  withManager({
    services: `
${obedient("one")}restart_delay = "1ms"
restart_limit = 1000
on_primary = [["SAY", "primary"]]
on_standby = [["SAY", "standby"]]
${obedient("two")}run = "primary"
after = ["one"]
restart_delay = "1ms"
restart_limit = 1000
`,
  }, async ({ become, manager, trace }) => {
    // The same history each time: a linear congruential generator (Numerical Recipes).
    let seed = 7;
    const random = (below: number) => (seed = (seed * 1664525 + 1013904223) >>> 0) % below;
    const results: Promise<BecomeResult>[] = [];
    for (let i = 0; i < 60; i++) {
      results.push(become(random(2) === 0 ? "primary" : "standby", { epoch: i }));
      if (random(3) === 0) await sleep(random(20));
      const { pid } = manager.status("web")[random(2)]!;
      if (pid !== undefined && random(3) === 0) killQuietly(pid);
    }
    for (const role of ["primary", "standby", "primary"] as const) {
      assert.deepEqual(await become(role).then(({ ok, reason }) => [ok, reason]), [true, ""]);
      const running = () => manager.status("web").map(({ state }) => state === "running").join();
      await until("services are as the role wants", () =>
        running() === (role === "primary" ? "true,true" : "true,false"));
      assert.equal(
        trace().filter((line) =>
          line === "primary" || line === "standby"
        ).at(-1),
        role,
      );
    }
    for (const { ok, reason } of await Promise.all(results)) assert.ok(ok || reason === "superseded", reason);
  }));

function killQuietly(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
