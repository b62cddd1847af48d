import assert from "node:assert/strict";
import { formatMac } from "../../kernel_ffi/address.ts";
import { virtualMacs } from "./virtual_mac.ts";

const text = (...names: [string, string, string, (string | null)?]) => {
  const [pair, group, device, configured = null] = names;
  const { mac, passedMac } = virtualMacs(pair, group, device, configured);
  return [formatMac(mac), formatMac(passedMac)];
};

Deno.test("the same names give the same MAC on both nodes and in every version", () => {
  assert.deepEqual(text("edge", "web", "eth0"), ["02:53:45:59:b9:93", "06:53:45:59:b9:93"]);
});

Deno.test("another pair, group or interface gives another MAC, and no two names run into each other", () => {
  const all = [["edge", "web", "eth0"], ["edg", "eweb", "eth0"], ["edge", "dns", "eth0"], ["edge", "web", "eth1"]];
  assert.equal(new Set(all.map(([a, b, c]) => text(a!, b!, c!)[0])).size, all.length);
});

Deno.test("a configured MAC is taken as it is", () => {
  assert.deepEqual(text("edge", "web", "eth0", "02:00:5e:10:00:01"), ["02:00:5e:10:00:01", "06:00:5e:10:00:01"]);
});
