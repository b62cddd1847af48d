import assert from "node:assert/strict";
import { rowText } from "./row.ts";
import { isPlaying } from "./reduce.ts";
import { readRehearsal } from "./rehearsal.ts";
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

Deno.test("a service's output is asked for where it serves, and shown as far as the daemon has it", () => {
  const player = Player.both(100, 30);
  player.press("j<enter>");
  assert.deepEqual(player.orders, [
    { kind: "output", daemon: 0, item: "service:edge/web/echo", group: "web", service: "echo" },
  ]);
  assert.match(text(player), /asking for its output/);
  const item = "service:edge/web/echo";
  player.take({ kind: "output", item, output: { kind: "lines", lines: ["listening on 9000"] } });
  assert.match(text(player), /last lines on a\n +listening on 9000/);
  player.take({ kind: "output", item, output: { kind: "none", text: "this daemon does not keep its output" } });
  assert.match(text(player), /does not keep its output/);
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
  assert.match(text(player), /only “qui” ·/);
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
  steps: [{ step: "hold", us: 400 }, { step: "drain", us: 2000 }],
  survives: ["datagrams of all clients"],
  does_not: [{ what: "3 TCP connections", why: "the service does not share its state" }],
  not_ready: [],
};

Deno.test("a switchover shows its rehearsal, asks, moves, and plays the receipt step by step", () => {
  const player = Player.both().press("s");
  assert.deepEqual(player.orders, [{ kind: "rehearse", daemon: 1, group: "web" }]);
  player.press("y");
  assert.equal(player.orders.length, 1, "nothing is moved before it has been asked");
  player.take({ kind: "rehearsed", rehearsal: readRehearsal(REHEARSAL), remark: "" });
  assert.match(text(player), /possible: a client would wait 2.70 ms, the switch takes 3.97 ms/);
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
  player.press("<escape>");
  assert.equal(player.state.mode.kind, "dashboard");
});

Deno.test("n moves nothing; a refusal is shown; an answer that comes after Esc is nothing", () => {
  const player = Player.both().press("s").take({ kind: "rehearsed", rehearsal: null, remark: "this daemon has none" });
  assert.match(text(player), /rehearsal +this daemon has none[^]*peer +a is alive[^]*target +b may be primary/);
  player.press("n");
  assert.deepEqual([player.orders.length, player.state.mode.kind], [1, "dashboard"]);
  player.press("s").take({ kind: "rehearsed", rehearsal: null, remark: "" }).press("y");
  player.take({ kind: "refused", text: "web is called off" });
  assert.match(text(player), /not moved +web is called off/);
  player.press("<escape>").take({ kind: "switched", receipt: receiptOf() });
  assert.equal(player.state.mode.kind, "dashboard");
});

Deno.test("maintenance asks first, knows what the status says, and tells a refusal", () => {
  const player = Player.both().press("m");
  assert.match(text(player), /Turn maintenance on on a\?/);
  player.press("n").press("m").press("y");
  assert.deepEqual(player.orders, [{ kind: "maintenance", daemon: 0, on: true }]);
  player.take({ kind: "refused", text: "this daemon has no maintenance mode" });
  assert.match(text(player), /not done +this daemon has no maintenance mode/);
  const status = { ...statusOfA(), maintenance: true };
  player.press("<escape>").hear(0, status);
  assert.match(text(player), /▲ note +a is in maintenance/);
  assert.match(text(player.press("m")), /Turn maintenance off on a\?/);
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
  take({ kind: "lost", daemon: 0, reason: "no daemon: gone" });
  take({ kind: "lost", daemon: 0, reason: "no daemon: gone" });
  take({ kind: "entry", daemon: 1, entry: switchEntry(9, { at: "2026-01-02T03:04:11.000Z" }) });
  take({ kind: "status", daemon: 0, status: statusOfA(), nowMs: NOW_MS + 5000 });
  // deno-lint-ignore no-control-regex -- none may be there
  assert.doesNotMatch(lines.join(""), /\x1b/);
  assert.deepEqual(lines.map((line) => line.replace(/^\S+ +/, "").slice(0, 44).trimEnd()), [
    "ALARM  a: no daemon: gone, trying again",
    "switch  web: failover on b done in 6.40 ms,",
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
      steps: [],
      survives: [],
      doesNot: [],
      notReady: ["b is silent"],
    },
  );
});
