import assert from "node:assert/strict";
import fc from "fast-check";
import type { Mode } from "./state.ts";
import { rowText, textWidth } from "./row.ts";
import { eventEntry, NOW_MS, Player, receiptOf, statusOfA, statusOfB, switchEntry } from "./sample.ts";
import { shareRows } from "./dashboard.ts";
import { screenOf } from "./screen.ts";

function picture(player: Player): string[] {
  return screenOf(player.state).rows.map((row) => rowText(row).trimEnd());
}

function busy(columns: number, rows: number): Player {
  const player = Player.both(columns, rows);
  player.take({ kind: "entry", daemon: 1, entry: switchEntry(7) });
  for (let n = 0; n < 40; n++) player.take({ kind: "entry", daemon: 0, entry: eventEntry(n, `event ${n}`) });
  return player;
}

Deno.test("all is well: who serves, the pair as two columns, paths, groups", () =>
  assert.deepEqual(picture(Player.both(80, 16)), [
    " segue ✔ all is well · a serves web · last: failover to a, 8881 d 1 h ago",
    `─ PAIR ${"─".repeat(73)}`,
    "  a up 3 h 12 min · segue 0.1.0         │ b up 3 h 12 min · segue 0.1.0",
    "  web ● PRIMARY  epoch 12 lease 18 ms   │ web ○ standby  epoch 12",
    `─ PATHS  round trip, loss, the last minute ${"─".repeat(37)}`,
    "  ● 10.78.0.1 – 10.78.0.2  a 120 µs  0 %    b 101 µs  0 %                      ▁",
    "  ● frames on veth0        a 98 µs   0 %    b 101 µs  0 %                      ▁",
    `─ GROUPS ${"─".repeat(71)}`,
    "▸ web  on a  10.77.0.100 fd00:77::100 · held 0 of 55 · dropped 1 · conns 12",
    "    echo  a running ✔  b running ✔",
    `─ TIMELINE ${"─".repeat(69)}`,
    "  nothing has happened yet",
    "",
    "",
    "",
    " ↑↓ move  ⏎ details  s switchover  m maintenance  / filter  ? help  q quit",
  ]));

Deno.test("after a failover: alarms first, then who serves, and what happened last", () => {
  const player = Player.both(80, 24);
  player.take({ kind: "lost", daemon: 0, reason: "no daemon: /run/a/segue.sock does not exist", nowMs: NOW_MS });
  const group = { ...statusOfB().groups[0]!, role: "primary", epoch: 13, lease: { held: true, left_ms: 40 } } as const;
  const alone = { name: "a", state: "silent", last_heard_ms: 4000, version: "0.1.0" } as const;
  player.hear(1, { ...statusOfB({ peer: alone }), groups: [group] });
  player.take({ kind: "entry", daemon: 1, entry: switchEntry(1) });
  const lines = picture(player);
  assert.equal(lines[0], " segue ✖ 1 ALARM · b serves web · last: failover to b in 6.40 ms, just now");
  assert.match(lines[1]!, /^─ ALARMS ─/);
  assert.match(lines[2]!, /^ {2}✖ LOST {4}a: no daemon: \/run\/a\/segue.sock does not exist, trying again/);
  assert.match(lines[3]!, /^ {2}▲ peer {4}b says: a is silent, heard 4 s ago/);
  assert.match(lines[5]!, /^ {2}a no daemon for 0 s +│ b up 3 h 12 min/);
  assert.match(lines[6]!, /^ {2}web ○ was primary, epoch 12 +│ web ● PRIMARY {2}epoch 13 lease 40 ms$/);
  assert.ok(
    lines.some((line) => /^ {2}03:04:09 {2}web: failover on b done in 6.40 ms, epoch 12 → 13: a silent/.test(line)),
  );
});

Deno.test("nobody, or two, say that they are primary: an alarm, but not for a moment in the middle of a switch", () => {
  const standby = { ...statusOfA().groups[0]!, role: "standby", lease: { held: false, left_ms: null } } as const;
  const none = () => ({ ...statusOfA(), groups: [standby] });
  const vacant = new Player().hear(0, none()).hear(1, statusOfB());
  assert.match(picture(vacant)[0]!, /▲ a switch · web is moving/);
  assert.doesNotMatch(picture(vacant).join("\n"), /ALARM/);
  vacant.hear(0, none(), NOW_MS + 1500);
  assert.match(picture(vacant)[0]!, /✖ 1 ALARM · nobody serves web/);
  const primary = { ...statusOfB().groups[0]!, role: "primary" } as const;
  const two = new Player().hear(0, statusOfA()).hear(1, { ...statusOfB(), groups: [primary] });
  assert.doesNotMatch(picture(two).join("\n"), /ALARM/);
  two.hear(0, statusOfA(), NOW_MS + 1500);
  assert.match(
    picture(two).slice(0, 3).join("\n"),
    /a and b both serve web[^]*web: a and b both say that they are primary/,
  );
  two.hear(1, statusOfB(), NOW_MS + 1600);
  assert.match(picture(two)[0]!, /✔ all is well · a serves web/);
});

