/** Services, state and details of a real pair on the screen, and daemons that are slow, gone or of no use. */
import assert from "node:assert/strict";
import { ApiClient } from "../../control/api/client.ts";
import type { StatusJson } from "../../control/api/json.ts";
import { writeState } from "../../control/api/state_calls.ts";
import { sleep } from "../../control/lab/command.ts";
import { segueCommand } from "../../control/lab/process.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { other, withPair } from "../pair/pair.ts";
import { receiptOnScreen, unspaced } from "./receipts.ts";
import { Tmux } from "./tmux.ts";

const SERVICES = `
[group.state]
max = "1MiB"
[[group.service]]
name = "front"
exec = ["/bin/sh", "-c", "i=0; while :; do i=$((i + 1)); echo line $i of $SEGUE_NODE; sleep 0.3; done"]
health = { exec = ["/bin/true"], every = "1s", timeout = "1s" }
[[group.service]]
name = "mailer"
exec = ["/bin/sh", "-c", "echo hello from $SEGUE_NODE; exec sleep 1000"]
run = "primary"
`;

function open(tmux: Tmux, ...runDirs: string[]): void {
  tmux.run(...segueCommand("console", ...runDirs.flatMap((dir) => ["--run-dir", dir])));
}

async function statusOf(world: World, node: NodeName): Promise<StatusJson> {
  return await world.status(node) as unknown as StatusJson;
}

async function put(world: World, node: NodeName, key: string): Promise<void> {
  const client = new ApiClient(`${world.runDir(node)}/segue.sock`);
  await writeState(client, "web", key, "value").finally(() => client.close());
}

Deno.test("services, their output and the group's state; a path's page; a switch's page with its steps and why", () =>
  withPair(async (world, primary, standby) => {
    using tmux = new Tmux({ columns: 100, rows: 40 });
    open(tmux, world.runDir("a"), world.runDir("b"));
    await tmux.until(new RegExp(`✔ all is well · ${primary} serves web`));
    const both = primary === "a" ? ["running", "stopped"] : ["stopped", "running"];
    await tmux.until(/ {4}front +a running ✔ +b running ✔/);
    await tmux.until(new RegExp(` {4}mailer +a ${both[0]}[ ✔]+b ${both[1]}`));
    for (const key of ["x", "y", "z"]) await put(world, primary, key);
    const { state } = (await statusOf(world, primary)).groups[0]!;
    assert.equal(state.lsn, 3);
    await tmux.until(/web +on . .*· LSN 3 · held/);

    // A service's output: of where it serves, growing; then the other node's.
    tmux.type("j");
    tmux.key("Enter");
    await tmux.until(new RegExp(`OUTPUT on ${primary}, which serves[^]*line \\d+ of ${primary}`));
    const pid = (await statusOf(world, primary)).groups[0]!.services[0]!.pid;
    const [first] = lastLine(await tmux.until(new RegExp(`${primary} +running, healthy +pid ${pid}`)));
    await tmux.until((screen) => lastLine(screen.split("\n"))[0]! > first!);
    assert.doesNotMatch(tmux.screen().join("\n"), new RegExp(`line \\d+ of ${standby}`));
    tmux.key("Tab");
    await tmux.until(new RegExp(`OUTPUT on ${standby} ─[^]*line \\d+ of ${standby}`));
    tmux.key("Escape");

    // A path, as its daemon measures it.
    tmux.type("g");
    tmux.key("Tab", "Enter");
    const page = await tmux.until(/─ PATH [^]*round trip[^]*loss[^]*[▁▂▃▄▅▆▇█]{2}[^]*a minute ago +now/);
    const path = (await statusOf(world, "a")).paths.find(({ kind }) => kind === "frame")!;
    assert.ok(page.some((line) => line.includes(`${path.local} to ${path.remote}`)), page.join("\n"));
    assert.ok(page.some((line) => /^ {2}last minute least .*, median .*, most /.test(line)), page.join("\n"));
    tmux.key("Escape");

    // The switch: both nodes' receipts and what each can say of it.
    await world.powerOff(primary);
    await world.until(async () => await world.role(standby) === "primary", 5000, "the takeover");
    await tmux.until(new RegExp(`web: failover on ${standby} done`));
    tmux.type("/failover on");
    tmux.key("Enter");
    // No filter hides an alarm.
    await tmux.until(new RegExp(`✖ LOST +${primary}[^]*only “failover on”`));
    tmux.type("G");
    tmux.key("Enter");
    await tmux.until(new RegExp(`SWITCH, as ${standby} saw it[^]*why {2}power-off`));
    const { steps } = await receiptOnScreen(world, tmux.screen(), "failover");
    const screen = unspaced(tmux.screen());
    for (const { at_us: at } of steps) assert.ok(screen.includes(`+${Math.round(at)} µs`), screen);
    assert.match(screen, new RegExp(`${standby} heard nothing from ${primary} for [\\d.]+ ms`));
    assert.equal(other(standby), primary);
  }, { group: SERVICES }));

/** The number of the newest line of a service's output that is on the screen. */
function lastLine(lines: readonly string[]): number[] {
  return lines.flatMap((line) => /^ {2}line (\d+) of/.exec(line)?.[1] ?? []).map(Number).slice(-1);
}

Deno.test("nobody answers: time goes on, what was is said to have been; and all is well when they are back", () =>
  withPair(async (world, primary, standby) => {
    using tmux = new Tmux();
    open(tmux, world.runDir("a"), world.runDir("b"));
    await tmux.until(new RegExp(`✔ all is well · ${primary} serves web`));
    for (const node of [primary, standby]) world.daemon(node).signal("SIGKILL");
    await tmux.until(/✖ 2 ALARMS · no daemon answers/);
    await tmux.until(/web ○ was (primary|standby), epoch \d+ +│ web ○ was (primary|standby), epoch \d+/);
    for (const seconds of [1, 3]) await tmux.until(new RegExp(`a no daemon for ${seconds} s +│ b no daemon for \\d s`));
    for (const node of [primary, standby]) world.start(node);
    await world.settled();
    await tmux.until(/✔ all is well/);
  }));

Deno.test("a folder without a daemon, one whose daemon is of something else, and one that answers slowly: none holds the others up", () =>
  withPair(async (world, primary) => {
    const folder = (name: string) => {
      Deno.mkdirSync(`${world.folder}/${name}`);
      return `${world.folder}/${name}`;
    };
    const empty = folder("empty"), strange = folder("strange"), slow = folder("slow");
    const real = await world.status(primary);
    const answer = (dir: string, handler: () => Response | Promise<Response>) =>
      Deno.serve({ path: `${dir}/segue.sock`, onListen: () => {} }, handler);
    await using _strange = answer(strange, () => Response.json({ hello: "world" }));
    await using _slow = answer(slow, async () => {
      await sleep(1200);
      return Response.json({ ...real, pair: "far", paths: [], alarms: [] });
    });
    using tmux = new Tmux({ columns: 110, rows: 40 });
    open(tmux, world.runDir(primary), empty, strange, slow);
    await tmux.until(/does +not exist, trying again/);
    await tmux.until(/its answer cannot be read: is it a segue of another version\?/);
    await tmux.until(new RegExp(`lab/${primary} serves web · far/${primary} serves web`));
    // A key is answered while an answer of the slow one is waited for.
    for (let i = 0; i < 5; i++) {
      tmux.type("?");
      await tmux.until(/─ HELP ─/, 1000);
      tmux.key("Escape");
      await tmux.until(/TIMELINE/, 1000);
    }
  }));
