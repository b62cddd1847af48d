/**
 * The layout of dist/segue where it is made with the launcher. The reader is packaging/launcher/payload.h, where the
 * format is described. Pure: bytes in, bytes out.
 */
import { createHash } from "node:crypto";

const MAGIC = "SEGUEPK1";
export const TRAILER_LENGTH = 8 + 4 * 8 + 32;

export interface PackedFile {
  /** Plain file name, without a folder. */
  readonly name: string;
  readonly mode: number;
  /** Length before compression. */
  readonly size: number;
  /** The content as one zstd frame. */
  readonly frame: Uint8Array;
}

export interface ArchiveInfo {
  readonly files: readonly { readonly name: string; readonly mode: number; readonly size: number }[];
  readonly manifestOffset: number;
  readonly payloadOffset: number;
  /** Names the folder into which the launcher unpacks: half of the SHA-256, as hex. */
  readonly id: string;
}

/** Puts launcher, manifest, payload and trailer together. Throws for names that the launcher would refuse. */
export function encodeArchive(launcher: Uint8Array, files: readonly PackedFile[]): Uint8Array<ArrayBuffer> {
  for (const { name } of files) {
    if (!/^[\w-][\w.-]{0,62}$/.test(name)) throw new Error(`pack ${name}: not a plain file name`);
  }
  const lines = files.map(({ mode, size, name }) => `${mode.toString(8)} ${size} ${name}\n`);
  const body = concat([new TextEncoder().encode(lines.join("")), ...files.map((file) => file.frame)]);
  const payloadLength = files.reduce((sum, file) => sum + file.frame.length, 0);
  const trailer = new Uint8Array(TRAILER_LENGTH);
  const view = new DataView(trailer.buffer);
  trailer.set(new TextEncoder().encode(MAGIC));
  const numbers = [
    launcher.length,
    body.length - payloadLength,
    payloadLength,
    files.reduce((sum, file) => sum + file.size, 0),
  ];
  numbers.forEach((value, i) => view.setBigUint64(8 + 8 * i, BigInt(value), true));
  trailer.set(createHash("sha256").update(body).digest(), 40);
  return concat([launcher, body, trailer]);
}

/** What an archive says of itself, or null if the bytes do not end in a trailer. Contents are not verified. */
export function decodeArchive(bytes: Uint8Array): ArchiveInfo | null {
  if (bytes.length < TRAILER_LENGTH) return null;
  const trailer = bytes.subarray(bytes.length - TRAILER_LENGTH);
  if (new TextDecoder().decode(trailer.subarray(0, 8)) !== MAGIC) return null;
  const view = new DataView(trailer.buffer, trailer.byteOffset, trailer.length);
  const manifestOffset = Number(view.getBigUint64(8, true));
  const payloadOffset = manifestOffset + Number(view.getBigUint64(16, true));
  const manifest = new TextDecoder().decode(bytes.subarray(manifestOffset, payloadOffset));
  const files = manifest.split("\n").filter((line) => line !== "").map((line) => {
    const [mode = "", size = "", name = ""] = line.split(" ");
    return { mode: Number.parseInt(mode, 8), size: Number(size), name };
  });
  const id = Array.from(trailer.subarray(40, 56), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { files, manifestOffset, payloadOffset, id };
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
