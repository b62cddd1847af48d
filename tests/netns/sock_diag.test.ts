import assert from "node:assert/strict";
import { decodeSockaddr, encodeSockaddr, parseIp } from "../../kernel_ffi/address.ts";
import { closeFd, libc, must } from "../../kernel_ffi/libc.ts";
import { UdpQueues } from "../../kernel_ffi/sock_diag.ts";
import { SOCK_CLOEXEC, SOCK_DGRAM } from "../../kernel_ffi/socket_constants.ts";
import { inFreshNamespace, run } from "./namespace.ts";

libc();

/** A bound UDP socket and its port. */
function bound(host: string): { readonly fd: number; readonly port: number } {
  const address = encodeSockaddr(parseIp(host)!, 0);
  const fd = must(libc().socket(address[0]!, SOCK_DGRAM | SOCK_CLOEXEC, 0), "open UDP socket");
  must(libc().bind(fd, address, address.length), `bind ${host}`);
  const name = new Uint8Array(28);
  must(libc().getsockname(fd, name, new Uint32Array([name.length])), "read port");
  return { fd, port: decodeSockaddr(name)!.port };
}

const CASES = [
  { own: "10.9.0.1", to: "10.9.0.1", counts: true },
  { own: "0.0.0.0", to: "10.9.0.1", counts: true },
  { own: "fd09::1", to: "fd09::1", counts: true },
  { own: "::", to: "fd09::1", counts: true },
  { own: "127.0.0.1", to: "127.0.0.1", counts: false },
];

Deno.test("unread datagrams of an address and of the wildcard count, those of others do not", async () => {
  await inFreshNamespace(() => {
    run("ip", "addr", "add", "10.9.0.1/32", "dev", "lo");
    run("ip", "addr", "add", "fd09::1/128", "dev", "lo", "nodad");
    const queues = new UdpQueues();
    const addresses = [parseIp("10.9.0.1")!, parseIp("fd09::1")!];
    for (const { own, to, counts } of CASES) {
      const receiver = bound(own), sender = bound(to);
      assert.equal(queues.unread(addresses), 0, own);
      const target = encodeSockaddr(parseIp(to)!, receiver.port);
      assert.equal(Number(libc().sendto(sender.fd, new Uint8Array(10), 10n, 0, target, target.length)), 10);
      assert.equal(queues.unread(addresses) > 0, counts, own);
      assert.equal(libc().recv32(receiver.fd, new Uint8Array(20), 20, 0), 10);
      assert.equal(queues.unread(addresses), 0, own);
      closeFd(receiver.fd);
      closeFd(sender.fd);
    }
    queues.close();
  });
});
