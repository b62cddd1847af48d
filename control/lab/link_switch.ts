/** Takes interfaces of other namespaces down and up within microseconds of each other, without starting a program. */
import { closeFd, cString, libc, must } from "../../kernel_ffi/libc.ts";
import { SOCK_CLOEXEC, SOCK_DGRAM } from "../../kernel_ffi/socket_constants.ts";

const CLONE_NEWNET = 0x40000000;
const O_CLOEXEC = 0x80000;
const AF_INET = 2;
// linux/sockios.h, linux/if.h
const SIOCGIFFLAGS = 0x8913n;
const SIOCSIFFLAGS = 0x8914n;
const IFF_UP = 1;
/** sizeof(struct ifreq), and the place of its flags. */
const IFREQ_BYTES = 40;
const IFREQ_FLAGS = 16;

/** One interface. A socket belongs for ever to the namespace in which it was opened. */
export class LinkSwitch {
  readonly #fd: number;
  readonly #request = new Uint8Array(IFREQ_BYTES);
  readonly #view = new DataView(this.#request.buffer);
  readonly #what: string;

  /** @param namespace name below /run/netns */
  constructor(namespace: string, device: string) {
    this.#what = `${device} in ${namespace}`;
    this.#fd = openIn(namespace);
    this.#request.set(cString(device));
  }

  set(up: boolean): void {
    must(libc().ioctl(this.#fd, SIOCGIFFLAGS, this.#request), `read flags of ${this.#what}`);
    const flags = this.#view.getUint16(IFREQ_FLAGS, true);
    this.#view.setUint16(IFREQ_FLAGS, up ? flags | IFF_UP : flags & ~IFF_UP, true);
    must(libc().ioctl(this.#fd, SIOCSIFFLAGS, this.#request), `set ${this.#what} ${up ? "up" : "down"}`);
  }

  close(): void {
    closeFd(this.#fd);
  }
}

function openIn(namespace: string): number {
  return inNamespace(
    namespace,
    () => must(libc().socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "open control socket"),
  );
}

/**
 * Opens something in a namespace, where it stays. `body` must not await: while the thread is elsewhere nobody else shall notice that it is.
 * @param namespace name below /run/netns
 */
export function inNamespace<T>(namespace: string, body: () => T): T {
  const home = must(libc().open(cString("/proc/thread-self/ns/net"), O_CLOEXEC, 0), "open own namespace");
  try {
    const there = must(libc().open(cString(`/run/netns/${namespace}`), O_CLOEXEC, 0), `open namespace ${namespace}`);
    try {
      must(libc().setns(there, CLONE_NEWNET), `enter namespace ${namespace}`);
      return body();
    } finally {
      must(libc().setns(home, CLONE_NEWNET), "return to own namespace");
      closeFd(there);
    }
  } finally {
    closeFd(home);
  }
}
