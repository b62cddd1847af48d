/**
 * Units of systemd. systemd does not run where these tests run, so its one external program, systemctl, is a script here that notes
 * how it was called and keeps a state in a file. Everything on this side of the program is real.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fillIn, groupOf, type Running, steps, until, withManager } from "./harness.ts";

const SYSTEMCTL = `#!/bin/sh
# FOLDER/unit holds the unit's state; FOLDER/refuse makes start fail, FOLDER/hang makes stop hang.
unit=FOLDER/unit
case "$1" in
is-active) cat $unit; grep -q '^active' $unit; exit ;;
start) echo "start $2" >> FOLDER/calls
  test -e FOLDER/refuse && { echo "Unit $2 not found." >&2; exit 5; }
  echo active > $unit ;;
stop) echo "stop $2" >> FOLDER/calls
  test -e FOLDER/hang && exec sleep 1000
  echo inactive > $unit ;;
kill) echo "kill $2 $3" >> FOLDER/calls; echo failed > $unit ;;
*) exit 1 ;;
esac
`;

const folder = Deno.makeTempDirSync({ prefix: "segue-systemctl-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

function withUnit(keys: string, first: string, body: (running: Running, calls: () => string[]) => Promise<void>) {
  for (const entry of Deno.readDirSync(folder)) Deno.removeSync(`${folder}/${entry.name}`);
  Deno.writeTextFileSync(`${folder}/systemctl`, SYSTEMCTL.replaceAll("FOLDER", folder), { mode: 0o755 });
  Deno.chmodSync(`${folder}/systemctl`, 0o755);
  set(first);
  const services = `[[group.service]]\nname = "mail"\nsystemd = "mail.service"\nrestart_delay = "10ms"\n${keys}`;
  const calls = () => existsSync(`${folder}/calls`) ? Deno.readTextFileSync(`${folder}/calls`).trim().split("\n") : [];
  const parts = { systemctl: `${folder}/systemctl`, unitLookUs: 20_000 };
  return withManager({ services, parts }, (running) => body(running, calls));
}

function set(state: string): void {
  Deno.writeTextFileSync(`${folder}/unit`, state + "\n");
}

Deno.test("run = primary: started when the role comes, stopped when it goes, also where it was left running", () =>
  withUnit('run = "primary"\n', "active", async ({ become, manager }, calls) => {
    assert.equal((await become("standby")).ok, true);
    assert.deepEqual(calls(), ["stop mail.service"]);
    assert.deepEqual(steps(await become("primary")), ["mail ready"]);
    assert.deepEqual(calls().slice(1), ["start mail.service"]);
    assert.equal(manager.status("web")[0]!.state, "running");
    assert.deepEqual(steps(await become("standby")), ["mail stopped"]);
    assert.deepEqual(calls().slice(2), ["stop mail.service"]);
  }));

Deno.test("run = always: a unit that is active is left alone, and outlives the daemon", () =>
  withUnit("", "active", async ({ manager }, calls) => {
    await until("it is seen", () => manager.status("web")[0]!.healthy === true);
    await manager.reload([
      groupOf(fillIn('[[group.service]]\nname = "mail"\nsystemd = "mail.service"\nrestart_delay = "10ms"\n', folder)),
    ]);
    await manager.stop();
    assert.deepEqual(calls(), []);
  }));

Deno.test("a unit that ends is started again; one that restarts by itself is let be", () =>
  withUnit("", "active", async ({ manager, events }, calls) => {
    await until("it is seen", () => manager.status("web")[0]!.healthy === true);
    set("activating");
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(calls(), []);
    set("failed");
    await until("it is started", () => calls().length === 1);
    await until("it is seen again", () => manager.status("web")[0]!.healthy === true);
    assert.deepEqual(events, [
      "notice serviceRestarts web: service mail: systemd says that mail.service is failed; started again in 10ms",
    ]);
  }));

Deno.test("what systemd says when it cannot start a unit is the reason", () =>
  withUnit('run = "primary"\nrestart_limit = 1\n', "inactive", async ({ become }) => {
    Deno.writeTextFileSync(`${folder}/refuse`, "");
    const { ok, reason } = await become("primary");
    assert.equal(ok, false);
    assert.match(reason, /systemctl start mail\.service: exit code 5: Unit mail\.service not found\.$/);
  }));

Deno.test("a unit that hangs at stop is killed, and the switch goes on", () =>
  withUnit('run = "primary"\nstop_timeout = "100ms"\n', "inactive", async ({ become }, calls) => {
    await become("primary");
    Deno.writeTextFileSync(`${folder}/hang`, "");
    const result = await become("standby");
    assert.deepEqual([result.ok, steps(result)], [true, ["mail killed after 100ms"]]);
    assert.deepEqual(calls(), ["start mail.service", "stop mail.service", "kill --signal=SIGKILL mail.service"]);
  }));

Deno.test("no systemctl: a failure that says so", () =>
  withManager({
    services: `[[group.service]]\nname = "mail"\nsystemd = "mail.service"\nrun = "primary"\nrestart_limit = 1\n`,
    parts: { systemctl: "/none/systemctl" },
  }, async ({ become }) => {
    assert.match((await become("primary")).reason, /systemctl start mail\.service: .*\/none\/systemctl/);
  }));
