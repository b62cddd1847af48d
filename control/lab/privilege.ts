/**
 * The lab needs the rights of root over networks, not over the machine: who is not root gets them in a user namespace of
 * their own, where everything that the lab makes exists for it alone.
 */
import { cString, libc, must } from "../../kernel_ffi/libc.ts";
import { segueCommand } from "./process.ts";

/** Set once the program runs in its own namespaces. */
const OWN_NAMESPACES = "SEGUE_LAB_UNSHARED";

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
  return libc().geteuid() === 0 ? "root" : "none";
}

/**
 * Becomes the same program in new user, network and mount namespaces, by way of unshare(1): same process, so signals and the
 * exit code need no go-between. Returns only if that failed.
 */
export function becomeUnshared(args: readonly string[]): void {
  Deno.env.set(OWN_NAMESPACES, "1");
  // `-n` as well: mounting and naming network namespaces is the right of whoever owns the one that they live in.
  const command = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--", ...segueCommand(...args)];
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
