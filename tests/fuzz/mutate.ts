/** Inputs that are almost right: valid samples with something done to them. Pure; all randomness comes from the caller's generator. */
import type { Random } from "../simulation/random.ts";

/** Values at which lengths, counts and offsets go wrong. */
const EDGES = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 127, 128, 255, 256, 0x7fff, 0x8000, 0xfffe, 0xffff];
const WIDE_EDGES = [...EDGES, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff];
const BLOWS_MAX = 8;
const NOISE_MAX = 64;

export function below(random: Random, limit: number): number {
  return Math.floor(random.next() * limit);
}

export function noise(random: Random, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, () => below(random, 256));
}

/**
 * One of the samples after one to eight blows; sometimes untouched, sometimes noise alone.
 * @param lengthMax what is longer is cut: the medium carries no more
 */
export function mutate(random: Random, samples: readonly Uint8Array[], lengthMax: number): Uint8Array<ArrayBuffer> {
  if (random.chance(0.01)) return noise(random, below(random, Math.min(lengthMax, 4 * NOISE_MAX) + 1));
  let bytes = Uint8Array.from(random.pick(samples));
  if (random.chance(0.02)) return bytes;
  const blows = 1 + Math.floor(random.next() ** 2 * BLOWS_MAX);
  for (let i = 0; i < blows; i++) bytes = random.pick(BLOWS)(random, bytes, samples);
  return bytes.length > lengthMax ? bytes.slice(0, lengthMax) : bytes;
}

type Blow = (
  random: Random,
  bytes: Uint8Array<ArrayBuffer>,
  samples: readonly Uint8Array[],
) => Uint8Array<ArrayBuffer>;

const BLOWS: readonly Blow[] = [flipBit, setByte, lie16, lie32, lie16, cut, drop, repeat, insertNoise, splice];

function flipBit(random: Random, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.length > 0) bytes[below(random, bytes.length)]! ^= 1 << below(random, 8);
  return bytes;
}

function setByte(random: Random, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.length > 0) {
    bytes[below(random, bytes.length)] = random.chance(0.5) ? random.pick(EDGES) : below(random, 256);
  }
  return bytes;
}

/** A number of two bytes says something else, in either byte order: as often as not a length. */
function lie16(random: Random, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.length < 2) return bytes;
  const view = new DataView(bytes.buffer), at = below(random, bytes.length - 1), little = random.chance(0.5);
  const near = view.getUint16(at, little) + below(random, 9) - 4;
  view.setUint16(at, random.chance(0.5) ? near : random.pick(EDGES), little);
  return bytes;
}

function lie32(random: Random, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.length < 4) return bytes;
  const view = new DataView(bytes.buffer), at = below(random, bytes.length - 3), little = random.chance(0.5);
  const near = view.getUint32(at, little) + below(random, 9) - 4;
  view.setUint32(at, random.chance(0.3) ? near : random.pick(WIDE_EDGES), little);
  return bytes;
}

function cut(random: Random, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return bytes.slice(0, below(random, bytes.length + 1));
}

function drop(random: Random, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const [from, to] = range(random, bytes.length);
  return joined(bytes.subarray(0, from), bytes.subarray(to));
}

function repeat(random: Random, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const [from, to] = range(random, bytes.length);
  return joined(bytes.subarray(0, to), bytes.subarray(from));
}

function insertNoise(random: Random, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const at = below(random, bytes.length + 1);
  return joined(bytes.subarray(0, at), noise(random, 1 + below(random, NOISE_MAX)), bytes.subarray(at));
}

/** The beginning of this one and the end of another. */
function splice(
  random: Random,
  bytes: Uint8Array<ArrayBuffer>,
  samples: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const other = random.pick(samples);
  return joined(
    bytes.subarray(0, below(random, bytes.length + 1)),
    other.subarray(below(random, other.length + 1)),
  );
}

function range(random: Random, length: number): [from: number, to: number] {
  const from = below(random, length + 1);
  return [from, Math.min(length, from + below(random, 1 + Math.min(length, NOISE_MAX)))];
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
