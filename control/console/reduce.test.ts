import assert from "node:assert/strict";
import { rowText } from "./row.ts";
import { isPlaying } from "./reduce.ts";
import { readRehearsal, withServing } from "./rehearsal.ts";
import { eventEntry, NOW_MS, Player, receiptOf, statusOfA, statusOfB, switchEntry } from "./sample.ts";
import { selectedItem } from "./dashboard.ts";
import { screenOf } from "./screen.ts";
import { TIMELINE_MAX } from "./state.ts";
import { maintenanceOf } from "./troubles.ts";
import { changes } from "./plain.ts";
import { reduce } from "./reduce.ts";

function text(player: Player): string {
  return screenOf(player.state).rows.map((row) => rowText(row).trimEnd()).join("\n");
}

Deno.test("keys move the cursor over everything, a burst as well as single ones", () => {
  const player = Player.both().take({ kind: "entry", daemon: 0, entry: eventEntry(1, "one") });
  assert.equal(selectedItem(player.state), "group:edge/web");
  player.press("jj");
  assert.equal(selectedItem(player.state), "entry:0/1");
  player.press("<down><down>jjj");
  assert.equal(selectedItem(player.state), "entry:0/1");
  player.press("k<up>");
  assert.equal(selectedItem(player.state), "group:edge/web");
  player.press("g");
  assert.equal(selectedItem(player.state), "nodes:edge/a");
  player.press("<tab>");
  assert.match(selectedItem(player.state)!, /^path:edge\/udp/);
  player.press("<backTab><backTab>");
  assert.equal(selectedItem(player.state), "entry:0/1");
});

Deno.test("Enter opens, Esc goes back, to the same place", () => {
  const player = Player.both(100, 40).take({ kind: "entry", daemon: 1, entry: switchEntry(7) });
  player.press("G<enter>");
  assert.match(text(player), /SWITCH[^]*web: failover on b done[^]*\+1 200 µs +█+[^]*packets +held 4/);
  player.press("<escape>");
  assert.deepEqual([player.state.mode.kind, selectedItem(player.state)], ["dashboard", "entry:1/7"]);
  player.press("g<tab><enter>");
  assert.match(text(player), /PATH 10.78.0.1 – 10.78.0.2[^]*round trip +120 µs[^]*a minute ago +now/);
  player.press("<escape>g<enter>");
  assert.match(text(player), /NODES a and b[^]*suspicions +5[^]*journal +ok/);
  player.press("<escape><tab><tab><enter>");
  assert.match(text(player), /GROUP web[^]*lease +held, 18 ms left[^]*fd00:77::100 on veth0, active/);
});

const OUTPUT_OF_A = { kind: "output", daemon: 0, key: "service:edge/web/echo@a", group: "web", service: "echo" };

Deno.test("a service's output: of where it serves, asked for again with each status, the newest at the end; Tab: the other node's", () => {
  const player = Player.both(100, 12);
  player.press("j<enter>");
  assert.deepEqual(player.orders, [OUTPUT_OF_A]);
  assert.match(
    text(player),
    /a {11}running, healthy {2}pid 4711 · 2 restarts[^]*OUTPUT on a, which serves[^]*asking for/,
  );
  const lines = Array.from({ length: 30 }, (_, i) => `line ${i + 1} of a`);
  player.take({ kind: "output", key: OUTPUT_OF_A.key, output: { kind: "lines", lines } });
  assert.match(text(player), /… 25 earlier lines\n {2}line 26 of a\n[^]*line 30 of a\n/);
  player.press("k");
  assert.match(text(player), /… 24 earlier lines\n[^]*line 29 of a\n \S/);
  player.press("g");
  assert.match(text(player), /serves ─+\n {2}line 1 of a\n/);
  player.press("kkkkj");
  assert.match(text(player), /… 2 earlier lines\n {2}line 3 of a\n/, "it does not scroll beyond its ends");
  player.hear(1, statusOfB());
  assert.equal(player.orders.length, 1, "what b says is no reason to ask a");
  player.hear(0, statusOfA());
  assert.deepEqual(player.orders[1], OUTPUT_OF_A);

  player.press("<tab>");
  assert.deepEqual(player.orders[2], { ...OUTPUT_OF_A, daemon: 1, key: "service:edge/web/echo@b" });
  assert.match(text(player), /OUTPUT on b ─[^]*asking for its output/);
  player.take({
    kind: "output",
    key: "service:edge/web/echo@b",
    output: { kind: "none", text: "this daemon does not keep its output" },
  });
  assert.match(text(player), /does not keep its output/);
  assert.doesNotMatch(text(player), /line 30 of a/);
});

