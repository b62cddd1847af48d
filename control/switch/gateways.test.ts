import assert from "node:assert/strict";
import { parseIp } from "../../kernel_ffi/address.ts";
import { sourceFor } from "./gateways.ts";

const own = (text: string, prefixLength: number) => ({ ifindex: 2, address: parseIp(text)!, prefixLength });

Deno.test("a gateway is asked from the own address of its network, or from none", () => {
  const addresses = [own("10.76.0.1", 24), own("10.77.1.1", 23), own("fd00:77::1", 64), own("fe80::1", 64)];
  assert.deepEqual(sourceFor(parseIp("10.77.0.254")!, addresses), parseIp("10.77.1.1"));
  assert.deepEqual(sourceFor(parseIp("fd00:77::fe")!, addresses), parseIp("fd00:77::1"));
  assert.equal(sourceFor(parseIp("10.77.2.1")!, addresses), undefined);
  assert.equal(sourceFor(parseIp("fd00:78::fe")!, addresses), undefined);
});
