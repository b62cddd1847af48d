/**
 * Minutes of traffic on a shared wire: `deno run -A tests/bench/calm.ts [--minutes 10] [--interval 500] [--moves 0]`. Prints JSON: what was lost, and whether
 * the switch ever knew where the virtual MAC is: each change of its forwarding table is read as it comes, and the table itself once a second. With
 * `--moves` there are so many planned moves meanwhile.
 */
import { parseArgs } from "node:util";
import { run, sleep } from "../../control/lab/command.ts";
import { reignText } from "../../control/lab/watcher.ts";
import { World } from "../../control/lab/world.ts";

const { values: flags } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    interval: { type: "string", default: "500" },
    moves: { type: "string", default: "0" },
    profile: { type: "string", default: "fast" },
  },
});
const durationMs = Number(flags.minutes) * 60_000, moves = Number(flags.moves);
const profile = flags.profile as "fast" | "lan" | "wan";
const LOOK_MS = 1000;

await using world = await World.create({ family: "segtest", profile, group: 'wire = "shared"' });
const monitor = new Deno.Command("bridge", { args: ["-n", world.net.switch, "monitor", "fdb"], stdout: "piped" })
  .spawn();
try {
  await world.startBoth();
  await sleep(2 * LOOK_MS);
  const primary = await world.settled();
  const macs = (await world.status(primary))!.groups[0]!.wire!.macs.map((mac) => mac.toLowerCase());
  const learnt: string[] = [];
  let changes = 0, looks = 0;
  const note = (lines: string, how: string) => {
    for (const line of lines.split("\n")) {
      // What is passed on in a move has a MAC of its own, four higher in the first byte.
      if (macs.some((mac) => line.includes(mac.slice(2)))) learnt.push(`${how}: ${line}`);
    }
  };
  void (async () => {
    for await (const text of monitor.stdout.pipeThrough(new TextDecoderStream() as never) as AsyncIterable<string>) {
      changes += text.split("\n").length - 1;
      note(text, "monitor");
    }
  })();
  // What is to be told of the virtual MAC is told of another one.
  for (const verb of ["add", "del"]) {
    await run("bridge", "-n", world.net.switch, "fdb", verb, "02:00:5e:00:53:ff", "dev", "p-cl", "master", "static");
  }
  await world.until(() => changes > 0, 5000, "the monitor to tell of a change");
  const traffic = await world.udp({ durationMs, intervalUs: Number(flags.interval) });
  const end = performance.now() + durationMs;
  for (let move = 1; performance.now() < end; looks++) {
    note(await run("bridge", "-n", world.net.switch, "fdb", "show"), "table");
    if (move <= moves && performance.now() > end - durationMs * (1 - move / (moves + 1))) {
      await world.switchover((await world.settled()) === "a" ? "b" : "a");
      move++;
    }
    await sleep(LOOK_MS);
  }
  const { sent, lost, reordered, duplicates, longestGapMs, rttP99Us } = await traffic.result();
  const statuses = await Promise.all([world.status("a"), world.status("b")]);
  console.log(JSON.stringify(
    {
      bench: "calm",
      profile,
      minutes: Number(flags.minutes),
      moves,
      ...{ sent, lost, reordered, duplicates, longest_gap_ms: longestGapMs, rtt_p99_us: rttP99Us },
      switch_learnt: learnt,
      fdb_changes: changes,
      fdb_looks: looks,
      reigns: reignText(world.reigns),
      in_force: statuses.map((status) => status?.groups[0]?.wire?.in_force),
      lease_lapses: statuses.map((status) => status?.counters.lease_lapses),
    },
    null,
    2,
  ));
} finally {
  monitor.kill("SIGKILL");
  await monitor.status;
}
