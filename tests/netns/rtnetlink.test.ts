/** Links and addresses of a real kernel. */
import assert from "node:assert/strict";
import { formatIp, formatMac, parseIp } from "../../kernel_ffi/address.ts";
import { KernelError } from "../../kernel_ffi/errno.ts";
import { interfaceIndex } from "../../kernel_ffi/libc.ts";
import { Poller } from "../../kernel_ffi/poll.ts";
import { type LinkChange, LinkMonitor, Rtnetlink } from "../../kernel_ffi/rtnetlink.ts";
import { inFreshNamespace, run } from "./namespace.ts";
import { MAC_HERE, makePair } from "./veth.ts";

const SERVICE4 = parseIp("10.77.0.100")!;
const SERVICE6 = parseIp("fd00:77::100")!;
const LO = 1;

/** Reads news until one fits; every piece is waited for at most a second. */
function awaitChange(monitor: LinkMonitor, fits: (change: LinkChange) => boolean): LinkChange {
  const poller = new Poller();
  poller.set(monitor.fd);
  const seen: LinkChange[] = [];
  for (;;) {
    assert.equal(poller.wait(1e6), 1, `nothing more came; so far ${JSON.stringify(seen)}`);
    for (const change of monitor.read()) {
      if (fits(change)) return change;
      seen.push(change);
    }
  }
}

Deno.test("links are listed with what they are and how they fare", () =>
  inFreshNamespace(() => {
    makePair();
    run("ip", "link", "set", "va", "mtu", "1400");
    run("ip", "link", "add", "name", "br0", "type", "bridge");
    const rtnetlink = new Rtnetlink();
    const links = new Map(rtnetlink.listLinks().map((link) => [link.name, link]));
    assert.deepEqual([...links.keys()].sort(), ["br0", "lo", "va", "vb"]);
    assert.deepEqual(links.get("va"), {
      index: interfaceIndex("va"),
      name: "va",
      mac: MAC_HERE,
      up: true,
      carrier: true,
      kind: "veth",
      mtu: 1400,
    });
    const { kind, up, carrier } = links.get("lo")!;
    assert.deepEqual({ kind, up, carrier }, { kind: "loopback", up: true, carrier: true });
    assert.deepEqual([links.get("br0")!.kind, links.get("br0")!.up], ["bridge", false]);
    run("ip", "link", "set", "vb", "down");
    const va = rtnetlink.listLinks().find((link) => link.name === "va")!;
    assert.deepEqual([va.up, va.carrier], [true, false]);
    rtnetlink.close();
  }));

Deno.test("an address is added once, on lo and on the interface, and removed once", () =>
  inFreshNamespace(() => {
    makePair();
    const rtnetlink = new Rtnetlink();
    const va = interfaceIndex("va");
    for (const [address, prefixLength] of [[SERVICE4, 32], [SERVICE6, 128]] as const) {
      for (const ifindex of [LO, va]) {
        const entry = { ifindex, address, prefixLength, nodad: true, preferredLft0: prefixLength === 128 };
        assert.equal(rtnetlink.hasAddress(ifindex, address), false);
        assert.equal(rtnetlink.removeAddress(entry), false);
        assert.equal(rtnetlink.addAddress(entry), true);
        assert.equal(rtnetlink.addAddress(entry), false);
        assert.equal(rtnetlink.hasAddress(ifindex, address), true);
      }
      assert.match(
        run("ip", "addr", "show", "dev", "va"),
        new RegExp(`${formatIp(address)}/${prefixLength} scope global`),
      );
      assert.equal(rtnetlink.removeAddress({ ifindex: va, address, prefixLength }), true);
      assert.equal(rtnetlink.hasAddress(va, address), false);
      assert.equal(rtnetlink.hasAddress(LO, address), true, "the one on lo stays");
    }
    const texts = rtnetlink.listAddresses().filter(({ ifindex }) => ifindex === LO).map(({ address }) =>
      formatIp(address)
    );
    assert.deepEqual(texts.sort(), ["10.77.0.100", "127.0.0.1", "::1", "fd00:77::100"]);
    assert.equal(rtnetlink.removeAddress({ ifindex: 4711, address: SERVICE4, prefixLength: 32 }), false);
    rtnetlink.close();
  }));

Deno.test("IPv6: an address added with nodad answers at once; a deprecated one is nobody's source", () =>
  inFreshNamespace(() => {
    makePair();
    const rtnetlink = new Rtnetlink();
    const va = interfaceIndex("va");
    run("ip", "addr", "add", "fd00:77::1/64", "dev", "va", "nodad");
    const entry = { ifindex: va, address: SERVICE6, prefixLength: 128, nodad: true };
    rtnetlink.addAddress(entry);
    assert.doesNotMatch(run("ip", "addr", "show", "dev", "va", "to", "fd00:77::100"), /tentative|deprecated/);
    const source = () => /src (\S+)/.exec(run("ip", "-6", "route", "get", "fd00:77::109"))![1];
    assert.equal(source(), "fd00:77::100", "the longer common prefix would win");
    rtnetlink.removeAddress(entry);
    for (const ifindex of [LO, va]) rtnetlink.addAddress({ ...entry, ifindex, preferredLft0: true });
    assert.match(
      run("ip", "addr", "show", "dev", "va", "to", "fd00:77::100"),
      /deprecated.*\n.*valid_lft forever preferred_lft 0/,
    );
    assert.equal(source(), "fd00:77::1");
    rtnetlink.close();
  }));

