/** The questions of the command line and of the API: help, answers, errors, exit codes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { floorOf } from "../../control/answers/floor.ts";
import { ApiError } from "../../control/api/client.ts";
import { runCommand } from "../../control/commands.ts";
import { NO_JITTER } from "../../control/core/jitter.ts";
import { JournalStore } from "../../control/journal/store.ts";
import { sampleEvent, sampleReceipt, withJournal } from "../journal/samples.ts";
import { Recorder, withServer } from "./sample_node.ts";

async function segue(...args: string[]) {
  const io = new Recorder();
  const code = await runCommand(args, io);
  return { code, stdout: io.stdout, stderr: io.stderr };
}

/** A journal with an event, a switch, an alarm, in this order. Returns their ids. */
function fill(path: string): number[] {
  const { store } = JournalStore.open(path);
  const first = store.nextId;
  store.addEvent(sampleEvent(0));
  store.addReceipt(sampleReceipt(7));
  store.addEvent({
    ...sampleEvent(2),
    level: "alarm",
    kind: "incompatible",
    text: "b runs with\u001b another configuration",
  });
  store.close();
  return [first, first + 1, first + 2];
}

Deno.test("each question has its help, and is listed", async () => {
  const list = (await segue("--help")).stdout;
  for (const name of ["why", "rehearse", "floor"]) {
    assert.match(list, new RegExp(`^  ${name} `, "m"));
    const { code, stdout, stderr } = await segue(name, "--help");
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, new RegExp(`^Usage: segue ${name} `));
    assert.match(stdout, /--json/);
  }
});

Deno.test("what cannot be asked is a usage error", async () => {
  const cases: [string[], RegExp][] = [
    [["rehearse"], /missing required argument 'group'/],
    [["why", "yesterday"], /"yesterday" is no id\n +hint: write a number, or last/],
    [["why", "1", "2"], /too many arguments/],
    [["floor", "--hours", "0"], /--hours: "0" is no whole number from 1 to 720\n +hint/],
    [["floor", "--hours", "1000"], /no whole number/],
    [["floor", "--hours", "a day"], /no whole number/],
    [["floor", "extra"], /too many arguments/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await segue(...args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, message);
  }
});

Deno.test("why: the last switch, one of the list, as text and as JSON", () =>
  withJournal(async (path, folder) => {
    const [event, receipt, alarm] = fill(path);
    const last = await segue("why", "--state-dir", folder);
    assert.deepEqual([last.code, last.stderr], [0, ""]);
    assert.match(
      last.stdout,
      /^web: failover on a done in 6\.40 ms, epoch 6 → 7\nat .*, entry [0-9]+ of the journal, cause: silence\n\n/,
    );
    assert.match(last.stdout, /\nThis node cannot know\n- /);
    const json = JSON.parse((await segue("why", "last", "--json", "--state-dir", folder)).stdout);
    assert.deepEqual([json.id, json.group, json.cause], [receipt, "web", "silence"]);

    const list = await segue("why", "--list", "--state-dir", folder);
    assert.match(list.stdout, new RegExp(`^${receipt}  .*web: failover.*\n${alarm}  .*another configuration\n$`));
    assert.ok(!list.stdout.includes("\u001b"), "a terminal is not to obey what a peer said");
    const rows = JSON.parse((await segue("why", "--list", "--json", "--state-dir", folder)).stdout);
    assert.deepEqual(rows.map(({ id }: { id: number }) => id), [receipt, alarm]);
    const other = JSON.parse((await segue("why", String(alarm), "--json", "--state-dir", folder)).stdout);
    assert.equal(other.cause, "config-mismatch");

    const plain = await segue("why", String(event), "--state-dir", folder);
    assert.deepEqual([plain.code, plain.stdout], [1, ""]);
    assert.match(plain.stderr, /is neither a switch nor an alarm: event 0\n +hint: segue why --list/);
    const none = await segue("why", "5", "--state-dir", folder);
    assert.match(none.stderr, /^segue why: the journal has no entry 5\n +hint/);
    assert.equal(none.code, 1);
  }));

Deno.test("why: an old entry is found in a long journal, with what stands around it", () =>
  withJournal(async (path, folder) => {
    const { store } = JournalStore.open(path);
    const first = store.nextId;
    for (let n = 0; n < 300; n++) store.add({ id: store.nextId, type: "event", event: sampleEvent(n) });
    const asked = store.nextId;
    store.add({ id: asked, type: "switch", receipt: sampleReceipt(7) });
    const at = new Date(Date.parse(sampleReceipt(7).at) + 500).toISOString();
    store.add({
      id: store.nextId,
      type: "event",
      event: { ...sampleEvent(1), at, kind: "carrier-lost", text: "no carrier on x" },
    });
    for (let n = 0; n < 12_000; n++) store.add({ id: store.nextId, type: "event", event: sampleEvent(n) });
    store.close();
    assert.ok(asked > first);
    const { code, stdout } = await segue("why", String(asked), "--json", "--state-dir", folder);
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).cause, "power-off", "the carrier that went afterwards was seen");
  }));

