import assert from "node:assert/strict";
import { isLinkLocal6, parseEndpoint, parseIp, unusableReason } from "./address.ts";

Deno.test("addresses come out canonical", () => {
  const table: [string, string | null][] = [
    ["10.77.0.100", "10.77.0.100"],
    ["FD00:77:0:0::100", "fd00:77::100"],
    ["::1", "::1"],
    ["010.0.0.1", null],
    ["10.0.0", null],
    ["10.0.0.256", null],
    ["fd00::1%eth0", null],
    ["[fd00::1]", null],
    ["", null],
  ];
  for (const [text, canonical] of table) assert.equal(parseIp(text)?.text ?? null, canonical, text);
});

Deno.test("endpoints: IPv6 in brackets, a port from 1 to 65535", () => {
  assert.deepEqual(parseEndpoint("10.78.0.1:4790"), { host: "10.78.0.1", port: 4790 });
  assert.deepEqual(parseEndpoint("[FD00:78::0:1]:1"), { host: "fd00:78::1", port: 1 });
  const bad: [string, RegExp][] = [
    ["10.78.0.1", /has no port/],
    ["fd00::1", /has no port/],
    ["10.78.0.1:0", /port 0/],
    ["10.78.0.1:65536", /port 65536/],
    ["fd00::1:4790x", /is not an address and a port/],
    ["[10.78.0.1]:4790", /does not begin with/],
    ["localhost:4790", /does not begin with/],
    [":4790", /does not begin with/],
    ["10.78.0.1:4790 ", /is not an address and a port/],
  ];
  for (const [text, pattern] of bad) assert.match(String(parseEndpoint(text)), pattern, text);
});

Deno.test("an address that nobody can own is named as such", () => {
  const table: [string, RegExp | null][] = [
    ["0.0.0.0", /unspecified/],
    ["::", /unspecified/],
    ["0.1.2.3", /reserved/],
    ["224.0.0.1", /multicast/],
    ["ff02::1", /multicast/],
    ["255.255.255.255", /reserved/],
    ["::ffff:10.0.0.1", /IPv4 address in IPv6/],
    ["10.77.0.100", null],
    ["fe80::1", null],
  ];
  for (const [text, pattern] of table) {
    const reason = unusableReason(parseIp(text)!);
    if (pattern === null) assert.equal(reason, null, text);
    else assert.match(reason ?? "", pattern, text);
  }
});

Deno.test("link-local is fe80::/10", () => {
  assert.deepEqual(["fe80::1", "febf::1", "fec0::1", "fd00::1", "10.0.0.1"].map((t) => isLinkLocal6(parseIp(t)!)), [
    true,
    true,
    false,
    false,
    false,
  ]);
});
