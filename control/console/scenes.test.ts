/** Scenes that a pair rarely plays: nobody answers, several pairs, many groups, long names, narrow windows. */
import assert from "node:assert/strict";
import type { StatusJson } from "../api/json.ts";
import { rowText } from "./row.ts";
import { eventEntry, NOW_MS, Player, receiptOf, statusOfA, statusOfB, switchEntry } from "./sample.ts";
import { screenOf } from "./screen.ts";

function picture({ state }: Player): string[] {
  return screenOf(state).rows.map((row) => rowText(row).trimEnd());
}

function lose(player: Player, daemon: number, nowMs: number): Player {
  return player.take({ kind: "lost", daemon, reason: "no daemon: nobody listens on /run/x/segue.sock", nowMs });
}

Deno.test("nobody answers: time goes on, what was is told as that, and nothing is claimed to be", () => {
  const player = Player.both(100, 24);
  for (const second of [1, 2, 3]) for (const daemon of [0, 1]) lose(player, daemon, NOW_MS + second * 1000);
  const lines = picture(player);
  assert.match(
    lines[0]!,
    /^ segue ✖ 2 ALARMS · no daemon answers · last: failover to a in 6.40 ms, 8881 d 1 h ago +03:04:13Z$/,
  );
  assert.ok(lines.some((line) => /^ {2}a no daemon for 2 s +│ b no daemon for 2 s$/.test(line)), lines.join("\n"));
  assert.ok(
    lines.some((line) => /^ {2}web ○ was primary, epoch 12 +│ web ○ was standby, epoch 12$/.test(line)),
    lines.join("\n"),
  );
  assert.equal(lines.filter((line) => line === "  not known: no daemon answers").length, 3);
  player.hear(1, statusOfB(), NOW_MS + 4000);
  assert.ok(picture(player).some((line) => line.startsWith("  a no daemon for 3 s ")), picture(player).join("\n"));
});

Deno.test("long alarms go on in a second line where there is room; no filter hides one", () => {
  const player = lose(Player.both(60, 24), 0, NOW_MS);
  const alarms = () => picture(player).filter((line) => /LOST|segue.sock/.test(line));
  assert.deepEqual(alarms(), [
    "  ✖ LOST    a: no daemon: nobody listens on",
    "            /run/x/segue.sock, trying again",
  ]);
  player.press("/nothing that is there");
  assert.equal(alarms().length, 2);
  assert.ok(picture(player).includes("  no group with “nothing that is the…”"), picture(player).join("\n"));
  const low = lose(Player.both(60, 10), 0, NOW_MS);
  assert.ok(
    picture(low).some((line) => /LOST +a: no daemon: nobody listens on .*…$/.test(line)),
    picture(low).join("\n"),
  );
});

Deno.test("daemons of two pairs: nodes of a pair side by side, and names tell which pair is meant", () => {
  const west = (status: StatusJson): StatusJson => ({ ...status, pair: "west" });
  const player = new Player(100, 30, ["/run/1", "/run/2", "/run/3"])
    .hear(0, statusOfA()).hear(1, west(statusOfA())).hear(2, statusOfB());
  const lines = picture(player);
  assert.match(lines[0]!, /✔ all is well · edge\/a serves web · west\/a serves web/);
  assert.ok(lines.some((line) => /^ {2}edge\/a up .*│ edge\/b up /.test(line)), lines.join("\n"));
  assert.ok(lines.some((line) => /^ {2}west\/a up .*│ west\/b peer · alive/.test(line)), lines.join("\n"));
  for (const group of ["edge/web", "west/web"]) assert.ok(lines.some((line) => line.includes(`${group}  on a`)), group);
});

/** Ten groups with five services each. */
function many(): StatusJson[] {
  return [statusOfA(), statusOfB()].map((status) => {
    const group = status.groups[0]!, service = group.services[0]!;
    const services = ["db", "cache", "front", "mail-and-more", "x"].map((name) => ({ ...service, name }));
    const groups = Array.from({ length: 10 }, (_, i) => ({ ...group, name: `customers-${i}`, services }));
    return { ...status, groups };
  });
}

