/** A peer that takes too little, and a real stream to it: what cannot be sent is not lost silently. Needs root and ip. */
import assert from "node:assert/strict";
import type { StateDisk } from "../../control/state/disk.ts";
import { StateManager, type StateParts } from "../../control/state/manager.ts";
import { run } from "../netns/namespace.ts";
import { bothUp, End, inStreamNamespace, until } from "./ends.ts";

const MIB = 1024 * 1024;
const BUFFER_BYTES = 64 * MIB;
const value = (n: number, bytes = 4 * MIB) => new Uint8Array(bytes).fill(n);

/** A node's state and its end of the stream. */
async function openNode(self: 0 | 1) {
  const events: string[] = [];
  const disk: StateDisk = { append: () => 0 };
  const parts: StateParts = {
    groups: [{ name: "web", rules: { whenAlone: "accept", waitUs: 5_000_000, maxBytes: 1e9 } }],
    peerName: "ba"[self]!,
    digest: new Uint8Array(8),
    startWaitMs: 1000,
    disk,
    event: (_level, kind, text) => void events.push(`${kind}: ${text}`),
    alarm: () => {},
    eligible: () => {},
    managed: () => {},
    compared: () => {},
    reignKnown: () => {},
  };
  const nothing = async function* () {};
  const manager = await StateManager.open(
    parts,
    () => Promise.resolve({ lsn: 0, floor: 0, copying: false, reigns: [], chunks: nothing() }),
  );
  manager.start();
  const end: End = new End(self, [0], {
    onUp: () => {
      end.news.push("up");
      manager.connected(end.stream);
    },
    onDown: (reason) => {
      end.news.push(reason);
      manager.disconnected();
    },
    onMessage: (_channel, bytes) => manager.receive(bytes),
    onDrained: () => manager.drained(),
  });
  const group = manager.groups.get("web")!;
  return {
    manager,
    end,
    group,
    events,
    [Symbol.dispose]() {
      manager.close();
      end[Symbol.dispose]();
    },
  };
}

/** Nothing arrives: what is sent stays under way. */
const CUT = "add table inet cut; add chain inet cut in { type filter hook input priority 0; policy drop; }";

Deno.test("more than the stream holds for a peer that does not answer: said, and the peer gets what it lacks from the table", async () => {
  await inStreamNamespace(async () => {
    using a = await openNode(0);
    using b = await openNode(1);
    await bothUp(a.end, b.end);
    a.manager.role("web", "primary", 2);
    await until(() => a.group.replica.followed, "b to follow");
    run("nft", CUT);
    // By way of the replica: the API would have waited.
    const count = BUFFER_BYTES / (4 * MIB) + 4;
    for (let n = 0; n < count; n++) a.group.replica.write([{ key: `k${n}`, value: value(n) }]);
    a.group.replica.write([{ key: "last", value: value(1, 1) }]);
    await until(() => a.end.news.includes("overrun"), "the connection to be ended");
    assert.match(a.events.join("\n"), /^state-overrun: b does not take what is sent fast enough: .*made anew/);
    assert.equal(a.events.length, 1, "said once");
    run("nft", "delete table inet cut");
    await until(() => a.group.replica.followed && b.group.replica.lsn === count + 1, "b to have everything");
    for (let n = 0; n < count; n++) assert.equal(b.group.replica.table.get(`k${n}`)!.value![0], n);
    assert.equal(b.group.replica.table.get("last")!.value![0], 1);
    const write = await a.group.write({ ops: [{ key: "next", value: value(2, 1) }], ack: "replicated" });
    assert.equal(write.degraded, false);
  });
});

Deno.test("writers wait for a slow peer: what is under way stays bounded, however many write at once", async () => {
  await inStreamNamespace(async () => {
    using a = await openNode(0);
    using b = await openNode(1);
    await bothUp(a.end, b.end);
    a.manager.role("web", "primary", 2);
    await until(() => a.group.replica.followed, "b to follow");
    run("nft", CUT);
    let most = 0;
    const put = async (n: number) => {
      for (let wait = a.manager.room.ask(false); wait !== null; wait = a.manager.room.ask(true)) await wait;
      const written = a.group.write({ ops: [{ key: `k${n}`, value: value(n) }], ack: "replicated" });
      most = Math.max(most, a.end.stream.buffered[0]);
      return await written;
    };
    const writes = Promise.all(Array.from({ length: 16 }, (_, n) => put(n)));
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(a.group.replica.lsn < 8, "most of them wait");
    run("nft", "delete table inet cut");
    await writes;
    assert.ok(most < 24 * MIB, `${most} bytes under way`);
    await until(() => b.group.replica.lsn === 16, "b to have everything");
    assert.deepEqual([a.events, b.events, a.end.news], [[], [], ["up"]]);
  });
});
