import assert from "node:assert/strict";
import fc from "fast-check";
import { parseIp } from "./address.ts";
import { NetlinkWriter, viewOf } from "./netlink.ts";
import {
  decodeAddress,
  decodeLink,
  writeDeleteAddress,
  writeGetAddresses,
  writeGetLinks,
  writeNewAddress,
} from "./rtnetlink_codec.ts";

function hexBytes(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.replaceAll(/\s/g, "").match(/../g)!, (byte) => parseInt(byte, 16));
}

/** What `write` writes, with the sequence number that the golden bytes have. */
function written(write: (writer: NetlinkWriter) => void): Uint8Array {
  const writer = new NetlinkWriter();
  write(writer);
  const bytes = writer.bytes();
  viewOf(bytes).setUint32(8, 0x6b044c8d, true);
  return bytes;
}

// Requests: strace -xx -e trace=sendmsg -e write=3 ip …, with interface 3.

Deno.test("adding an IPv4 address: ip addr add 10.77.0.100/32 dev va", () => {
  assert.deepEqual(
    written((writer) => writeNewAddress(writer, { ifindex: 3, address: parseIp("10.77.0.100")!, prefixLength: 32 })),
    hexBytes(`28000000 14000506 8d4c046b 00000000 02200000 03000000 08000200 0a4d0064 08000100 0a4d0064`),
  );
});

Deno.test("adding an IPv6 address: ip addr add fd00:77::100/128 dev va nodad preferred_lft 0", () => {
  const address = {
    ifindex: 3,
    address: parseIp("fd00:77::100")!,
    prefixLength: 128,
    nodad: true,
    preferredLft0: true,
  };
  assert.deepEqual(
    written((writer) => writeNewAddress(writer, address)),
    hexBytes(`
      54000000 14000506 8d4c046b 00000000 0a800200 03000000
      14000200 fd000077 00000000 00000000 00000100 14000100 fd000077 00000000 00000000 00000100
      14000600 00000000 ffffffff 00000000 00000000`),
  );
});

Deno.test("a flag above the eighth travels in an attribute of its own", () => {
  const address = { ifindex: 3, address: parseIp("::1")!, prefixLength: 128, nodad: true, noprefixroute: true };
  const bytes = written((writer) => writeNewAddress(writer, address));
  assert.equal(bytes[18], 0x02);
  assert.deepEqual(bytes.subarray(-8), hexBytes("08000800 02020000"));
});

Deno.test("removing an address: ip addr del fd00:77::100/128 dev va", () => {
  const address = { ifindex: 3, address: parseIp("fd00:77::100")!, prefixLength: 128 };
  assert.deepEqual(
    written((writer) => writeDeleteAddress(writer, address)),
    hexBytes(`
      40000000 15000500 8d4c046b 00000000 0a800000 03000000
      14000200 fd000077 00000000 00000000 00000100 14000100 fd000077 00000000 00000000 00000100`),
  );
});

Deno.test("lists are asked for whole", () => {
  assert.deepEqual(
    written(writeGetLinks),
    hexBytes("28000000 12000103 8d4c046b 00000000 00000000 00000000 00000000 00000000 08001d00 08000000"),
  );
  assert.deepEqual(
    written((writer) => writeGetAddresses(writer, 6)),
    hexBytes("18000000 16000103 8d4c046b 00000000 0a000000 00000000"),
  );
});

/**
 * strace -xx -e trace=recvmsg -e read=3 ip addr show dev va: RTM_NEWLINK without its header, cut to what is read of it.
 */
const LINK = hexBytes(`
  00000100 03000000 03100000 00000000 07000300 76610000 05001000 03000000 08000400 dc050000
  0a000100 e28de6b2 7b300000 10001200 09000100 76657468 00000000`);

Deno.test("a link that is up while its peer is down", () => {
  assert.deepEqual(decodeLink(viewOf(LINK), 0, LINK.length), {
    index: 3,
    name: "va",
    mac: hexBytes("e28de6b27b30"),
    up: true,
    carrier: false,
    kind: "veth",
    mtu: 1500,
  });
});

Deno.test("a link with carrier, and the loopback", () => {
  const link = new Uint8Array(LINK);
  viewOf(link).setUint32(8, 0x11043, true); // <UP,LOWER_UP,RUNNING> as ip shows it when the peer is up
  assert.equal(decodeLink(viewOf(link), 0, link.length)!.carrier, true);
  viewOf(link).setUint32(8, 0x10049, true); // lo: <LOOPBACK,UP,LOWER_UP>
  assert.equal(decodeLink(viewOf(link), 0, link.length - 16)!.kind, "loopback");
});

Deno.test("news of a bridge's port are no news of the link", () => {
  const port = new Uint8Array(LINK);
  port[0] = 7; // AF_BRIDGE
  assert.equal(decodeLink(viewOf(port), 0, port.length), null);
});

/** The same command: RTM_NEWADDR without its header. */
const ADDRESS = hexBytes(`
  02208000 03000000 08000100 0a4d0064 08000200 0a4d0064 07000300 76610000 08000800 80000000
  14000600 ffffffff ffffffff f9ca1200 f9ca1200`);

Deno.test("an address", () => {
  assert.deepEqual(decodeAddress(viewOf(ADDRESS), 0, ADDRESS.length), {
    ifindex: 3,
    address: parseIp("10.77.0.100")!,
    prefixLength: 32,
  });
});

Deno.test("of a point-to-point link, the own end is the address", () => {
  const peer = new Uint8Array(ADDRESS);
  peer.set([10, 99, 99, 99], 12); // IFA_ADDRESS
  assert.deepEqual(decodeAddress(viewOf(peer), 0, peer.length)!.address, parseIp("10.77.0.100"));
});

Deno.test("an address of another family is passed over", () => {
  const other = new Uint8Array(ADDRESS);
  other[0] = 12;
  assert.equal(decodeAddress(viewOf(other), 0, other.length), null);
});

Deno.test("bytes cut short or garbled never throw", () => {
  for (const whole of [LINK, ADDRESS]) {
    const edit = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 4 }), fc.nat(whole.length), (edits, length) => {
        const bytes = whole.slice(0, length);
        for (const [at, value] of edits) if (at < length) bytes[at] = value;
        decodeLink(viewOf(bytes), 0, length);
        decodeAddress(viewOf(bytes), 0, length);
      }),
      { numRuns: 500 },
    );
  }
});