Deno.test("of a service that is ill on one node alone, that node's output is shown, and its error", () => {
  const group = statusOfB().groups[0]!;
  const ill = { ...group.services[0]!, state: "failed", healthy: false, last_error: "exit code 3" };
  const player = Player.both(100, 20).hear(1, { ...statusOfB(), groups: [{ ...group, services: [ill] }] });
  assert.match(text(player), /▲ service web: echo on b is failed, not healthy: exit code 3/);
  player.press("g<enter>");
  assert.match(text(player), /b {11}failed, not healthy[^]*exit code 3[^]*OUTPUT on b ─/);
  assert.equal((player.orders.at(-1) as { daemon: number }).daemon, 1);
});

Deno.test("/ filters while it is typed, Enter keeps it, Esc takes it away; q is a letter there", () => {
  const player = Player.both();
  for (const [n, word] of ["quiet", "loud"].entries()) {
    player.take({ kind: "entry", daemon: 0, entry: eventEntry(n, word) });
  }
  player.press("/qui");
  assert.match(text(player), /quiet/);
  assert.doesNotMatch(text(player), /loud/);
  player.press("x<backspace><enter>");
  assert.deepEqual([player.state.filter, player.state.mode.kind, player.orders], ["qui", "dashboard", []]);
  assert.match(text(player), /only “qui” · Esc all[^]*\? help {2}q quit$/);
  player.press("<escape>");
  assert.match(text(player), /loud/);
});

Deno.test("q ends with 0, Ctrl-C with 130 from anywhere", () => {
  assert.deepEqual(Player.both().press("q").orders, [{ kind: "quit", code: 0 }]);
  for (const where of ["", "?", "/", "s", "m", "<enter>"]) {
    const { orders } = Player.both().press(where).take({ kind: "keys", keys: ["interrupt"] });
    assert.deepEqual(orders.at(-1), { kind: "quit", code: 130 }, where);
  }
});

const REHEARSAL = {
  group: "web",
  from: "a",
  to: "b",
  possible: true,
  predicted_gap_us: 2700,
  predicted_us: 3970,
  basis: "the last planned move",
  steps: [{ step: "hold", us: 400 }, { step: "drain", us: 2000 }, { step: "all passed on", us: 3970 }],
  survives: ["datagrams of all clients"],
  does_not: [{ what: "3 TCP connections", why: "the service does not share its state" }],
  not_ready: [],
};

Deno.test("a switchover shows its rehearsal, asks, moves, and plays the receipt step by step", () => {
  const player = Player.both().press("s");
  assert.deepEqual(player.orders, [{ kind: "rehearse", daemon: 1, beside: 0, group: "web" }]);
  player.press("y");
  assert.equal(player.orders.length, 1, "nothing is moved before it has been asked");
  player.take({ kind: "rehearsed", group: "another", rehearsal: null, remark: "" });
  assert.equal(player.state.mode.kind === "plan" && player.state.mode.stage.kind, "asking", "of another group");
  player.take({ kind: "rehearsed", group: "web", rehearsal: readRehearsal(REHEARSAL), remark: "" });
  assert.match(
    text(player),
    /possible: a client would wait 2.70 ms, the switch takes 3.97 ms\n +by the last planned move/,
  );
  // Its last step is the end of the switch, as the receipt's will be.
  assert.match(text(player), /\+400 µs[^]*\+2 000 µs[^]*\+3 970 µs[^\n]*all passed on\n\n/);
  assert.match(text(player), /does not +3 TCP connections: the service does not share its state/);
  assert.match(text(player), /Move web from a to b\? {2}y \/ n/);
  player.press("x<enter>");
  assert.equal(player.orders.length, 1, "only y is yes");
  player.press("yy");
  assert.deepEqual(player.orders.slice(1), [{ kind: "switchover", daemon: 1, group: "web", to: "b" }]);
  player.take({ kind: "switched", receipt: receiptOf({ kind: "switchover" }) });
  const seen = [0, 1, 2, 3].map((n) => {
    if (n > 0) player.take({ kind: "tick", nowMs: NOW_MS + n });
    return (text(player).match(/ µs {2}/g) ?? []).length;
  });
  assert.deepEqual([seen, isPlaying(player.state)], [[0, 1, 2, 3], false]);
  assert.doesNotMatch(text(player), /expected/);
  player.press("<escape>");
  assert.equal(player.state.mode.kind, "dashboard");
});

