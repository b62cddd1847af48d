import assert from "node:assert/strict";
import { Straggling } from "./straggling.ts";

const S = 1_000_000;

/** Looks twice a second, as the switch thread does, at counters that a test sets. */
class Watch {
  readonly straggling = new Straggling();
  readonly counts = new Map<string, number>();
  nowUs = 0;
  reads = 0;
  waiting = true;

  run(seconds: number, each: () => boolean): string[][] {
    const said: string[][] = [];
    for (let i = 0; i < seconds * 2; i++) {
      this.nowUs += S / 2;
      const grown = each();
      const changed = this.straggling.look(this.nowUs, {
        waiting: this.waiting,
        sinceUs: 0,
        grown,
        read: () => (this.reads++, new Map(this.counts)),
      });
      if (changed) said.push(this.straggling.now.map(({ address, packets }) => `${address} ${packets}`));
    }
    return said;
  }

  send(address: string, packets: number): boolean {
    this.counts.set(address, (this.counts.get(address) ?? 0) + packets);
    return true;
  }
}

Deno.test("who goes on sending is named once a second look has seen it, and until it stops", () => {
  const watch = new Watch();
  assert.deepEqual(watch.run(7, () => watch.send("10.0.0.9", 10)), []);
  assert.deepEqual(watch.run(6, () => watch.send("10.0.0.9", 10)), [["10.0.0.9 100"], ["10.0.0.9 100"]]);
  assert.match(watch.straggling.text("web", "a")!, /^web: 10\.0\.0\.9 still sends to a: 100 packets in 5 s: look/);
  assert.deepEqual(watch.run(11, () => false).at(-1), []);
  assert.equal(watch.straggling.text("web", "a"), null);
});

Deno.test("who has only sent in the first moments is not named", () => {
  const watch = new Watch();
  watch.send("10.0.0.9", 500);
  assert.deepEqual(watch.run(2, () => watch.send("10.0.0.9", 10)), []);
  assert.deepEqual(watch.run(20, () => false), []);
});

Deno.test("where nothing is turned away the kernel is asked once, and never while this node serves", () => {
  const watch = new Watch();
  watch.run(60, () => false);
  assert.equal(watch.reads, 1);
  const serving = new Watch();
  serving.waiting = false;
  serving.run(60, () => true);
  assert.equal(serving.reads, 0);
});

Deno.test("counts that began anew are counted from there, most packets first, and not more than fit", () => {
  const watch = new Watch();
  for (let i = 0; i < 40; i++) watch.send(`10.0.0.${i}`, 1000);
  watch.run(3, () => true);
  watch.counts.clear();
  for (let i = 0; i < 40; i++) watch.send(`10.0.0.${i}`, i + 1);
  watch.run(5, () => true);
  assert.equal(watch.straggling.now.length, 16);
  assert.deepEqual(watch.straggling.now[0], { address: "10.0.0.39", packets: 40, seconds: 5 });
  assert.match(watch.straggling.text("web", "a")!, /and 13 more/);
});
