import assert from "node:assert/strict";
import { CONFIRM_US, HELLO_US, SILENCE_US } from "./limits.ts";
import { type Hello, NO_SESSION, Stream } from "./stream.ts";

const session = (n: number) => n.toString(16).padStart(32, "0");

class Node {
  readonly news: string[] = [];
  readonly stream: Stream;
  hellos: Hello[] = [];
  packets: [path: number, number: number, payload: Uint8Array][] = [];

  /** Its sessions are `first`, `first` + 1, … */
  constructor(first: number) {
    let next = first;
    this.stream = new Stream(
      1,
      () => session(next++),
      {
        onUp: () => this.news.push("up"),
        onDown: (reason) => this.news.push(reason),
        onMessage: () => this.news.push("message"),
        onDrained: () => {},
      },
      0,
    );
    this.stream.setOpen(0, true);
  }

  /** What it sends now. */
  turn(nowUs: number): this {
    this.hellos = [];
    this.packets = [];
    this.stream.onTimer(nowUs);
    this.stream.transmit(nowUs, {
      hello: (_, hello) => this.hellos.push(hello),
      packet: (path, number, payload, length) => this.packets.push([path, number, payload.slice(0, length)]),
    });
    return this;
  }

  give(from: Node, nowUs: number): void {
    for (const hello of from.hellos) this.stream.heardHello(hello, nowUs);
    // What is sealed for another connection cannot be opened.
    const isOurs = from.stream.peerSession === this.stream.session && from.stream.session === this.stream.peerSession;
    for (const [path, number, payload] of isOurs ? from.packets : []) {
      this.stream.heardPacket(path, number, payload, payload.length, nowUs);
    }
  }
}

/** Lets both talk until neither has anything new to say. */
function talk(a: Node, b: Node, nowUs: number): number {
  for (let i = 0; i < 6; i++, nowUs += HELLO_US) {
    b.give(a.turn(nowUs), nowUs);
    a.give(b.turn(nowUs), nowUs);
  }
  return nowUs;
}

Deno.test("two nodes meet, and then say hello no more", () => {
  const a = new Node(1), b = new Node(100);
  const now = talk(a, b, 0);
  assert.deepEqual([a.news, b.news], [["up"], ["up"]]);
  assert.deepEqual([a.stream.session, a.stream.peerSession], [session(1), session(100)]);
  assert.deepEqual(a.turn(now + HELLO_US).hellos, []);
});

Deno.test("a greeting brings no connection; it is answered by an echo, soon but not at any rate", () => {
  const a = new Node(1);
  a.turn(0);
  const greeting = { session: session(7), echo: NO_SESSION, unmet: true };
  assert.equal(a.stream.heardHello(greeting, 10), "greeting");
  assert.deepEqual(a.turn(10).hellos, []);
  assert.equal(a.turn(5000).hellos[0]?.echo, session(7));
  assert.equal(a.stream.connection, null);
});

Deno.test("a session that the peer has left behind does not come back", () => {
  const a = new Node(1), b = new Node(100), c = new Node(200);
  let now = talk(a, b, 0);
  now = talk(a, c, now);
  assert.deepEqual(a.news, ["up", "restarted", "up"]);
  const recorded = { session: session(100), echo: a.stream.session, unmet: true };
  assert.equal(a.stream.heardHello(recorded, now), "retired");
  assert.equal(a.stream.peerSession, session(200));
});

Deno.test("silence ends the connection and the session", () => {
  const a = new Node(1), b = new Node(100);
  const now = talk(a, b, 0);
  a.turn(now + SILENCE_US);
  assert.deepEqual(a.news, ["up", "silent"]);
  assert.equal(a.stream.session, session(2));
  assert.equal(a.stream.send(0, new Uint8Array(1)), false);
  // Heard in vain: the packet is of a connection that is no more.
  b.turn(now + SILENCE_US + 1);
  assert.equal(a.stream.heardPacket(0, 1000, new Uint8Array(1), 1, now), "noConnection");
});

Deno.test("a connection of which nothing is heard never comes up, and its session ends", () => {
  const a = new Node(1);
  assert.equal(a.stream.heardHello({ session: session(7), echo: session(1), unmet: true }, 0), "accepted");
  a.turn(CONFIRM_US - 1);
  assert.equal(a.stream.session, session(1));
  a.turn(CONFIRM_US);
  assert.deepEqual([a.stream.session, a.news], [session(2), []]);
});

Deno.test("a peer that closes is gone at once", () => {
  const a = new Node(1), b = new Node(100);
  const now = talk(a, b, 0);
  b.packets = [];
  b.stream.close(now, {
    hello: () => {},
    packet: (path, number, payload, length) => b.packets.push([path, number, payload.slice(0, length)]),
  });
  for (const [path, number, payload] of b.packets) a.stream.heardPacket(path, number, payload, payload.length, now);
  assert.deepEqual(a.news, ["up", "closed"]);
});
