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

/** The body, if it has at most `maxBytes` and comes in time. Throws `ApiProblem` for another one. */
export async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const { headers } = request;
  const isChunked = headers.get("transfer-encoding") !== null, length = headers.get("content-length");
  if (!isChunked && length === null) return new Uint8Array(0);
  // A length that is too large is refused before it is read; the server sees to it that no more comes.
  if (!isChunked && Number(length) > maxBytes) throw tooLarge(maxBytes);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => timer = setTimeout(() => reject(tooSlow()), BODY_TIMEOUT_MS));
  try {
    return await Promise.race([isChunked ? readChunks(request.body!, maxBytes) : request.bytes(), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function readChunks(body: ReadableStream<Uint8Array<ArrayBuffer>>, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    parts.push(part);
  }
  return await new Blob(parts).bytes();
}

function tooSlow(): ApiProblem {
  return new ApiProblem(408, "too-slow", "The body did not come", `not whole after ${BODY_TIMEOUT_MS / 1000} s`);
}

function tooLarge(maxBytes: number): ApiProblem {
  return new ApiProblem(413, "too-large", "The body is too large", `more than ${maxBytes} bytes`);
}
