/**
 * The lab needs the rights of root over networks, not over the machine: who is not root gets them in a user namespace of
 * their own, where everything that the lab makes exists for it alone.
 */
import { cString, libc, must } from "../../kernel_ffi/libc.ts";
import { segueCommand } from "./process.ts";

/** Set once the program runs in its own namespaces. */
const OWN_NAMESPACES = "SEGUE_LAB_UNSHARED";
/** `--net` as well: mounting and naming network namespaces is the right of whoever owns the one that they live in. */
const UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--"] as const;
/** linux/capability.h */
const CAP_NET_ADMIN = 12n;
const CAP_SYS_ADMIN = 21n;

/** mount(2) and execvp(3), which nothing else here needs. */
const SYMBOLS = {
  /** int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data) */
  mount: { parameters: ["buffer", "buffer", "buffer", "u64", "pointer"], result: "i32" },
  /** int execvp(const char *file, char *const argv[]) */
  execvp: { parameters: ["buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

export type Privilege = "root" | "own namespaces" | "none";

/** Which rights this process has. */
export function privilege(): Privilege {
  if (Deno.env.get(OWN_NAMESPACES) !== undefined) return "own namespaces";
  return libc().geteuid() === 0 && hasCapabilities() ? "root" : "none";
}

/** Root of a container often has less than root: what the lab needs are namespaces and everything in them. */
function hasCapabilities(): boolean {
  const effective = Deno.readTextFileSync("/proc/self/status").match(/^CapEff:\s*([0-9a-f]+)/m)?.[1] ?? "0";
  return [CAP_NET_ADMIN, CAP_SYS_ADMIN].every((capability) => (BigInt(`0x${effective}`) >> capability & 1n) === 1n);
}

/** Why there is no user namespace to be had, null if there is: a process that has become unshare(1) cannot say it any more. */
export function userNamespaceRefusal(): string | null {
  try {
    const { success, stderr } = new Deno.Command(UNSHARE[0], { args: [...UNSHARE.slice(1), "true"] }).outputSync();
    return success ? null : `no user namespace to be had: ${new TextDecoder().decode(stderr).trim()}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "unshare(1) is missing, which makes a user namespace";
    throw error;
  }
}

/**
 * Becomes the same program in new user, network and mount namespaces, by way of unshare(1): same process, so signals and the
 * exit code need no go-between. Returns only if that failed.
 */
export function becomeUnshared(args: readonly string[]): void {
  Deno.env.set(OWN_NAMESPACES, "1");
  const command = [...UNSHARE, ...segueCommand(...args)];
  const strings = command.map(cString);
  const argv = new BigUint64Array(strings.length + 1);
  strings.forEach((text, i) => argv[i] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(text)));
  Deno.dlopen("libc.so.6", SYMBOLS).symbols.execvp(strings[0]!, new Uint8Array(argv.buffer));
}

/** ip(8) names namespaces below /run, which belongs to somebody else: an own one in its place. */
export function mountOwnRun(): void {
  const { mount } = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  must(mount(cString("tmpfs"), cString("/run"), cString("tmpfs"), 0n, null), "mount tmpfs on /run");
}
