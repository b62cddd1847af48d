import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeSockaddr,
  encodeSockaddr,
  encodeSockaddrIn,
  encodeSockaddrIn6,
  formatIp,
  formatIpv4,
  formatIpv6,
  formatMac,
  parseIp,
  parseIpv4,
  parseIpv6,
  parseMac,
} from "./address.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

Deno.test("IPv4 text has one form", () => {
  assert.deepEqual(parseIpv4("10.77.0.100"), Uint8Array.of(10, 77, 0, 100));
  for (
    const text of ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.-1", "1.2.3. 4", "1.2.3.4 ", "0x1.2.3.4"]
  ) {
    assert.equal(parseIpv4(text), null, text);
  }
});

Deno.test("IPv6 text in the forms of RFC 4291 2.2", () => {
  const cases: Record<string, string> = {
    "::": "0".repeat(32),
    "::1": `${"0".repeat(31)}1`,
    "1::": `0001${"0".repeat(28)}`,
    "fd00:77::100": "fd000077000000000000000000000100",
    "2001:DB8:0:0:8:800:200C:417A": "20010db80000000000080800200c417a",
    "::ffff:10.77.0.1": "00000000000000000000ffff0a4d0001",
    "64:ff9b::192.0.2.33": "0064ff9b0000000000000000c0000221",
    "1:2:3:4:5:6:7::": "00010002000300040005000600070000",
    "1:2:3:4:5:6:1.2.3.4": "00010002000300040005000601020304",
  };
  for (const [text, hex] of Object.entries(cases)) assert.equal(toHex(parseIpv6(text)), hex, text);
});

Deno.test("what is no IPv6 address is refused", () => {
  const texts = [
    "",
    ":",
    ":::",
    "1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "1::2::3",
    "12345::",
    "g::",
    "1:",
    ":1",
    "1:2:3:4:5:6:7:",
    "::1.2.3",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "fe80::1%eth0",
  ];
  for (const text of texts) assert.equal(parseIpv6(text), null, text);
});

Deno.test("IPv6 canonical text follows RFC 5952 4", () => {
  const cases: Record<string, string> = {
    "2001:0db8::0001": "2001:db8::1", // 4.1 leading zeros
    "2001:db8:0:0:0:0:2:1": "2001:db8::2:1", // 4.2.1 as short as possible
    "2001:db8:0:1:1:1:1:1": "2001:db8:0:1:1:1:1:1", // 4.2.2 not for one group
    "2001:0:0:1:0:0:0:1": "2001:0:0:1::1", // 4.2.3 the longest run
    "2001:db8:0:0:1:0:0:1": "2001:db8::1:0:0:1", // 4.2.3 the first of equals
    "2001:DB8::A": "2001:db8::a", // 4.3 lower case
    "0:0:0:0:0:0:0:0": "::",
    "1:0:0:0:0:0:0:0": "1::",
    "::FFFF:1.2.3.4": "::ffff:1.2.3.4", // 5
    "::1.2.3.4": "::102:304",
  };
  for (const [text, canonical] of Object.entries(cases)) assert.equal(formatIpv6(parseIpv6(text)!), canonical);
});

Deno.test("text and bytes go into one another", () => {
  fc.assert(fc.property(bytes(4), (ip) => assert.deepEqual(parseIpv4(formatIpv4(ip)), ip)));
  fc.assert(fc.property(bytes(6), (mac) => assert.deepEqual(parseMac(formatMac(mac)), mac)));
  // Zeros are what the short form is about.
  const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
    minLength: 8,
    maxLength: 8,
  });
  fc.assert(fc.property(groups, (words) => {
    const ip = Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
    assert.deepEqual(parseIpv6(formatIpv6(ip)), ip);
    assert.deepEqual(parseIpv6(words.map((word) => word.toString(16).padStart(4, "0")).join(":")), ip);
  }));
  fc.assert(fc.property(fc.ipV6(), (text) => assert.notEqual(parseIpv6(text), null, text)));
});

Deno.test("whatever is parsed, nothing throws", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    parseIp(text);
    parseMac(text);
  }));
  const nearly = fc.string({ unit: fc.constantFrom(..."0123456789abcdef:."), maxLength: 45 });
  fc.assert(fc.property(nearly, (text) => {
    const ip = parseIp(text);
    if (ip !== null) assert.deepEqual(parseIp(formatIp(ip)), ip);
  }));
});

Deno.test("MAC text", () => {
  assert.deepEqual(parseMac("02:00:5E:10:00:ff"), Uint8Array.of(2, 0, 0x5e, 0x10, 0, 0xff));
  for (const text of ["", "02:00:5e:10:00", "02-00-5e-10-00-01", "2:0:5e:10:0:1", "02:00:5e:10:00:01:02"]) {
    assert.equal(parseMac(text), null, text);
  }
});

Deno.test("socket addresses as the kernel has them", () => {
  // struct sockaddr_in of linux/in.h: family, port, address, padding
  assert.equal(toHex(encodeSockaddrIn(parseIpv4("127.0.0.1")!, 4790)), "020012b67f0000010000000000000000");
  // struct sockaddr_in6 of linux/in6.h: family, port, flow label, address, scope
  assert.equal(
    toHex(encodeSockaddrIn6(parseIpv6("::1")!, 4790, 7)),
    "0a0012b6000000000000000000000000000000000000000107000000",
  );
});

Deno.test("socket addresses come back as they were, cut ones not at all", () => {
  const host = fc.oneof(bytes(4), bytes(16));
  const port = fc.integer({ min: 0, max: 0xffff });
  fc.assert(fc.property(host, port, fc.integer({ min: 0, max: 0xffff_ffff }), (host, port, anyScope) => {
    const scope = host.length === 4 ? 0 : anyScope;
    const encoded = encodeSockaddr(host, port, scope);
    assert.deepEqual(decodeSockaddr(encoded), { family: host.length === 4 ? 4 : 6, host, port, scope });
    assert.equal(decodeSockaddr(encoded.subarray(0, -1)), null);
  }));
  assert.equal(decodeSockaddr(Uint8Array.of(1, 0, 0x2f)), null);
  assert.throws(() => encodeSockaddrIn(new Uint8Array(16), 1), RangeError);
});

function toHex(bytes: Uint8Array | null): string {
  return bytes === null ? "null" : Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
