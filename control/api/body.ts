/** Reads what a client sends, and believes none of it. */
import { ApiProblem } from "./problem.ts";

export const BODY_MAX = 64 * 1024;
/** For the whole body. */
const BODY_TIMEOUT_MS = 10_000;

/** The JSON object in a request; an empty body is `{}`. Throws `ApiProblem` for anything else. */
export async function readJsonObject(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const text = new TextDecoder().decode(await readBytes(request, BODY_MAX));
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ApiProblem(400, "bad-json", "The body is not JSON", reason, 'send an object such as {"to":"b"}');
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new ApiProblem(400, "bad-json", "The body is not an object", `it is ${JSON.stringify(value).slice(0, 80)}`);
  }
  return { ...value };
}

/** The body, if it has at most `maxBytes`. Throws `ApiProblem` for a longer one. */
export async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (!request.body) return new Uint8Array(0);
  // A length that is too large is refused before it is read; one that is wrong is noticed below.
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const reader = request.body.getReader();
  const timer = setTimeout(() => reader.cancel(new Error("too slow")).catch(() => {}), BODY_TIMEOUT_MS);
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.length;
      if (size > maxBytes) {
        await reader.cancel();
        throw tooLarge(maxBytes);
      }
      parts.push(part.value);
    }
  } finally {
    clearTimeout(timer);
  }
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function tooLarge(maxBytes: number): ApiProblem {
  return new ApiProblem(413, "too-large", "The body is too large", `more than ${maxBytes} bytes`);
}