Deno.test("IPv6: a route to the prefix comes with the address, or not", () =>
  inFreshNamespace(() => {
    makePair();
    const rtnetlink = new Rtnetlink();
    const entry = { ifindex: interfaceIndex("va"), address: SERVICE6, prefixLength: 64, nodad: true };
    rtnetlink.addAddress(entry);
    assert.match(run("ip", "-6", "route"), /fd00:77::\/64 dev va/);
    rtnetlink.removeAddress(entry);
    rtnetlink.addAddress({ ...entry, noprefixroute: true });
    assert.doesNotMatch(run("ip", "-6", "route"), /fd00:77::\/64/);
    assert.match(run("ip", "addr", "show", "dev", "va"), /fd00:77::100\/64 scope global .*noprefixroute/);
    rtnetlink.close();
  }));

Deno.test("a refusal says which address, where, and why", () =>
  inFreshNamespace(() => {
    const rtnetlink = new Rtnetlink();
    assert.throws(
      () => rtnetlink.addAddress({ ifindex: 4711, address: SERVICE4, prefixLength: 32 }),
      (error) => error instanceof KernelError && /10\.77\.0\.100\/32 on interface 4711.*ENODEV/.test(error.message),
    );
    assert.throws(
      () => rtnetlink.addAddress({ ifindex: LO, address: SERVICE4, prefixLength: 33 }),
      (error) => error instanceof KernelError && /EINVAL/.test(error.message),
    );
    rtnetlink.close();
  }));

Deno.test("loss and return of carrier are told", () =>
  inFreshNamespace(() => {
    makePair();
    const monitor = new LinkMonitor();
    run("ip", "link", "set", "vb", "down");
    const isVa = (carrier: boolean) => (change: LinkChange) =>
      change.kind === "link" && change.name === "va" && change.carrier === carrier;
    const lost = awaitChange(monitor, isVa(false));
    assert.ok(lost.kind === "link" && lost.up && !lost.deleted && lost.index === interfaceIndex("va"));
    assert.equal(formatMac(lost.mac), "02:00:5e:00:00:0a");
    run("ip", "link", "set", "vb", "up");
    awaitChange(monitor, isVa(true));
    run("ip", "link", "set", "va", "down");
    const down = awaitChange(monitor, (change) => change.kind === "link" && change.name === "va" && !change.up);
    assert.ok(down.kind === "link" && !down.carrier);
    monitor.close();
  }));

Deno.test("links that come and go are told, leaving a bridge is not going", () =>
  inFreshNamespace(() => {
    const monitor = new LinkMonitor();
    makePair();
    const index = interfaceIndex("va");
    awaitChange(monitor, (change) => change.kind === "link" && change.name === "va" && change.carrier);
    run("ip", "link", "add", "name", "br0", "type", "bridge");
    run("ip", "link", "set", "va", "master", "br0");
    run("ip", "link", "set", "va", "nomaster");
    const isGone = (change: LinkChange) => change.kind === "link" && change.deleted;
    assert.ok(!monitor.read().some(isGone));
    run("ip", "link", "del", "va");
    const gone = awaitChange(monitor, (change) => isGone(change) && change.kind === "link" && change.name === "va");
    assert.ok(gone.kind === "link" && gone.index === index && !gone.up && !gone.carrier);
    monitor.close();
  }));

Deno.test("an address that somebody removes is told, whoever it is; with its interface, too", () =>
  inFreshNamespace(() => {
    makePair();
    run("ip", "addr", "add", "10.77.0.100/32", "dev", "va");
    run("ip", "addr", "add", "fd00:77::100/128", "dev", "va", "nodad");
    const index = interfaceIndex("va");
    const monitor = new LinkMonitor();
    assert.deepEqual(monitor.read(), []);
    const isGone = (text: string) => (change: LinkChange) =>
      change.kind === "addressGone" && change.index === index && formatIp(change.address) === text;
    run("ip", "addr", "del", "10.77.0.100/32", "dev", "va");
    awaitChange(monitor, isGone("10.77.0.100"));
    run("ip", "link", "set", "va", "down"); // IPv6 addresses do not survive that
    awaitChange(monitor, isGone("fd00:77::100"));
    monitor.close();
  }));

Deno.test("news that did not fit are reported as lost", () =>
  inFreshNamespace(() => {
    const monitor = new LinkMonitor();
    const rtnetlink = new Rtnetlink();
    const entry = { ifindex: LO, address: SERVICE4, prefixLength: 32 };
    for (let i = 0; i < 4000; i++) {
      rtnetlink.addAddress(entry);
      rtnetlink.removeAddress(entry);
    }
    const kinds = new Set(monitor.read().map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), ["addressGone", "lost"]);
    rtnetlink.addAddress(entry);
    rtnetlink.removeAddress(entry);
    awaitChange(monitor, ({ kind }) => kind === "addressGone");
    for (const each of [monitor, rtnetlink]) each.close();
  }));
