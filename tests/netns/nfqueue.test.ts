/** Holding real packets in the kernel, letting them go in order, and taking them out again. */
import assert from "node:assert/strict";
import { EBUSY, EPERM, KernelError } from "../../kernel_ffi/errno.ts";
import { HoldQueue } from "../../kernel_ffi/nfqueue.ts";
import { nfqLibrary } from "../../kernel_ffi/nfqueue_library.ts";
import { Poller } from "../../kernel_ffi/poll.ts";
import { interfaceIndex } from "../../kernel_ffi/libc.ts";
import { inFreshNamespace } from "./namespace.ts";
import {
  CLIENT4,
  CLIENT6,
  clientFrame,
  firstBytes,
  PEER_MAC,
  PORT,
  QUEUES,
  RulesFixture,
  VIP4,
  VIP6,
} from "./rules_fixture.ts";
import { udp } from "./wire.ts";

// Opened once for the whole run: in a test it would look like a leak.
nfqLibrary();

interface Held {
  readonly node: RulesFixture;
  readonly passed: HoldQueue;
  readonly direct: HoldQueue;
}

/** Runs `body` on a node that holds its addresses. */
function holdTest(
  name: string,
  options: { copyPackets?: boolean; maxLength?: number },
  body: (held: Held) => void,
): void {
  Deno.test(name, () =>
    inFreshNamespace(() => {
      const node = new RulesFixture();
      const queues = [QUEUES.passed, QUEUES.direct].map((queue) =>
        new HoldQueue(queue, { maxLength: 65536, ...options })
      );
      try {
        node.rules.setHold(["web"], 20_000);
        node.order("hold");
        body({ node, passed: queues[0]!, direct: queues[1]! });
      } finally {
        for (const queue of queues) queue.close();
        node.close();
      }
    }));
}

holdTest("held packets are let go in order, what came by way of the peer first", {}, ({ node, passed, direct }) => {
  const socket = node.bind(VIP4);
  for (let i = 0; i < 100; i++) node.far.send(clientFrame(i, i % 2 === 0 ? { by: PEER_MAC } : {}));
  assert.deepEqual(firstBytes(socket), []);
  assert.equal(passed.drain(), 50);
  assert.equal(passed.waiting, 50);
  // The direct queue is let go without having been read before.
  assert.equal(passed.releaseAll(), 50);
  assert.equal(direct.releaseAll(), 50);
  const even = Array.from({ length: 50 }, (_, i) => 2 * i);
  assert.deepEqual(firstBytes(socket), [...even, ...even.map((it) => it + 1)]);
  assert.deepEqual(passed.counts, { queued: 50, released: 50, returned: 0, dropped: 0 });
  assert.deepEqual(direct.counts, { queued: 50, released: 50, returned: 0, dropped: 0 });
  assert.equal(direct.waiting, 0);
});

holdTest("IPv6 packets are held like IPv4 packets", {}, ({ node, passed, direct }) => {
  const socket = node.bind(VIP6);
  node.far.send(clientFrame(1, { v6: true }));
  node.far.send(clientFrame(2, { v6: true, by: PEER_MAC }));
  assert.deepEqual(firstBytes(socket), []);
  assert.equal(passed.releaseAll() + direct.releaseAll(), 2);
  assert.deepEqual(firstBytes(socket), [2, 1]);
});

holdTest("after the hold packets go straight in, and what came before is let go", {}, ({ node, direct }) => {
  const socket = node.bind(VIP4);
  node.takeLease();
  node.far.send(clientFrame(1));
  assert.equal(direct.releaseAll(), 1);
  node.far.send(clientFrame(2));
  node.rules.setHold([], 2000);
  assert.equal(direct.releaseAll(), 1);
  node.order("unhold");
  node.far.send(clientFrame(3));
  assert.deepEqual(firstBytes(socket), [1, 2, 3]);
  assert.equal(direct.releaseAll(), 0);
});

