import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeExtendedErrno } from "./error_queue.ts";

function hexBytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(/\s/g, "").match(/../g)!, (byte) => parseInt(byte, 16));
}

// Port unreachable, as recvmsg(fd, MSG_ERRQUEUE) wrote it for a UDP socket connected to 127.0.0.1 and to ::1:
// python3 -c 'import socket as s; u=s.socket(2,2); u.setsockopt(0,11,1); u.connect(("127.0.0.1",9)); u.send(b"x");
//   print(u.recvmsg(9,512,0x2000)[1])'
const IPV4_REFUSED = hexBytes(`
  3000000000000000 00000000 0b000000 6f000000 02030300 00000000 00000000 02000000 7f000001 0000000000000000`);
const IPV6_REFUSED = hexBytes(`
  3c00000000000000 29000000 19000000 6f000000 03010400 00000000 00000000
  0a000000 00000000 00000000000000000000000000000001 00000000`);

Deno.test("port unreachable", () => {
  assert.equal(decodeExtendedErrno(IPV4_REFUSED, IPV4_REFUSED.length), 111);
  assert.equal(decodeExtendedErrno(IPV6_REFUSED, IPV6_REFUSED.length), 111);
});

Deno.test("other control messages are passed over", () => {
  const both = new Uint8Array(24 + IPV4_REFUSED.length);
  both.set(hexBytes("14000000 00000000 00000000 02000000 40000000 00000000")); // IP_TTL 64
  both.set(IPV4_REFUSED, 24);
  assert.equal(decodeExtendedErrno(both, both.length), 111);
  assert.equal(decodeExtendedErrno(both, 24), 0);
});

Deno.test("nothing and garbage hold no error, and end", () => {
  assert.equal(decodeExtendedErrno(IPV4_REFUSED, 0), 0);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(100), (bytes, length) => {
    decodeExtendedErrno(bytes, length);
  }));
});

Deno.test("a length with its highest bit set does not lead back to where it stands", () => {
  const control = Uint8Array.from(IPV4_REFUSED);
  control.set([0xf8, 0xff, 0xff, 0xff]);
  assert.equal(decodeExtendedErrno(control, control.length), 111);
});