Deno.test("a move that is not possible now: what is not ready comes first, and it is asked as what it is", () => {
  const not = readRehearsal({ ...REHEARSAL, possible: false, not_ready: ["a is not heard"] });
  const player = Player.both().press("s").take({ kind: "rehearsed", group: "web", rehearsal: not, remark: "" });
  assert.match(
    text(player),
    /if now +not possible\n +not ready +a is not heard\n[^]*Try to move web from a to b all the same\?/,
  );
  assert.doesNotMatch(text(player), /by the last planned move/);
});

Deno.test("n moves nothing; a refusal is shown; an answer that comes after Esc is nothing", () => {
  const player = Player.both().press("s").take({
    kind: "rehearsed",
    group: "web",
    rehearsal: null,
    remark: "this daemon has none",
  });
  assert.match(text(player), /rehearsal +this daemon has none[^]*peer +a is alive[^]*target +b may be primary/);
  player.press("n");
  assert.deepEqual([player.orders.length, player.state.mode.kind], [1, "dashboard"]);
  player.press("s").take({ kind: "rehearsed", group: "web", rehearsal: null, remark: "" }).press("y");
  player.take({ kind: "refused", text: "web is called off" });
  assert.match(text(player), /not moved +web is called off/);
  player.press("<escape>").take({ kind: "switched", receipt: receiptOf() });
  assert.equal(player.state.mode.kind, "dashboard");
});

Deno.test("the receipt says what had been expected, and why it came otherwise; both nodes' words make the rehearsal", () => {
  const player = Player.both().press("s").take({ kind: "rehearsed", group: "web", rehearsal: null, remark: "" }).press(
    "y",
  );
  const missed = {
    predicted_us: 3000,
    predicted_gap_us: 2800,
    prediction_missed: 'it waited for "web ready" (9 ms more)',
  };
  player.take({ kind: "switched", receipt: receiptOf({ kind: "switchover", ...missed }) });
  for (let n = 1; n <= 3; n++) player.take({ kind: "tick", nowMs: NOW_MS + n });
  assert.match(
    text(player),
    /expected +3.00 ms \(clients wait 2.80 ms\), took 6.40 ms, because it waited\n +for "web ready"/,
  );
  const taking = readRehearsal({
    ...REHEARSAL,
    possible: true,
    not_ready: ["x"],
    does_not: [{ what: "TCP", why: "not counted" }],
  })!;
  const serving = readRehearsal({ ...REHEARSAL, possible: false, not_ready: ["x", "y"] })!;
  const both = withServing(taking, serving);
  assert.deepEqual([both.possible, both.notReady, both.doesNot[0]!.what], [false, ["x", "y"], "3 TCP connections"]);
  assert.equal(withServing(taking, null), taking);
});

Deno.test("maintenance: of which node is chosen, asks first, is a note and no alarm, and tells a refusal", () => {
  const player = Player.both().press("m");
  assert.match(text(player), /▸ a +at work\n {2}b +at work[^]*Put a into maintenance\?/);
  player.press("<tab>");
  assert.match(text(player), / {2}a +at work\n▸ b +at work[^]*Put b into maintenance\?/);
  player.press("n").press("m<tab><tab>y");
  assert.deepEqual(player.orders, [{ kind: "maintenance", daemon: 0, on: true }]);
  player.take({ kind: "refused", text: "this daemon has no maintenance mode" });
  assert.match(text(player), /not done +this daemon has no maintenance mode/);
  const alarm = { kind: "maintenance", since: "", text: "maintenance since then: services are not restarted" };
  player.press("<escape>").hear(0, { ...statusOfA(), maintenance: true, alarms: [alarm] });
  assert.match(text(player), /▲ 1 warning[^]*▲ note +a: maintenance since then[^]*PAIR/);
  player.hear(0, { ...statusOfA(), maintenance: true });
  assert.match(text(player), /▲ note +a is in maintenance/);
  assert.match(text(player.press("m")), /▸ a +in maintenance[^]*End the maintenance of a\?/);
  assert.deepEqual([maintenanceOf({ maintenance: { on: false } }), maintenanceOf({})], [false, null]);
});

