/** Polling, wake-ups between threads, and UDP as heartbeats use it, on the real kernel. */
import assert from "node:assert/strict";
import { DatagramSocket } from "../../kernel_ffi/datagram.ts";
import { EADDRNOTAVAIL, ECONNREFUSED, ENOBUFS, KernelError } from "../../kernel_ffi/errno.ts";
import { clearEventFd, openEventFd, signalEventFd } from "../../kernel_ffi/eventfd.ts";
import { closeFd, monotonicUs } from "../../kernel_ffi/libc.ts";
import { Poller, POLLNVAL, POLLOUT } from "../../kernel_ffi/poll.ts";
import { addSettled, inFreshNamespace, run } from "./namespace.ts";
import { makePair, packetsOf } from "./veth.ts";

const MARK = 0x5e9e0001;
const HIGH_MARK = 0xf0000001;
const FOUR = new TextEncoder().encode("four");

/** Waits for one descriptor; not for ever. */
function awaitFd(fd: number): Poller {
  const poller = new Poller();
  poller.set(fd);
  assert.equal(poller.wait(5e6), 1, "nothing came within five seconds");
  return poller;
}

function pairOn(host: string): [DatagramSocket, DatagramSocket] {
  const first = new DatagramSocket({ local: { host, port: 0 }, remote: { host, port: 9 } });
  const second = new DatagramSocket({ local: { host, port: 0 }, remote: { host, port: first.localPort } });
  const port = first.localPort;
  first.close();
  return [
    new DatagramSocket({ local: { host, port }, remote: { host, port: second.localPort } }),
    second,
  ];
}

Deno.test("a poller tells which of many descriptors is ready, and forgets those that are removed", () => {
  const poller = new Poller();
  const fds = Array.from({ length: 40 }, openEventFd);
  for (const fd of fds) poller.set(fd);
  assert.equal(poller.wait(0), 0);
  signalEventFd(fds[3]!);
  signalEventFd(fds[39]!);
  assert.equal(poller.wait(-1), 2);
  assert.deepEqual(fds.filter((fd) => poller.readable(fd)), [fds[3], fds[39]]);
  poller.remove(fds[5]!); // the last one moves to its place
  assert.ok(poller.readable(fds[39]!), "what is known of the others survives a removal");
  poller.remove(fds[3]!);
  poller.remove(fds[3]!);
  assert.ok(!poller.readable(fds[3]!));
  assert.ok(poller.readable(fds[39]!));
  assert.equal(poller.wait(0), 1);
  poller.set(fds[39]!, POLLOUT);
  poller.set(fds[3]!);
  clearEventFd(fds[39]!);
  assert.equal(poller.wait(0), 2);
  assert.equal(poller.revents(fds[39]!), POLLOUT);
  for (const fd of fds) poller.remove(fd);
  assert.equal(poller.wait(0), 0);
  for (const fd of fds) closeFd(fd);
});

Deno.test("a poller waits as long as it is told, to less than a millisecond", () => {
  const poller = new Poller();
  const times = Array.from({ length: 21 }, () => {
    const start = monotonicUs();
    poller.wait(300.5);
    return monotonicUs() - start;
  });
  assert.ok(Math.min(...times) >= 300.5);
  assert.ok(times.sort((a, b) => a - b)[10]! < 1000, `median ${times[10]} µs`);
  const start = monotonicUs();
  poller.wait(1_100_000);
  const waited = monotonicUs() - start;
  assert.ok(waited >= 1_100_000 && waited < 2_000_000, `${waited} µs for more than a second`);
});

Deno.test("a descriptor that is not open has failed", () => {
  const fd = openEventFd();
  closeFd(fd);
  const poller = new Poller();
  poller.set(fd);
  assert.equal(poller.wait(0), 1);
  assert.equal(poller.revents(fd), POLLNVAL);
  assert.ok(poller.failed(fd) && !poller.readable(fd));
});

Deno.test("signals melt into one, and clearing nothing is no error", () => {
  const fd = openEventFd();
  signalEventFd(fd);
  signalEventFd(fd);
  awaitFd(fd);
  clearEventFd(fd);
  const poller = new Poller();
  poller.set(fd);
  assert.equal(poller.wait(0), 0);
  clearEventFd(fd);
  closeFd(fd);
});

