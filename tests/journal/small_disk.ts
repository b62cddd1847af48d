/** Real file systems that are small enough to be full. */
import assert from "node:assert/strict";
import { run } from "../netns/namespace.ts";
import { withJournal } from "./samples.ts";

/** Calls `body` with the path of a journal on a file system of 1 MB, or of another size. Needs root. */
export async function withSmallDisk(
  body: (path: string, disk: string) => void | Promise<void>,
  size = "1m",
): Promise<void> {
  await withJournal(async (_, folder) => {
    const disk = `${folder}/disk`;
    Deno.mkdirSync(disk);
    run("mount", "-t", "tmpfs", "-o", `size=${size}`, "japi-journal", disk);
    try {
      await body(`${disk}/journal.db`, disk);
    } finally {
      run("umount", disk);
    }
  });
}

/** Fills the disk to the last byte; returns what makes room again. */
export function fill(disk: string): () => void {
  const path = `${disk}/ballast`;
  const file = Deno.openSync(path, { write: true, create: true, append: true });
  try {
    for (const size of [65536, 4096, 1]) {
      try {
        for (;;) file.writeSync(new Uint8Array(size));
      } catch (error) {
        assert.match(String(error), /os error 28/);
      }
    }
  } finally {
    file.close();
  }
  return () => Deno.removeSync(path);
}