Deno.test("the timeline is in the order of time, each entry once, and has an end", () => {
  const player = Player.both();
  const at = (second: number) => `2026-01-02T03:04:${String(second).padStart(2, "0")}.000Z`;
  for (const second of [3, 1, 2, 3]) {
    player.take({ kind: "entry", daemon: 0, entry: eventEntry(second, `at ${second}`, at(second)) });
  }
  player.take({ kind: "said", id: "said:0", at: at(2), node: "lab", text: "power off: a" });
  assert.deepEqual(player.state.timeline.map(({ id }) => id), ["entry:0/3", "said:0", "entry:0/2", "entry:0/1"]);
  for (let n = 10; n < 10 + 2 * TIMELINE_MAX; n++) {
    player.take({ kind: "entry", daemon: 0, entry: eventEntry(n, "x", at(9)) });
  }
  assert.equal(player.state.timeline.length, TIMELINE_MAX);
});

Deno.test("keys of who embeds it go there, and are shown with what they do", () => {
  const player = Player.both();
  player.take({
    kind: "extra",
    extra: { keys: [{ key: "2", label: "power off a" }], lines: ["client: 1000 answers/s"] },
  });
  assert.match(text(player), /client: 1000 answers\/s\n 2 power off a\n/);
  assert.deepEqual(player.press("23").orders, [{ kind: "extra", key: "2" }]);
});

Deno.test("a dumb terminal gets the status once, then a line for each change", () => {
  let { state } = new Player();
  const lines: string[] = [];
  const take = (event: Parameters<typeof reduce>[1]) => {
    const before = state;
    state = reduce(state, event).state;
    lines.push(...changes(before, state, event, NOW_MS));
  };
  take({ kind: "status", daemon: 0, status: statusOfA(), nowMs: NOW_MS });
  take({ kind: "status", daemon: 1, status: statusOfB(), nowMs: NOW_MS });
  assert.equal(lines.length, 2);
  assert.match(lines[0]!, /^node a of pair edge/);
  lines.length = 0;
  take({ kind: "status", daemon: 0, status: statusOfA(), nowMs: NOW_MS });
  take({ kind: "entry", daemon: 0, entry: eventEntry(1, "old", "2020-01-02T03:04:05.000Z") });
  assert.equal(lines.length, 0);
  take({ kind: "lost", daemon: 0, reason: "no daemon: gone", nowMs: NOW_MS });
  take({ kind: "lost", daemon: 0, reason: "no daemon: gone", nowMs: NOW_MS });
  take({ kind: "entry", daemon: 1, entry: switchEntry(9, { at: "2026-01-02T03:04:11.000Z" }) });
  take({ kind: "status", daemon: 0, status: statusOfA(), nowMs: NOW_MS + 5000 });
  // deno-lint-ignore no-control-regex -- none may be there
  assert.doesNotMatch(lines.join(""), /\x1b/);
  assert.deepEqual(lines.map((line) => line.replace(/^\S+ +/, "").slice(0, 44).trimEnd()), [
    "ALARM  a: no daemon: gone, trying again",
    "b  switch  web: failover on b done in 6.40 m",
    "over  a: no daemon: gone, trying again",
  ]);
});

Deno.test("a rehearsal of another version: what is missing is empty, what is none is null", () => {
  assert.equal(readRehearsal({ group: "web" }), null);
  assert.equal(readRehearsal("possible"), null);
  assert.deepEqual(
    readRehearsal({ possible: false, steps: "many", not_ready: ["b is silent"], predicted_gap_us: "?" }),
    {
      group: "",
      from: "",
      to: "",
      possible: false,
      predictedGapUs: null,
      predictedUs: null,
      basis: "",
      steps: [],
      survives: [],
      doesNot: [],
      notReady: ["b is silent"],
    },
  );
});