holdTest("releasing an empty queue leaves it quiet", {}, ({ node, direct }) => {
  const poller = new Poller();
  poller.set(direct.fd);
  assert.equal(direct.releaseAll(), 0);
  assert.equal(poller.wait(0), 0);
  node.far.send(clientFrame(1));
  assert.equal(poller.wait(0), 1);
  assert.equal(direct.releaseAll(), 1);
  assert.equal(direct.releaseAll(), 0);
  assert.equal(poller.wait(0), 0, "an answer to a verdict waits in the socket");
});

holdTest("packets can be taken out, in order and whole, and the kernel forgets them", { copyPackets: true }, (held) => {
  const { node, passed, direct } = held;
  const socket = node.bind(VIP4);
  for (let i = 0; i < 20; i++) node.far.send(clientFrame(i, { v6: i % 2 === 1 }));
  assert.equal(direct.drain(), 20);
  node.far.send(clientFrame(20));
  const taken = direct.takeAll();
  assert.equal(taken.length, 21);
  taken.forEach((packet, i) => {
    const data = new Uint8Array([i, 1, 2, 3]);
    const [from, to] = i % 2 === 1 ? [CLIENT6, VIP6] : [CLIENT4, VIP4];
    assert.deepEqual(packet, { bytes: udp(from, 4000, to, PORT, data), ifindex: interfaceIndex("veth0") });
  });
  assert.deepEqual(direct.counts, { queued: 21, released: 0, returned: 21, dropped: 0 });
  assert.equal(direct.releaseAll(), 0);
  assert.deepEqual(passed.takeAll(), []);
  assert.deepEqual(firstBytes(socket), []);
  // What comes later is held and let go as before.
  node.far.send(clientFrame(30));
  assert.equal(direct.releaseAll(), 1);
  assert.deepEqual(firstBytes(socket), [30]);
  assert.deepEqual(direct.takeAll(), [], "what was let go cannot be given back as well");
});

holdTest("a queue without copies has nothing to give back", {}, ({ direct }) => {
  assert.throws(() => direct.takeAll(), RangeError);
});

holdTest("what overruns the queue is dropped and counted by the kernel", { maxLength: 10 }, ({ node, direct }) => {
  const socket = node.bind(VIP4);
  for (let i = 0; i < 25; i++) node.far.send(clientFrame(i));
  assert.equal(direct.overrun(), 15);
  assert.equal(direct.releaseAll(), 10);
  assert.deepEqual(firstBytes(socket), Array.from({ length: 10 }, (_, i) => i));
});

holdTest("many packets are let go by one verdict, none lost, none out of order", {}, ({ node, direct }) => {
  const count = 5000;
  for (let i = 0; i < count; i++) node.far.send(clientFrame(i & 0xff));
  node.order("hold");
  const socket = node.bind(VIP4);
  // In parts, so that the service's own buffer does not overflow.
  assert.equal(direct.drain(), count);
  assert.equal(direct.releaseAll(), count);
  const heard = firstBytes(socket);
  assert.ok(heard.length > 100);
  heard.forEach((byte, i) => assert.equal(byte, i & 0xff));
  assert.equal(node.rules.counters().get(7)!.dropped, 0);
});

holdTest("a queue has one owner", {}, () => {
  assert.throws(
    () => new HoldQueue(QUEUES.passed, { maxLength: 10 }),
    (error) => error instanceof KernelError && [EBUSY, EPERM].includes(error.errno),
  );
});

holdTest("the descriptor is closed on exec unless a child is to have it", {}, ({ direct }) => {
  const flags = () => parseInt(/flags:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${direct.fd}`))![1]!, 8);
  const O_CLOEXEC = 0o2000000;
  assert.notEqual(flags() & O_CLOEXEC, 0);
  direct.setCloseOnExec(false);
  assert.equal(flags() & O_CLOEXEC, 0);
  direct.setCloseOnExec(true);
  assert.notEqual(flags() & O_CLOEXEC, 0);
});
