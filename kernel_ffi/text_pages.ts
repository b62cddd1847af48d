/** The runtime's code in memory: what only the start has needed need not stay. */
import { libc } from "./libc.ts";
import { readSmallFile } from "./small_file.ts";

const MADV_DONTNEED = 4;

/** Code of a file, mapped to be run: never written to, so every page can be had from the file again. */
export function codeMappings(maps: string): readonly { readonly from: bigint; readonly length: bigint }[] {
  return maps.split("\n").flatMap((line) => {
    const match = line.match(/^([0-9a-f]+)-([0-9a-f]+) r-xp [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ [1-9]\d* +\//);
    if (match === null) return [];
    const from = BigInt(`0x${match[1]}`);
    return [{ from, length: BigInt(`0x${match[2]}`) - from }];
  });
}

/**
 * Lets go of the code pages of this process. Those that are still needed come back from the page cache by themselves, a
 * microsecond for sixteen; the others, much of what a start touches, do not. For a moment before which nothing is urgent.
 */
export function dropCodePages(): void {
  for (const { from, length } of codeMappings(readSmallFile("/proc/self/maps"))) {
    libc().madvise(from, length, MADV_DONTNEED);
  }
}
