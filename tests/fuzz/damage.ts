/** Files as a killed daemon leaves them, and what a disk may make of them. */
import type { Random } from "../simulation/random.ts";
import { below, noise } from "./mutate.ts";
import type { Subject } from "./target.ts";

const PAGE_BYTES = 4096;
const SHORT_MAX = 64;
const BLOWS_MAX = 3;

/** Files by their name. */
export type Files = ReadonlyMap<string, Uint8Array>;

export function readFolder(folder: string, names: readonly string[]): Files {
  return new Map(names.map((name) => [name, Deno.readFileSync(`${folder}/${name}`)]));
}

/** Writes the files into the folder, some of them hurt; returns what was done, for a report. */
function strike(random: Random, files: Files, folder: string): string {
  const said: string[] = [], names = [...files.keys()];
  const changed = new Map<string, Uint8Array>(files);
  for (let blows = 1 + below(random, BLOWS_MAX); blows > 0; blows--) {
    const name = random.pick(names), before = changed.get(name)!;
    const at = below(random, before.length + 1);
    const blow = random.pick(BLOWS);
    changed.set(name, blow(random, before, at));
    said.push(`${blow.name} ${name} at ${at}`);
  }
  for (const [name, bytes] of changed) Deno.writeFileSync(`${folder}/${name}`, bytes);
  return said.join(", ");
}

type Blow = (random: Random, bytes: Uint8Array, at: number) => Uint8Array;

const BLOWS: readonly Blow[] = [flipBit, scribble, zeroPage, exchangePages, cutOff, lengthen, numberLies];

function written(bytes: Uint8Array, at: number, what: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy.set(what.subarray(0, Math.max(0, copy.length - at)), at);
  return copy;
}

function flipBit(random: Random, bytes: Uint8Array, at: number): Uint8Array {
  return written(bytes, at, Uint8Array.of((bytes[at] ?? 0) ^ 1 << below(random, 8)));
}

function scribble(random: Random, bytes: Uint8Array, at: number): Uint8Array {
  return written(bytes, at, noise(random, 1 + below(random, SHORT_MAX)));
}

/** A page that was never written, or was erased. */
function zeroPage(random: Random, bytes: Uint8Array, at: number): Uint8Array {
  return written(bytes, at - at % PAGE_BYTES, new Uint8Array(PAGE_BYTES).fill(random.pick([0, 255])));
}

/** A write that went to the wrong place. */
function exchangePages(random: Random, bytes: Uint8Array, at: number): Uint8Array {
  const other = below(random, 1 + Math.floor(bytes.length / PAGE_BYTES)) * PAGE_BYTES;
  return written(bytes, at - at % PAGE_BYTES, bytes.slice(other, other + PAGE_BYTES));
}

function cutOff(_random: Random, bytes: Uint8Array, at: number): Uint8Array {
  return bytes.slice(0, at);
}

function lengthen(random: Random, bytes: Uint8Array): Uint8Array {
  const more = random.chance(0.5) ? noise(random, 1 + below(random, SHORT_MAX)) : bytes.slice(-PAGE_BYTES);
  const longer = new Uint8Array(bytes.length + more.length);
  longer.set(bytes);
  longer.set(more, bytes.length);
  return longer;
}

/** Counts, page numbers and lengths stand in two or four bytes, big-endian. */
function numberLies(random: Random, bytes: Uint8Array, at: number): Uint8Array {
  const value = random.pick([0, 1, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff]);
  const lie = new Uint8Array(4);
  new DataView(lie.buffer).setUint32(0, value);
  return written(bytes, at, random.chance(0.5) ? lie : lie.subarray(2));
}

/**
 * Each input: the files, hurt, in a folder of their own.
 * @param folder goes at the end  @param check is told the folder and what was done
 */
export function damaged(folder: string, files: Files, check: (here: string, said: string) => void): Subject {
  const here = `${folder}/run`;
  let said = "";
  return {
    play(random) {
      Deno.mkdirSync(here);
      try {
        said = strike(random, files, here);
        check(here, said);
      } finally {
        Deno.removeSync(here, { recursive: true });
      }
    },
    describe: () => said,
    close: () => Deno.removeSync(folder, { recursive: true }),
  };
}

/** Where many small files cost no disk. */
export function quickFolder(): string {
  let dir: string | undefined;
  try {
    if (Deno.statSync("/dev/shm").isDirectory) dir = "/dev/shm";
  } catch {
    // Then the usual place.
  }
  return Deno.makeTempDirSync({ prefix: "segue-fuzz-", ...(dir === undefined ? {} : { dir }) });
}
