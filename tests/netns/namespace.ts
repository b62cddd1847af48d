/** A fresh network namespace for the calling thread; everything made in it is gone when it is left. Needs root. */
import { closeFd, cString, libc, must } from "../../kernel_ffi/libc.ts";

const CLONE_NEWNET = 0x40000000;
const O_RDONLY = 0;
const O_CLOEXEC = 0x80000;

/** Runs a command (in the namespace of the calling thread) and returns what it printed; throws with its stderr if it fails. */
export function run(command: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(command, { args }).outputSync();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** Calls `body` with this thread in a new network namespace where `lo` is up, and comes back whatever happens. */
export async function inFreshNamespace(body: () => void | Promise<void>): Promise<void> {
  const home = must(libc().open(cString("/proc/thread-self/ns/net"), O_RDONLY | O_CLOEXEC, 0), "open own namespace");
  try {
    must(libc().unshare(CLONE_NEWNET), "unshare network namespace");
    run("ip", "link", "set", "lo", "up");
    await body();
  } finally {
    must(libc().setns(home, CLONE_NEWNET), "return to own namespace");
    closeFd(home);
  }
}

/**
 * Adds an address without duplicate address detection and waits until it can be used: the kernel does the rest of the work behind the back of
 * who adds it (net/ipv6/addrconf.c, `addrconf_dad_work`). Until then nothing is taken for the address, and a socket that is connected to it
 * keeps a way that leads nowhere.
 */
export function addSettled(address: string, device: string): void {
  run("ip", "-6", "addr", "add", address, "dev", device, "nodad");
  const route = `local ${address.split("/")[0]} `;
  const isSettled = () =>
    run("ip", "-6", "addr", "show", "dev", device, "to", address, "tentative") === "" &&
    run("ip", "-6", "route", "show", "table", "local", "dev", device).includes(route);
  for (let tries = 0; !isSettled(); tries++) {
    if (tries > 500) throw new Error(`${address} on ${device} does not settle`);
  }
}