Deno.test("another thread wakes one that waits in ppoll", async () => {
  const fd = openEventFd();
  const worker = new Worker(new URL("./eventfd_signaller.ts", import.meta.url), { type: "module" });
  const ready = new Promise((resolve) => worker.onmessage = resolve);
  worker.postMessage(fd);
  await ready;
  const poller = awaitFd(fd); // no await from here on: this thread is blocked
  assert.ok(poller.readable(fd));
  worker.terminate();
  closeFd(fd);
});

for (const [host, family] of [["127.0.0.1", "IPv4"], ["::1", "IPv6"]] as const) {
  Deno.test(`${family} datagrams go both ways, and nobody else is heard`, () =>
    inFreshNamespace(() => {
      const [a, b] = pairOn(host);
      const stranger = new DatagramSocket({ local: { host, port: 0 }, remote: { host, port: a.localPort } });
      const buffer = new Uint8Array(64);
      assert.equal(a.receive(buffer), -1);
      assert.equal(stranger.send(FOUR, 4), 0);
      assert.equal(b.send(FOUR, 3), 0);
      awaitFd(a.fd);
      assert.equal(a.receive(buffer), 3);
      assert.equal(new TextDecoder().decode(buffer.subarray(0, 3)), "fou");
      assert.equal(a.receive(buffer), -1);
      assert.equal(a.send(FOUR, 4), 0);
      awaitFd(b.fd);
      assert.equal(b.receive(buffer), 4);
      for (const socket of [a, b, stranger]) socket.close();
    }));

  Deno.test(`${family}: port unreachable is an error that can be drained, and costs no datagram`, () =>
    inFreshNamespace(() => {
      const [a, b] = pairOn(host);
      const remote = b.localPort;
      b.close();
      assert.equal(a.drainErrors(), 0);
      assert.equal(a.send(FOUR, 4), 0);
      const poller = awaitFd(a.fd);
      assert.ok(poller.failed(a.fd));
      assert.equal(a.drainErrors(), ECONNREFUSED);
      assert.equal(poller.wait(0), 0, "a drained socket lets the poller sleep");
      assert.equal(a.drainErrors(), 0);

      // The same answer, not drained, and the peer is back: what is sent now must arrive.
      assert.equal(a.send(FOUR, 4), 0);
      assert.equal(poller.wait(1e6), 1);
      const back = new DatagramSocket({ local: { host, port: remote }, remote: { host, port: a.localPort } });
      assert.equal(a.send(FOUR, 4), 0);
      awaitFd(back.fd);
      assert.equal(back.receive(new Uint8Array(8)), 4);
      assert.equal(a.drainErrors(), ECONNREFUSED);
      for (const socket of [a, back]) socket.close();
    }));

  Deno.test(`${family}: a pending error is reported by receive once, and hides no datagram`, () =>
    inFreshNamespace(() => {
      const [a, b] = pairOn(host);
      assert.equal(b.send(FOUR, 4), 0);
      b.close();
      assert.equal(a.send(FOUR, 4), 0);
      const poller = awaitFd(a.fd);
      for (let waits = 0; !poller.failed(a.fd) && waits < 100; waits++) poller.wait(1e4);
      assert.ok(poller.failed(a.fd));
      const buffer = new Uint8Array(8);
      assert.equal(a.receive(buffer), -2);
      assert.equal(a.lastErrno, ECONNREFUSED);
      assert.equal(a.receive(buffer), 4);
      assert.equal(a.receive(buffer), -1);
      assert.equal(a.drainErrors(), ECONNREFUSED, "the queue keeps it");
      a.close();
    }));
}

