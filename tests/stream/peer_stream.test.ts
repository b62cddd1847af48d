/** The peer stream over real sockets, in a fresh network namespace. Needs root, ip and nft. */
import assert from "node:assert/strict";
import { bothUp, End, host, inStreamNamespace, KEY, OTHER_KEY, pattern, until } from "./ends.ts";
import { run } from "../netns/namespace.ts";

const MESSAGE_MAX = 17 * 1024 * 1024;

Deno.test("messages of every size arrive once and in order, both ways and on both channels", async () => {
  await inStreamNamespace(async () => {
    using a = new End(0, [0]);
    using b = new End(1, [0]);
    assert.equal(a.stream.send(0, new Uint8Array(1)), false, "nothing is taken before there is a connection");
    await bothUp(a, b);
    const lengths = [0, 1, 100, 1340, 1400, 70_000, MESSAGE_MAX, 5];
    for (const [from, to] of [[a, b], [b, a]] as const) {
      for (const channel of [0, 1] as const) {
        for (const [i, length] of lengths.entries()) assert.ok(from.stream.send(channel, pattern(length, i)));
      }
      await until(() => to.got.length === 2 * lengths.length, "all messages");
      for (const channel of [0, 1]) {
        const got = to.got.filter(([of]) => of === channel).map(([, bytes]) => bytes);
        assert.deepEqual(got.map(({ length }) => length), lengths);
        for (const [i, bytes] of got.entries()) assert.equal(Buffer.compare(bytes, pattern(bytes.length, i)), 0);
      }
    }
    await until(() => a.stream.buffered[0] + a.stream.buffered[1] === 0, "the last acknowledgement");
    assert.throws(() => a.stream.send(0, new Uint8Array(MESSAGE_MAX + 1)), RangeError);
  });
});

Deno.test("a full buffer refuses, and says when there is room again", async () => {
  await inStreamNamespace(async () => {
    let drained = 0;
    using a = new End(0, [0], { onDrained: () => drained++ });
    using b = new End(1, [0]);
    await bothUp(a, b);
    let taken = 0;
    while (a.stream.send(1, pattern(MESSAGE_MAX, taken))) taken++;
    assert.ok(taken >= 3 && taken < 10, `${taken}`);
    await until(() => drained > 0, "room");
    assert.ok(a.stream.buffered[1] <= 1024 * 1024);
    assert.ok(a.stream.send(1, new Uint8Array(1)));
    await until(() => b.got.length === taken + 1, "all messages");
  });
});

Deno.test("an end that closes is missed at once, and its successor is met", async () => {
  await inStreamNamespace(async () => {
    using a = new End(0, [0, 1]);
    {
      using b = new End(1, [0, 1]);
      await bothUp(a, b);
      a.stream.send(0, pattern(10, 1));
    }
    await until(() => a.news.includes("closed"), "the end of the first");
    using c = new End(1, [0, 1]);
    await bothUp(a, c);
    a.stream.send(0, pattern(10, 2));
    await until(() => c.got.length === 1, "a message");
    assert.deepEqual(c.got[0]![1], pattern(10, 2));
    assert.deepEqual(a.news, ["up", "closed", "up"]);
  });
});

Deno.test("a receiver that throws: told and counted, both ends are down and meet again, and what comes then is received", async () => {
  await inStreamNamespace(async () => {
    using a = new End(0, [0, 1]);
    using b = new End(1, [0, 1]);
    await bothUp(a, b);
    b.onMessage = (_, bytes) => {
      b.onMessage = null;
      throw new Error(`no room for ${bytes.length} bytes`);
    };
    // Those behind it may stand in the same packet.
    for (let i = 0; i < 3; i++) a.stream.send(0, pattern(10 + i, i));
    await until(() => a.news.length === 3 && b.news.length === 3, "both ends to have met again");
    assert.deepEqual([a.news, b.news], [["up", "closed", "up"], ["up", "failed", "up"]]);
    assert.deepEqual([b.failures, b.rejected.failed], [["no room for 10 bytes"], 1]);
    assert.deepEqual(b.got, [], "nothing of the connection that has ended");
    a.stream.send(0, pattern(20, 4));
    await until(() => b.got.length === 1, "a message of the new connection");
    assert.deepEqual(b.got[0]![1], pattern(20, 4));
  });
});

