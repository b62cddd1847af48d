/** Neighbours of a real kernel, asked for before a packet has to wait. */
import assert from "node:assert/strict";
import { parseIp } from "../../kernel_ffi/address.ts";
import { interfaceIndex } from "../../kernel_ffi/libc.ts";
import { Neighbours } from "../../kernel_ffi/neighbours.ts";
import { addSettled, inFreshNamespace, run } from "./namespace.ts";
import { makePair } from "./veth.ts";

Deno.test("the neighbour, or the router, by which an address is reached is asked for", () =>
  inFreshNamespace(() => {
    makePair();
    run("ip", "addr", "add", "10.9.0.1/24", "dev", "va");
    run("ip", "addr", "add", "fd09::1/64", "dev", "va", "nodad");
    run("ip", "route", "add", "10.10.0.0/16", "via", "10.9.0.254");
    const neighbours = new Neighbours(), ifindex = interfaceIndex("va");
    const seek = (text: string) => neighbours.seek(parseIp(text)!);
    assert.deepEqual(seek("10.9.0.7"), { ifindex, address: parseIp("10.9.0.7") });
    assert.deepEqual(seek("10.10.3.4"), { ifindex, address: parseIp("10.9.0.254") });
    // Until its link-local address has passed duplicate address detection the interface would ask nobody, and take it for done.
    assert.equal(seek("fd09::7"), "later");
    assert.equal(run("ip", "neigh", "show", "fd09::7"), "");
    run("ip", "addr", "flush", "dev", "va", "scope", "link");
    addSettled("fe80::1/64", "va");
    assert.deepEqual(seek("fd09::7"), { ifindex, address: parseIp("fd09::7") });
    const known = run("ip", "neigh", "show", "dev", "va");
    for (const address of ["10.9.0.7", "10.9.0.254", "fd09::7"]) {
      assert.match(known, new RegExp(`^${address} .*(INCOMPLETE|FAILED)`, "m"));
    }
    // The node itself, and what has no way.
    run("ip", "addr", "add", "10.9.0.100/32", "dev", "lo");
    run("ip", "link", "set", "lo", "up");
    assert.equal(seek("10.9.0.100"), null);
    assert.equal(seek("192.0.2.1"), null);
    // What an administrator has written down stays.
    run("ip", "neigh", "replace", "10.9.0.7", "lladdr", "02:00:00:00:00:07", "dev", "va", "nud", "permanent");
    seek("10.9.0.7");
    assert.match(run("ip", "neigh", "show", "10.9.0.7"), /02:00:00:00:00:07 PERMANENT/);
    neighbours.close();
  }));