Deno.test("why: nothing to explain, and no journal", () =>
  withJournal(async (path, folder) => {
    const none = await segue("why", "--state-dir", folder);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /cannot read the journal .*there is none.*\n +hint: .*--state-dir/);
    JournalStore.open(path).store.close();
    const empty = await segue("why", "--state-dir", folder);
    assert.match(empty.stderr, /the journal remembers no switch\n +hint: segue why --list/);
    assert.equal(empty.code, 1);
    assert.deepEqual(await segue("why", "--list", "--state-dir", folder), {
      code: 0,
      stdout: "nothing has switched, and there was no alarm\n",
      stderr: "",
    });
  }));

Deno.test("rehearse: as text and as JSON; a group that is not there", () =>
  withServer(async ({ runDir, client }) => {
    const text = await segue("rehearse", "web", "--run-dir", runDir);
    assert.deepEqual([text.code, text.stderr], [0, ""]);
    assert.match(text.stdout, /^web: a → b, possible now\npredicted {2}clients wait .* \(drain, round trip/);
    assert.match(text.stdout, /^does not {3}- 12 TCP connections that end in a: a connection lives/m);
    const json = JSON.parse((await segue("rehearse", "web", "--json", "--run-dir", runDir)).stdout);
    for (
      const key of [
        "group",
        "from",
        "to",
        "possible",
        "predicted_gap_us",
        "predicted_us",
        "steps",
        "survives",
        "does_not",
        "not_ready",
      ]
    ) {
      assert.ok(key in json, key);
    }
    assert.deepEqual(await client.rehearsal("web"), json);
    const none = await segue("rehearse", "wbe", "--run-dir", runDir);
    assert.deepEqual(none, {
      code: 1,
      stdout: "",
      stderr: "segue rehearse: There is no such group: wbe\n    hint: there is web\n",
    });
    const nobody = await segue("rehearse", "web", "--run-dir", join(runDir, "none"));
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /no daemon/);
  }));

Deno.test("floor: from the daemon, and from the journal where there is none", () =>
  withJournal(async (path, folder) => {
    const seen = { ...NO_JITTER, heard: { counts: [200, 3], maxUs: 400_000 }, seconds: 60 };
    const at = Math.floor(Date.now() / 1000) - 120;
    const { store } = JournalStore.open(path);
    store.attempt("write", (db) => db.addJitter({ ...seen, at }), undefined);
    store.attempt("write", (db) => db.addJitter({ ...seen, at: at - 3 * 3600 }), undefined);
    store.close();
    const ask = async (...more: string[]) =>
      JSON.parse((await segue("floor", "--json", "--run-dir", folder, "--state-dir", folder, ...more)).stdout);
    assert.deepEqual([(await ask()).seen_s, (await ask()).heartbeats.counted], [120, 6]);
    assert.deepEqual([(await ask("--hours", "1")).seen_s, (await ask("--hours", "1")).hours], [60, 1]);
    const text = await segue("floor", "--run-dir", folder, "--state-dir", folder);
    assert.match(text.stdout, /^the last 24 h, of which 2 min were seen/);

    const nothing = await segue("floor", "--run-dir", folder, "--state-dir", join(folder, "none"));
    assert.equal(nothing.code, 1);
    assert.match(
      nothing.stderr,
      /no daemon answers in .*, and cannot read the journal .*\n +hint: .*--run-dir DIR or --state-dir DIR/,
    );

    await withServer(async ({ runDir, node, client }) => {
      node.floorNow = (hours) => Promise.resolve(floorOf([{ ...seen, at }], hours));
      const { stdout } = await segue("floor", "--hours", "48", "--json", "--run-dir", runDir, "--state-dir", folder);
      assert.deepEqual([JSON.parse(stdout).hours, JSON.parse(stdout).seen_s], [48, 60], "the daemon's word");
      await assert.rejects(client.floor(1.5), (error) => error instanceof ApiError && error.status === 400);
      await assert.rejects(client.floor(721), /hours must be a whole number of hours, 1 to 720/);
    });
  }));

Deno.test("a switch that had been rehearsed is printed beside what was said of it", () =>
  withServer(async ({ runDir, node }) => {
    node.switchoverNow = () =>
      Promise.resolve(
        sampleReceipt(13, { predictedUs: 3100, predictedGapUs: 2900, predictionMissed: "the drain was long" }),
      );
    const { stdout } = await segue("switchover", "web", "--run-dir", runDir);
    assert.match(stdout, /^expected 3\.10 ms \(clients wait 2\.90 ms\), took 6\.40 ms, because the drain was long$/m);
    const json = JSON.parse((await segue("switchover", "web", "--json", "--run-dir", runDir)).stdout);
    assert.deepEqual([json.predicted_us, json.predicted_gap_us, json.prediction_missed], [
      3100,
      2900,
      "the drain was long",
    ]);
  }));
