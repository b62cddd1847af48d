/** Speaking as the service's address from a node of the lab, by hand. */
import assert from "node:assert/strict";
import { type NodeName, SERVICE_V4 } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { parseIp } from "../../kernel_ffi/address.ts";
import { encodeGratuitousArpRequest } from "../../kernel_ffi/arp.ts";
import { FrameSocket, SEND_ONLY } from "../../kernel_ffi/frames.ts";
import { closeFd, cString, libc, must } from "../../kernel_ffi/libc.ts";

const CLONE_NEWNET = 0x40000000;
const O_CLOEXEC = 0x80000;

/** Runs `body` with this thread in a named namespace. */
function within(namespace: string, body: () => void): void {
  const home = must(libc().open(cString("/proc/thread-self/ns/net"), O_CLOEXEC, 0), "open own namespace");
  const there = must(libc().open(cString(`/run/netns/${namespace}`), O_CLOEXEC, 0), `open ${namespace}`);
  try {
    must(libc().setns(there, CLONE_NEWNET), `enter ${namespace}`);
    body();
  } finally {
    must(libc().setns(home, CLONE_NEWNET), "return");
    closeFd(home);
    closeFd(there);
  }
}

/** Says on the LAN that this node has the address. Nothing leaves where its gate is shut: that fails here. */
export function announce(world: World, name: NodeName): void {
  within(world.net.node(name), () => {
    const socket = new FrameSocket({ interface: "veth0", etherType: SEND_ONLY });
    const frame = encodeGratuitousArpRequest(socket.mac, parseIp(SERVICE_V4)!);
    assert.equal(socket.send(frame, frame.length, 0), 0);
    socket.close();
  });
}