Deno.test("one daemon alone tells of its peer what it hears", () => {
  const one = new Player(80, 16, ["/run/segue"]).hear(0, statusOfA());
  assert.match(picture(one)[2]!, /│ b peer · alive · heard just now$/);
  assert.match(picture(one)[3]!, /│ web ○ standby$/);
  assert.match(picture(one)[0]!, /✔ all is well · a serves web/);
});

Deno.test("before the first word, and with no daemon at all", () => {
  const player = new Player(80, 16, ["/run/segue"]);
  assert.match(picture(player)[0]!, /asking …/);
  player.take({ kind: "lost", daemon: 0, reason: "no daemon: /run/segue/segue.sock does not exist", nowMs: NOW_MS });
  assert.match(picture(player)[2]!, /LOST .*no daemon: \/run\/segue\/segue.sock does not exist, trying again/);
  assert.match(picture(player.hear(0, statusOfA()))[0]!, /✔ all is well/);
});

Deno.test("a wide window has the timeline at the side, a tall one the steps of the last move too", () => {
  const lines = picture(busy(200, 60));
  assert.match(lines[1]!, /^─ PAIR ─+ │ ─ TIMELINE ─+$/);
  assert.match(lines[2]!, / │ {3}03:04:09 {2}b {4}web: failover on b/);
  assert.ok(lines.some((line) => /^─ LAST MOVE ─+ │/.test(line)));
  assert.ok(lines.some((line) => /\+1 200 µs .*█.* probe +│/.test(line)), lines.join("\n"));
  assert.doesNotMatch(picture(busy(200, 16)).join("\n"), /LAST MOVE/);
});

const MODES: readonly Mode[] = [
  { kind: "dashboard" },
  { kind: "filter" },
  { kind: "help", offset: 0 },
  { kind: "detail", item: "group:edge/web", offset: 0 },
  { kind: "detail", item: "entry:1/7", offset: 3 },
  { kind: "detail", item: "nodes:edge/a", offset: 0 },
  { kind: "detail", item: "path:edge/frame veth0", offset: 0 },
  { kind: "detail", item: "service:edge/web/echo", offset: 0 },
  {
    kind: "plan",
    plan: { group: "web", pair: "edge", from: "a", to: "b", daemon: 0 },
    stage: { kind: "played", receipt: receiptOf(), shown: 2 },
    offset: 0,
  },
];

Deno.test("any window, any page: as many rows as it has, none wider or narrower; what is cut off says so", () =>
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 240 }),
    fc.integer({ min: 1, max: 70 }),
    fc.constantFrom(...MODES),
    fc.boolean(),
    fc.constantFrom("", "event 3", "web"),
    (columns, rows, mode, embedded, filter) => {
      const player = busy(columns, rows);
      if (embedded) {
        player.take({ kind: "extra", extra: { keys: [{ key: "1", label: "planned move" }], lines: ["client"] } });
      }
      const screen = screenOf({ ...player.state, mode, filter });
      assert.equal(screen.rows.length, rows);
      for (const row of screen.rows) assert.equal(textWidth(rowText(row)), columns, rowText(row));
      assert.equal(screen.top.length + screen.left.length + screen.bottom.length, rows);
    },
  )));

Deno.test("what has no room is counted, and the cursor stays in view", () => {
  const player = busy(80, 24);
  const before = picture(player);
  assert.equal(before.at(-2), "  … 30 more");
  player.press("G");
  const lines = picture(player);
  assert.ok(lines.some((line) => /^▸ 03:04:05 {2}a {4}event 0$/.test(line)), lines.join("\n"));
  player.press("g");
  assert.ok(picture(player)[2]!.startsWith("▸ a up"), picture(player).join("\n"));
});

Deno.test("rows are shared out: each its least from the front, then what it wants", () => {
  assert.deepEqual(shareRows(20, [3, 4, 3, 50], [2, 2, 2, 4]), [3, 4, 3, 10]);
  assert.deepEqual(shareRows(9, [3, 4, 3, 50], [2, 2, 2, 4]), [2, 2, 2, 3]);
  assert.deepEqual(shareRows(0, [3, 4], [2, 2]), [0, 0]);
  assert.deepEqual(shareRows(8, [3, 4, 3, 50], [2, 2, 2, 6], 3), [2, 2, 2, 2]);
  assert.deepEqual(shareRows(5, [3, 4, 3, 50], [2, 2, 2, 6], 3), [2, 1, 0, 2]);
});

Deno.test("a receipt that is older than today shows its day", () => {
  const player = Player.both(80, 24);
  player.take({ kind: "entry", daemon: 0, entry: eventEntry(1, "long ago", "2025-12-24T18:30:00.000Z") });
  assert.ok(picture(player).includes("  24 18:30  long ago"), picture(player).join("\n"));
  assert.equal(NOW_MS, player.state.nowMs);
});