Deno.test("ten groups with five services: each can be reached, opened and moved; who is primary and the lease are whole", () => {
  for (const [columns, rows] of [[80, 24], [200, 60], [40, 10]] as const) {
    const player = new Player(columns, rows);
    many().forEach((status, daemon) => player.hear(daemon, status));
    for (let n = 0; n < 600; n++) {
      player.take({ kind: "entry", daemon: n % 2, entry: eventEntry(n, `path is down, ${n}`) });
    }
    const seen = new Set<string>();
    player.press("g");
    for (let n = 0; n < 70; n++) {
      const cursor = picture(player).find((line) => /^▸ |│ ▸ /.test(line));
      assert.ok(cursor !== undefined, picture(player).join("\n"));
      seen.add(cursor);
      player.press("j");
    }
    assert.equal([...seen].filter((line) => /^▸ customers-\d/.test(line)).length, 10, [...seen].join("\n"));
    if (columns > 40) {
      const primaries = picture(player.press("g")).filter((line) =>
        /customers-\d .*● PRIMARY +e\w* ?12 lease 18 ms/.test(line)
      );
      assert.ok(primaries.length > 0, picture(player).join("\n"));
    }
  }
  const player = new Player(80, 24);
  many().forEach((status, daemon) => player.hear(daemon, status));
  player.press("s<tab><tab>");
  assert.deepEqual(player.orders.map((order) => "group" in order && order.group), [
    "customers-0",
    "customers-1",
    "customers-2",
  ]);
});

Deno.test("from 80 columns on role, epoch and lease are whole on both sides", () => {
  for (let columns = 80; columns <= 240; columns++) {
    const line = picture(Player.both(columns, 30)).find((it) => it.includes("● PRIMARY"))!;
    assert.match(line, /web ● PRIMARY +epoch 12 lease 18 ms +│ web ○ standby +epoch 12/, `${columns}: ${line}`);
  }
});

Deno.test("the footer has whole keys only, and keeps help and quit as long as there is room for them", () => {
  for (let columns = 20; columns <= 120; columns++) {
    for (const keys of ["", "?", "s", "m", "<enter>", "/web<enter>"]) {
      const last = picture(Player.both(columns, 20).press(keys)).at(-1)!;
      assert.ok(!last.endsWith("…"), `${columns}: ${last}`);
      if (columns >= 40 && (keys === "" || keys.startsWith("/"))) assert.match(last, /\? help {2}q quit$/);
    }
  }
});

Deno.test("the help fits a small terminal as a whole", () => {
  const lines = picture(Player.both(80, 24).press("?"));
  assert.ok(lines.includes("  Times of day are UTC, as in the journal."), lines.join("\n"));
});

Deno.test("a switch tells why it came, from what the same daemon has told around it", () => {
  const player = Player.both(100, 50);
  player.take({ kind: "entry", daemon: 1, entry: switchEntry(7) });
  player.press("G<enter>");
  const page = picture(player).join("\n");
  assert.match(page, /SWITCH, as b saw it[^]*\+1 200 µs[^]*packets +held 4[^]*why {2}\w+[^]*This node cannot know/);
});

Deno.test("a path that comes and goes is a warning, and what moved last is known after any number of events", () => {
  const flapping = statusOfB().paths.map((path, i) => i === 0 ? { ...path, loss: 0.45 } : path);
  const moved = { ...statusOfB().groups[0]!, last_switch: receiptOf() };
  const player = new Player(100, 24).hear(0, statusOfA()).hear(1, { ...statusOfB(), paths: flapping, groups: [moved] });
  for (let n = 0; n < 2000; n++) player.take({ kind: "entry", daemon: 1, entry: eventEntry(n, "no carrier on veth1") });
  const lines = picture(player);
  assert.match(lines[0]!, /▲ 1 warning · a serves web · last: failover to b in 6.40 ms, just now/);
  assert.match(lines[2]!, /^ {2}▲ path {4}10\.78\.0\.1 – 10\.78\.0\.2 loses 45 % of the heartbeats$/);
});
