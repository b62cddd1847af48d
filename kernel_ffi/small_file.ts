/**
 * Small files of /proc, read and written by the calling thread itself: what they say depends on who asks (its network
 * namespace, its capabilities), and a poll loop may await nobody.
 */
import { closeFd, cString, libc, must } from "./libc.ts";

const O_RDONLY = 0;
const O_WRONLY = 1;
const O_CLOEXEC = 0x80000;

/** First 64 KiB of a file as text. Throws `KernelError`. */
export function readSmallFile(path: string): string {
  const fd = must(libc().open(cString(path), O_RDONLY | O_CLOEXEC, 0), `open ${path}`);
  try {
    const bytes = new Uint8Array(1 << 16);
    let length = 0;
    for (;;) {
      const read = must(libc().read32(fd, bytes.subarray(length), bytes.length - length), `read ${path}`);
      if (read === 0) return new TextDecoder().decode(bytes.subarray(0, length));
      length += read;
    }
  } finally {
    closeFd(fd);
  }
}

/** Writes a value in one call, as files of /proc want it. The file must exist. Throws `KernelError`. */
export function writeSmallFile(path: string, text: string): void {
  const fd = must(libc().open(cString(path), O_WRONLY | O_CLOEXEC, 0), `open ${path}`);
  try {
    const bytes = new TextEncoder().encode(text);
    must(libc().write32(fd, bytes, bytes.length), `write ${path}`);
  } finally {
    closeFd(fd);
  }
}
