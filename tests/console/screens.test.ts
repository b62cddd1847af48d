/** The console on real terminals while a real pair fails over and is moved: what it shows is what the API says. */
import assert from "node:assert/strict";
import { durationText } from "../../control/api/units.ts";
import { segueCommand } from "../../control/lab/process.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { other, withPair } from "../pair/pair.ts";
import { receiptOnScreen, unspaced } from "./receipts.ts";
import { Tmux } from "./tmux.ts";

function consoleCommand(world: World, ...nodes: NodeName[]): string[] {
  return segueCommand("console", ...nodes.flatMap((name) => ["--run-dir", world.runDir(name)]));
}

type Status = NonNullable<Awaited<ReturnType<World["status"]>>>;

/** Role, epoch and addresses in the line of a node; every alarm; the head line. */
async function assertShows(tmux: Tmux, world: World, names: readonly NodeName[]): Promise<void> {
  // The screen may be a poll older than the answer: it must come to say the same.
  const statuses: Status[] = [];
  for (const name of names) statuses.push((await world.status(name))!);
  const wanted = statuses.flatMap((status) => {
    const { role, epoch } = status.groups[0]!;
    const shown = role === "primary" ? "● PRIMARY" : `○ ${role}`;
    return [
      new RegExp(`web ${shown} +epoch ${epoch}\\b`),
      ...status.alarms.map(({ text }) => new RegExp(literal(text.slice(0, 40)))),
    ];
  });
  const primary = statuses.find(({ groups }) => groups[0]!.role === "primary")!.node;
  await tmux.until((screen) => wanted.every((it) => it.test(screen)) && screen.includes(`${primary} serves web`));
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function assertWithin(lines: readonly string[], columns: number, rows: number): void {
  assert.equal(lines.length, rows, lines.join("\n"));
  for (const line of lines) assert.ok([...line].length <= columns, line);
}

Deno.test("80×24 and 200×60, while the pair fails over and is moved back", () =>
  withPair(async (world, primary, standby) => {
    using small = new Tmux();
    using large = new Tmux({ columns: 200, rows: 60 });
    const both = [small, large];
    for (const tmux of both) tmux.run(...consoleCommand(world, "a", "b"));
    for (const tmux of both) {
      await tmux.until(/✔ all is well/);
      await assertShows(tmux, world, ["a", "b"]);
    }
    assertWithin(small.screen(), 80, 24);
    assertWithin(large.screen(), 200, 60);

    await world.powerOff(primary);
    await world.until(async () => await world.role(standby) === "primary", 5000, "the takeover");
    for (const tmux of both) {
      const lines = await tmux.until(
        new RegExp(`✖ \\d ALARM.* · ${standby} serves web · last: failover to ${standby}`),
      );
      assert.match(lines[1]!, /^─ ALARMS ─/);
      assert.match(lines[2]!, new RegExp(`✖ LOST +${primary}: no daemon`));
      await assertShows(tmux, world, [standby]);
      await tmux.until(new RegExp(`web: failover on ${standby} done in [\\d.]+ ms, epoch \\d+ → \\d+`));
      await tmux.until(new RegExp(`${standby} says: ${primary} is silent`));
    }
    assertWithin(small.screen(), 80, 24);

    await world.powerOn(primary);
    await world.settled();
    for (const tmux of both) {
      await tmux.until(/✔ all is well/);
      await assertShows(tmux, world, ["a", "b"]);
    }
    await movedByKeys(small, world, standby);
    for (const tmux of both) await assertShows(tmux, world, ["a", "b"]);
  }));

/** s: the rehearsal on the screen is the daemon's; y: so is the receipt, with what the rehearsal had said. */
async function movedByKeys(tmux: Tmux, world: World, from: NodeName): Promise<void> {
  const to = other(from);
  tmux.type("s");
  const plan = await tmux.until(new RegExp(`Move web from ${from} to ${to}\\?`));
  tmux.type("y");
  await tmux.until(/packets +.*dropped 0/);
  const { epoch, steps, duration_us: took, ...receipt } = await receiptOnScreen(world, tmux.screen(), "switchover");
  const screen = unspaced(tmux.screen());
  assert.ok(screen.includes(`→ ${epoch}`), screen);
  for (const { step, at_us } of steps) {
    assert.match(screen, new RegExp(`\\+${Math.round(at_us)} µs .*${literal(step.slice(0, 10))}`));
  }
  // The daemon keeps what it has said in a rehearsal with the switch that follows.
  const { predicted_us: whole, predicted_gap_us: gap } = receipt;
  assert.ok(whole !== undefined && gap !== undefined);
  assert.ok(
    plan.some((line) =>
      line.includes(`client would wait ${durationText(gap)}, the switch takes ${durationText(whole)}`)
    ),
    plan.join("\n"),
  );
  assert.match(unspaced(plan), new RegExp(`\\+${whole} µs [^\n]*\n\n`), "the chart ends where the switch does");
  assert.ok(
    screen.includes(
      `expected    ${durationText(whole)} (clients wait ${durationText(gap)}), took ${durationText(took)}`,
    ),
  );
  tmux.key("Escape");
  await tmux.until(/TIMELINE/);
}

Deno.test("resized at will, keys in bursts, a daemon that is killed and comes back", () =>
  withPair(async (world, primary, standby) => {
    using tmux = new Tmux();
    tmux.run(...consoleCommand(world, "a", "b"));
    await tmux.until(/✔ all is well/);
    for (const [columns, rows] of [[132, 43], [40, 10], [20, 4], [80, 24]] as const) {
      tmux.resize(columns, rows);
      // Nothing of the former picture may be left: the last line is the footer, whole or cut.
      await tmux.until((screen) => screen.startsWith(" segue ✔") && / (↑↓ move .*)?\? help {2}q quit$/.test(screen));
      assertWithin(tmux.screen(), columns, rows);
    }
    // One burst: three down, one up, details, back, help.
    tmux.type("jjjk\r\x1b");
    tmux.type("?");
    await tmux.until(/─ HELP ─[^]*Times of day are UTC/);
    tmux.key("Escape");
    tmux.type("/failover-that-never-was\r");
    await tmux.until(/only “failover-that-never…”/);
    tmux.key("Escape");
    await tmux.until(/● PRIMARY/);

    world.daemon(standby).signal("SIGKILL");
    await tmux.until(
      new RegExp(`✖ 1 ALARM · ${primary} serves web[^]*LOST +${standby}: no daemon: nobody listens.*trying|…`),
    );
    world.start(standby);
    await world.settled();
    await tmux.until(/✔ all is well/);
    await assertShows(tmux, world, ["a", "b"]);

    // Stopped, it takes a connection and never answers.
    world.daemon(standby).signal("SIGSTOP");
    await tmux.until(new RegExp(`LOST +${standby}: no answer from`));
    world.daemon(standby).signal("SIGCONT");
    await tmux.until(/✔ all is well/);
  }));

Deno.test("one run directory is enough; m asks, and does what is answered", () =>
  withPair(async (world, primary, standby) => {
    using tmux = new Tmux();
    tmux.run(...consoleCommand(world, primary));
    await tmux.until(new RegExp(`${standby} peer · alive`));
    tmux.type("m");
    await tmux.until(new RegExp(`▸ ${primary} +at work[^]*Put ${primary} into maintenance\\?`));
    tmux.type("n");
    await tmux.until(/TIMELINE/);
    tmux.type("my");
    await tmux.until(new RegExp(`${primary} is in maintenance\\.`));
    assert.equal((await world.status(primary))!.alarms[0]?.kind, "maintenance");
    tmux.key("Escape");
    await tmux.until(new RegExp(`▲ 1 warning · ${primary} serves web[^]*▲ note +${primary}: maintenance since`));
    tmux.type("my");
    await tmux.until(new RegExp(`${primary} is at work again\\.`));
    tmux.key("Escape");
    await tmux.until(/✔ all is well/);
  }));