Deno.test("given up by one end: down on both at once, however long silence would take, and met again", async () => {
  await inStreamNamespace(async () => {
    using a = new End(0, [0, 1]);
    using b = new End(1, [0, 1]);
    await bothUp(a, b);
    a.stream.restart("given up");
    assert.deepEqual([a.stream.up, a.news], [false, ["up", "given up"]]);
    a.stream.restart("given up");
    await until(() => a.news.length === 3 && b.news.length === 3, "both ends to have met again");
    assert.deepEqual([a.news, b.news], [["up", "given up", "up"], ["up", "closed", "up"]]);
    b.stream.send(1, pattern(10, 1));
    await until(() => a.got.length === 1, "a message of the new connection");
  });
});

Deno.test("a silent peer is down, and up again when it is heard", async () => {
  await inStreamNamespace(async () => {
    using a = new End(0, [0]);
    using b = new End(1, [0]);
    await bothUp(a, b);
    run("nft", "add table inet cut; add chain inet cut in { type filter hook input priority 0; policy drop; }");
    a.stream.send(0, pattern(10, 1));
    await until(() => !a.stream.up && !b.stream.up, "silence to be noticed");
    run("nft", "delete table inet cut");
    await bothUp(a, b);
    assert.deepEqual([a.news, b.news], [["up", "silent", "up"], ["up", "silent", "up"]]);
    assert.equal(a.stream.buffered[0], 0, "what was not acknowledged is void");
    a.stream.send(0, pattern(10, 2));
    await until(() => b.got.length === 1, "a message of the new connection");
    assert.deepEqual(b.got[0]![1], pattern(10, 2));
  });
});

Deno.test("a killed process is replaced by another: the connection is a new one", async () => {
  await inStreamNamespace(async () => {
    using a = new End(0, [0]);
    for (const turn of [1, 2]) {
      const args = ["run", "-A", "--no-check", new URL("./echo_peer.ts", import.meta.url).pathname];
      const child = new Deno.Command(Deno.execPath(), { args, stdout: "null" }).spawn();
      await until(() => a.news.filter((it) => it === "up").length === turn, "the child");
      a.stream.send(0, pattern(100, turn));
      await until(() => a.got.length === turn, "its echo");
      assert.deepEqual(a.got.at(-1)![1], pattern(100, turn));
      child.kill("SIGKILL");
      await child.status;
    }
    assert.equal(a.news[1] === "restarted" || a.news[1] === "silent", true, a.news.join());
  });
});

Deno.test("with 1 % of the packets lost in each direction everything arrives", async () => {
  await inStreamNamespace(async () => {
    using a = new End(0, [0]);
    using b = new End(1, [0]);
    await bothUp(a, b);
    run(
      "nft",
      "add table inet loss; add chain inet loss in { type filter hook input priority 0; }; " +
        "add rule inet loss in numgen random mod 100 < 1 drop",
    );
    for (let i = 0; i < 20; i++) a.stream.send(1, pattern(1024 * 1024, i));
    b.onMessage = (channel, bytes) => channel === 0 ? b.stream.send(0, bytes) : b.got.push([channel, bytes]);
    for (let i = 0; i < 2000; i++) {
      a.stream.send(0, pattern(100, i));
      await until(() => a.got.length === i + 1, `answer ${i}`);
    }
    await until(() => b.got.length === 20, "bulk");
    for (const [i, [, bytes]] of a.got.entries()) assert.deepEqual(bytes, pattern(100, i));
    for (const [i, [, bytes]] of b.got.entries()) assert.equal(Buffer.compare(bytes, pattern(1024 * 1024, i)), 0);
    assert.deepEqual([a.news, b.news], [["up"], ["up"]]);
    const [path] = a.stream.stats().paths;
    assert.ok(path!.lost > 0, "nft did drop something");
  });
});

