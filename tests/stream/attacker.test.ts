/** Garbage, forgeries and recordings: counted, and without effect. Needs root and ip. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { DatagramSocket } from "../../kernel_ffi/datagram.ts";
import { writeHello } from "../../control/stream/envelope.ts";
import { preparePairKeys } from "../../control/stream/keys.ts";
import { prepareKey } from "../../control/core/wire.ts";
import { bothUp, End, endpoint, inStreamNamespace, KEY, OTHER_KEY, pattern, until } from "./ends.ts";

const STREAM_PORT = 4791;

/** Sits at a node's stream port and talks to the other node's. */
function socketOf(node: number, path: number): DatagramSocket {
  return new DatagramSocket({
    local: { host: endpoint(node, path).host, port: STREAM_PORT },
    remote: { host: endpoint(1 - node, path).host, port: STREAM_PORT },
  });
}

function send(socket: DatagramSocket, bytes: Uint8Array): void {
  socket.send(Uint8Array.from(bytes), bytes.length);
}

function receiveAll(socket: DatagramSocket): Uint8Array[] {
  const buffer = new Uint8Array(2048), all: Uint8Array[] = [];
  for (let length = 0; (length = socket.receive(buffer)) >= 0;) all.push(buffer.slice(0, length));
  return all;
}

function helloOf(
  o: { key?: Uint8Array; pair?: string; self?: number; path?: number; session?: string; echo?: string },
) {
  const [key] = preparePairKeys([o.key ?? KEY], o.pair ?? "test");
  const out = new Uint8Array(200);
  const { pairId } = prepareKey(KEY, o.pair ?? "test");
  const hello = { session: o.session ?? "5a".repeat(16), echo: o.echo ?? "00".repeat(16), unmet: true };
  return out.slice(0, writeHello(out, { self: o.self ?? 1, path: o.path ?? 0, pairId, key: key! }, hello));
}

Deno.test("garbage is counted by reason and answered by nothing", async () => {
  await inStreamNamespace(async () => {
    using a = new End(0, [0]);
    const socket = socketOf(1, 0);
    const good = helloOf({});
    const changed = (at: number, value: number) => good.with(at, value);
    const garbage: [keyof typeof a.rejected, Uint8Array][] = [
      ["tooShort", new Uint8Array(0)],
      ["tooShort", good.slice(0, 30)],
      ["tooLong", new Uint8Array(1450)],
      ["notStream", changed(0, 0)],
      ["otherVersion", changed(1, 0x21)],
      ["ownNode", helloOf({ self: 0 })],
      ["otherPath", helloOf({ path: 1 })],
      ["otherKey", helloOf({ key: OTHER_KEY })],
      ["otherPair", helloOf({ pair: "another" })],
      ["badTag", changed(40, 1)],
      ["malformed", good.slice(0, -1)],
      ["malformed", changed(1, 0x13)],
      ["noConnection", changed(1, 0x12)],
    ];
    for (const [, bytes] of garbage) send(socket, bytes);
    const expected: Record<string, number> = {};
    for (const [reason] of garbage) expected[reason] = (expected[reason] ?? 0) + 1;
    await until(() => Object.keys(a.rejected).length === Object.keys(expected).length, "all to be counted");
    assert.deepEqual(a.rejected, expected);
    // A recorded greeting makes it say its own session, and nothing else.
    send(socket, good);
    await until(
      () => receiveAll(socket).some((bytes) => Buffer.from(bytes).toString("hex", 34, 50) === "5a".repeat(16)),
      "an answer",
    );
    assert.deepEqual([a.news, a.stream.up], [[], false]);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 1500 }), (bytes) => send(socket, bytes)), { numRuns: 300 });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 34, maxLength: 100 }), fc.constantFrom(0x11, 0x12), (bytes, kind) => {
        bytes.set(good.subarray(0, 12));
        bytes[1] = kind;
        send(socket, bytes);
      }),
      { numRuns: 300 },
    );
    await until(() => (a.rejected.badTag ?? 0) + (a.rejected.malformed ?? 0) > 100, "the rest");
    assert.deepEqual(a.news, []);
    socket.close();
  });
});

/** Between the two nodes: passes everything on and keeps it. */
class Recorder {
  readonly recorded: [to: 0 | 1, bytes: Uint8Array][] = [];
  /** Path 0 is node 0's way to the recorder, path 1 node 1's. */
  readonly #sockets = [socketOf(1, 0), socketOf(0, 1)] as const;
  readonly #timer = setInterval(() => this.pass(), 1);

  pass(): void {
    for (const from of [0, 1] as const) {
      for (const bytes of receiveAll(this.#sockets[from])) {
        if (this.recorded.length < 5000) this.recorded.push([1 - from as 0 | 1, bytes]);
        this.give(1 - from as 0 | 1, bytes);
      }
    }
  }

  give(to: 0 | 1, bytes: Uint8Array): void {
    send(this.#sockets[to], bytes);
  }

  replay(): void {
    for (const [to, bytes] of this.recorded.slice()) this.give(to, bytes);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.close();
  }
}

/** Each node talks to the recorder by a path of its own; both call it path 0. */
function recordedPaths(node: 0 | 1) {
  return [{ local: endpoint(node, node), remote: endpoint(1 - node, node) }];
}

Deno.test("a recording of everything, played back again and again, changes nothing", async () => {
  await inStreamNamespace(async () => {
    using recorder = new Recorder();
    using a = new End(0, [], { paths: recordedPaths(0) });
    let messages = 0;
    {
      using b = new End(1, [], { paths: recordedPaths(1) });
      await bothUp(a, b);
      for (let i = 0; i < 50; i++) {
        a.stream.send(0, pattern(100, i));
        b.stream.send(1, pattern(3000, i));
      }
      await until(() => a.got.length === 50 && b.got.length === 50, "messages");
      const copies = recorder.recorded.length;
      for (let i = 0; i < 5; i++) recorder.replay();
      await until(() => (a.rejected.replayed ?? 0) + (b.rejected.replayed ?? 0) > 4 * copies, "copies to be counted");
      a.stream.send(0, pattern(100, 50));
      await until(() => b.got.length === 51, "another message");
      assert.deepEqual([a.got.length, a.news, b.news], [50, ["up"], ["up"]]);
      messages = a.got.length;
    }
    await until(() => a.news.length === 2, "the end of the first peer");
    // The peer of the recording is gone; nothing brings it back.
    recorder.replay();
    await until(() => (a.rejected.noConnection ?? 0) > 50, "the dead peer's packets to be counted");
    assert.deepEqual(a.news, ["up", "closed"]);
    using c = new End(1, [], { paths: recordedPaths(1) });
    await bothUp(a, c);
    recorder.replay();
    await until(() => (a.rejected.otherConnection ?? 0) > 50, "the older connection's packets to be counted");
    c.stream.send(0, pattern(10, 1));
    await until(() => a.got.length === messages + 1, "a message of the new connection");
    assert.deepEqual(a.news, ["up", "closed", "up"]);
  });
});
