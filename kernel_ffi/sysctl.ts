/** Network settings under /proc/sys/net, of the network namespace that the calling thread is in. */
import { ENOENT, KernelError } from "./errno.ts";
import { readSmallFile, writeSmallFile } from "./small_file.ts";

/**
 * Names a setting by its parts: `["ipv4", "conf", "eth0.5", "arp_ignore"]`. Parts instead of dots, because interface
 * names may have dots in them.
 */
export type SysctlName = readonly string[];

function pathOf(name: SysctlName): string {
  return `/proc/sys/net/${name.join("/")}`;
}

/** Value of a setting, without the line end. Throws `KernelError` (ENOENT: no such setting or interface). */
export function readSysctl(name: SysctlName): string {
  return readSmallFile(pathOf(name)).trimEnd();
}

/** Throws `KernelError`. */
export function writeSysctl(name: SysctlName, value: string | number): void {
  writeSmallFile(pathOf(name), `${value}`);
}

/** A changed setting, and the way back. */
export interface ChangedSysctl {
  readonly previous: string;
  /** Puts the previous value back, once; an interface that has gone meanwhile took its settings with it. */
  restore(): void;
}

/** Changes a setting until `restore`. A value that was right already is left alone, and so is it by `restore`. */
export function withRestore(name: SysctlName, value: string | number): ChangedSysctl {
  const previous = readSysctl(name);
  let changed = previous !== `${value}`;
  if (changed) writeSysctl(name, value);
  return {
    previous,
    restore() {
      if (!changed) return;
      changed = false;
      try {
        writeSysctl(name, previous);
      } catch (error) {
        if (!(error instanceof KernelError && error.errno === ENOENT)) throw error;
      }
    },
  };
}