Deno.test("a path that is cut carries nothing, the other one everything; later it is back", async () => {
  await inStreamNamespace(async () => {
    using a = new End(0, [0, 1]);
    using b = new End(1, [0, 1]);
    await bothUp(a, b);
    const live = () => a.stream.stats().paths.map(({ live }) => live).join();
    await until(() => live() === "true,true", "both paths");
    run(
      "nft",
      "add table inet cut; add chain inet cut in { type filter hook input priority 0; }; " +
        `add rule inet cut in ip daddr { ${host(0, 0)}, ${host(1, 0)} } drop`,
    );
    b.onMessage = (channel, bytes) => b.stream.send(channel, bytes);
    let sent = 0;
    const ask = async () => {
      a.stream.send(0, pattern(50, sent++));
      await until(() => a.got.length === sent, "an answer");
    };
    while (live() !== "false,true") await ask();
    run("nft", "delete table inet cut");
    while (live() !== "true,true") await ask();
    assert.deepEqual([a.news, b.news], [["up"], ["up"]]);
  });
});

Deno.test("a path whose address comes later is used then, and one of IPv6 like the others", async () => {
  await inStreamNamespace(async () => {
    run("ip", "addr", "del", `${host(0, 0)}/32`, "dev", "lo");
    using a = new End(0, [0, 2]);
    using b = new End(1, [0, 2]);
    await bothUp(a, b);
    const opened = () => a.stream.stats().paths.map(({ open }) => open);
    assert.deepEqual(opened(), [false, true]);
    assert.match(a.stream.stats().paths[0]!.problem, /os error 99|EADDRNOTAVAIL/);
    a.stream.send(0, pattern(10, 1));
    await until(() => b.got.length === 1, "a message by IPv6");
    run("ip", "addr", "add", `${host(0, 0)}/32`, "dev", "lo");
    await until(() => opened()[0] === true && a.stream.stats().paths[0]!.received > 0, "the late path");
  });
});

Deno.test("a foreign key and a foreign pair are not heard, and both are counted", async () => {
  await inStreamNamespace(async () => {
    using a = new End(0, [0]);
    {
      using b = new End(1, [0], { keys: [OTHER_KEY] });
      await until(() => (a.rejected.otherKey ?? 0) > 0 && (b.rejected.otherKey ?? 0) > 0, "a refusal");
    }
    using c = new End(1, [0], { pair: "another" });
    await until(() => (a.rejected.otherPair ?? 0) > 0 && (c.rejected.otherPair ?? 0) > 0, "a refusal");
    assert.deepEqual([a.news, c.news], [[], []]);
  });
});

Deno.test("keys change while the connection goes on", async () => {
  await inStreamNamespace(async () => {
    using a = new End(0, [0]);
    using b = new End(1, [0]);
    await bothUp(a, b);
    let sent = 0;
    const exchange = async () => {
      a.stream.send(0, pattern(10, ++sent));
      b.stream.send(0, pattern(10, sent));
      await until(() => a.got.length === sent && b.got.length === sent, "messages both ways");
    };
    await exchange();
    // Both know the new one before the first of them uses it; each step leaves the two nodes different for a while.
    for (const keys of [[KEY, OTHER_KEY], [OTHER_KEY, KEY], [OTHER_KEY]]) {
      for (const end of [a, b]) {
        end.stream.setKeys(keys);
        await exchange();
      }
    }
    assert.deepEqual([a.news, b.news, a.rejected, b.rejected], [["up"], ["up"], {}, {}]);
    a.stream.setKeys([KEY]);
    a.stream.send(0, pattern(10, 1));
    await until(() => (b.rejected.retiredKey ?? 0) > 0, "a refusal of the old key");
    assert.equal(b.rejected.otherKey, undefined);
  });
});
