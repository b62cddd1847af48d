/** `segue lab` as people and programs meet it: what it says, what it exits with, and that nothing stays behind. */
import assert from "node:assert/strict";
import { sleep } from "../../control/lab/command.ts";
import { segueCommand } from "../../control/lab/process.ts";

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function startLab(...args: string[]): Deno.ChildProcess {
  const [command, ...rest] = segueCommand("lab", ...args);
  return new Deno.Command(command!, { args: rest, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
}

async function ended(child: Deno.ChildProcess): Promise<Ran> {
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** Namespaces of one run of the lab: its process id is in their names. */
function namespacesOf(pid: number): string[] {
  return [...Deno.readDirSync("/run/netns")].map(({ name }) => name).filter((name) => name.startsWith(`seglab${pid}`));
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 50) {
    assert.ok(waitedMs < 10_000, `waited in vain for ${what}`);
    await sleep(50);
  }
}

Deno.test("one scenario, for programs: one JSON object, every promise kept, nothing left behind", async () => {
  const child = startLab("planned", "--json");
  const { code, stdout, stderr } = await ended(child);
  assert.equal(code, 0, stdout + stderr);
  const report = JSON.parse(stdout);
  assert.equal(report.ok, true);
  assert.equal(report.logs, null);
  const [planned] = report.scenarios;
  assert.equal(planned.name, "planned");
  assert.deepEqual(planned.problems, []);
  assert.equal(planned.client.lost + planned.client.reordered + planned.client.duplicates, 0);
  assert.equal(planned.client_ipv6.lost, 0);
  assert.equal(planned.ownership.order, `${planned.primary} ${planned.standby}`);
  assert.equal(planned.receipt.kind, "switchover");
  assert.ok(planned.client.timeline.max_us.length > 500, "a timeline to draw");
  assert.deepEqual(namespacesOf(child.pid), []);
});

Deno.test("one scenario, for people: a chart, a verdict, the table", async () => {
  const { code, stdout, stderr } = await ended(startLab("kill"));
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /^daemon killed \(kill\)/m);
  assert.match(stdout, /│[ ▁▂▃▄▅▆▇█×]{64}$/m);
  assert.match(stdout, /✓ as promised/);
  assert.match(stdout, /never both/);
  assert.match(stdout, /│ keepalived .*measured earlier/);
  // Not a terminal: no line that changes, no colours.
  assert.ok(!stdout.includes("\x1b") && !stdout.includes("\r"));
});

Deno.test("an unknown scenario: the list of those that there are, exit 2", async () => {
  const { code, stdout, stderr } = await ended(startLab("earthquake"));
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /no scenario earthquake/);
  for (const name of ["planned", "power-off", "kill", "hang", "cable"]) {
    assert.match(stderr, new RegExp(`^  ${name}\\b`, "m"));
  }
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`${signal} in the middle: exit ${code}, nothing left behind`, async () => {
    const child = startLab("power-off");
    await until(() => namespacesOf(child.pid).length === 4, "namespaces");
    await sleep(1000);
    child.kill(signal);
    assert.equal((await ended(child)).code, code);
    assert.deepEqual(namespacesOf(child.pid), []);
  });
}

Deno.test("kill -9 of the lab: its namespaces, its folder and whoever lived in them are gone all the same", async () => {
  const child = startLab("hang");
  await until(() => namespacesOf(child.pid).length === 4, "namespaces");
  await sleep(1500);
  const [name] = namespacesOf(child.pid);
  const { stdout } = await new Deno.Command("ip", { args: ["netns", "pids", name!] }).output();
  const pids = new TextDecoder().decode(stdout).trim().split("\n").filter((pid) => pid !== "");
  child.kill("SIGKILL");
  await ended(child);
  await until(() => namespacesOf(child.pid).length === 0, "the namespaces to go");
  for (const pid of pids) {
    await until(() => {
      try {
        // A process that has ended and was not yet collected has no root any more.
        Deno.readLinkSync(`/proc/${pid}/root`);
        return false;
      } catch {
        return true;
      }
    }, `${pid} to end`);
  }
});
