/** A batch of writes as lines of JSON. All of them are done, or none. Pure. */
import type { WriteOp } from "../state/write.ts";
import { ApiProblem } from "./problem.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/**
 * `{"op":"put","key":"k","value":"text"}`, or `value_base64` for any bytes; `{"op":"delete","key":"k"}`; both with `if_version` at
 * will: the version that the key must have, 0 for none.
 * @throws ApiProblem with the number of the line
 */
export function readBatch(bytes: Uint8Array, opsMax: number): WriteOp[] {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw bad(0, "the body is not UTF-8");
  }
  const ops: WriteOp[] = [];
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    if (line.trim() === "") continue;
    if (ops.length === opsMax) {
      throw new ApiProblem(413, "too-large", "Too many lines", `more than ${opsMax}`, "send several batches");
    }
    ops.push(readLine(line, number));
  }
  return ops;
}

function readLine(line: string, number: number): WriteOp {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw bad(number, error instanceof Error ? error.message : String(error));
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw bad(number, "not an object");
  const { op, key, if_version: ifVersion, ...others } = value as Record<string, unknown>;
  if (typeof key !== "string") throw bad(number, "key must be text");
  if (ifVersion !== undefined && !(Number.isSafeInteger(ifVersion) && (ifVersion as number) >= 0)) {
    throw bad(number, "if_version must be a version, or 0 for a key that does not exist");
  }
  const condition = ifVersion === undefined ? {} : { ifVersion: ifVersion as number };
  if (op === "put") return { key, value: readValue(others, number), ...condition };
  if (op !== "delete") throw bad(number, 'op must be "put" or "delete"');
  requireNothing(others, number);
  return { key, value: null, ...condition };
}

function readValue({ value, value_base64: base64, ...others }: Record<string, unknown>, number: number): Uint8Array {
  requireNothing(others, number);
  if (typeof value === "string" && base64 === undefined) return encoder.encode(value);
  if (typeof base64 === "string" && value === undefined) {
    try {
      return Uint8Array.fromBase64(base64);
    } catch {
      throw bad(number, "value_base64 is not base64");
    }
  }
  throw bad(number, "either value or value_base64 must be there, as text");
}

function requireNothing(others: Record<string, unknown>, number: number): void {
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw bad(number, `${unknown.slice(0, 40)} is not known`);
}

function bad(number: number, reason: string): ApiProblem {
  const hint = '{"op":"put","key":"k","value":"v"} or {"op":"delete","key":"k"}, each with "if_version" at will';
  return new ApiProblem(400, "bad-line", "A line cannot be used", `line ${number}: ${reason}`, hint, {
    more: { line: number },
  });
}