Deno.test("the mark is on what is sent after it was set, and a refusal by a rule comes back", () =>
  inFreshNamespace(() => {
    run(
      "nft",
      `table inet t { counter marked {}; counter high {}; counter urgent {}; chain out { type filter hook output priority 0;
       udp dport 4791 meta priority 7 counter name urgent
       meta mark ${MARK} counter name marked
       meta mark ${HIGH_MARK} counter name high
       meta mark 0x5e9e0002 drop
      }; }`,
    );
    const end = { host: "127.0.0.1", port: 4791 };
    const socket = new DatagramSocket({ local: { host: "127.0.0.1", port: 0 }, remote: end });
    const peer = new DatagramSocket({ local: end, remote: { host: "127.0.0.1", port: socket.localPort } });
    assert.equal(socket.send(FOUR, 4), 0);
    assert.equal(packetsOf("inet", "t", "marked"), 0);
    assert.equal(packetsOf("inet", "t", "urgent"), 1);
    socket.setMark(MARK);
    assert.equal(socket.send(FOUR, 4), 0);
    assert.equal(socket.send(FOUR, 4), 0);
    assert.equal(packetsOf("inet", "t", "marked"), 2);
    socket.setMark(HIGH_MARK);
    assert.equal(socket.send(FOUR, 4), 0);
    assert.equal(packetsOf("inet", "t", "high"), 1);
    socket.setMark(0);
    assert.equal(socket.send(FOUR, 4), 0);
    assert.deepEqual([packetsOf("inet", "t", "marked"), packetsOf("inet", "t", "high")], [2, 1]);
    socket.setMark(0x5e9e0002);
    assert.notEqual(socket.send(FOUR, 4), 0);
    for (const each of [socket, peer]) each.close();
  }));

for (const [here, there, length] of [["10.77.0.1", "10.77.0.2", 24], ["fd00:77::1", "fd00:77::2", 64]] as const) {
  Deno.test(`a heartbeat from ${here} that the egress hook refuses fails with ENOBUFS`, () =>
    inFreshNamespace(() => {
      makePair();
      run("ip", "addr", "add", `${here}/${length}`, "dev", "va", ...(length === 64 ? ["nodad"] : []));
      run("ip", "neigh", "replace", there, "lladdr", "02:00:5e:00:00:0b", "dev", "va", "nud", "permanent");
      run(
        "nft",
        `table netdev t { chain out { type filter hook egress device va priority 0; meta mark ${MARK} drop
         }; }`,
      );
      const socket = new DatagramSocket({ local: { host: here, port: 4790 }, remote: { host: there, port: 4790 } });
      assert.equal(socket.send(FOUR, 4), 0);
      socket.setMark(MARK);
      assert.equal(socket.send(FOUR, 4), ENOBUFS);
      socket.setMark(0);
      assert.equal(socket.send(FOUR, 4), 0);
      socket.close();
    }));
}

Deno.test("a link-local peer is reached through the interface that is named", () =>
  inFreshNamespace(() => {
    addSettled("fe80::1/64", "lo");
    const socket = new DatagramSocket({
      local: { host: "fe80::1%lo", port: 4790 },
      remote: { host: "fe80::1%lo", port: 4790 },
    });
    // The first one may be lost: a kernel on a busy machine is not through with an address when it shows it.
    const poller = new Poller();
    poller.set(socket.fd);
    let tries = 0;
    do assert.equal(socket.send(FOUR, 4), 0); while (poller.wait(500_000) === 0 && ++tries < 10);
    assert.equal(socket.receive(new Uint8Array(8)), 4);
    socket.close();
  }));

Deno.test("an address that is not here is named in the error", () =>
  inFreshNamespace(() => {
    const away = { local: { host: "10.99.0.1", port: 4790 }, remote: { host: "127.0.0.1", port: 4790 } };
    assert.throws(
      () => new DatagramSocket(away),
      (error) =>
        error instanceof KernelError && error.errno === EADDRNOTAVAIL && error.message.includes("bind 10.99.0.1:4790"),
    );
    assert.throws(
      () => new DatagramSocket({ local: { host: "10.99.0", port: 1 }, remote: { host: "::1", port: 1 } }),
      RangeError,
    );
    assert.throws(
      () => new DatagramSocket({ local: { host: "127.0.0.1", port: 0 }, remote: { host: "::1", port: 1 } }),
      RangeError,
    );
  }));
