/** A request over the socket, as any HTTP client would make it. */
import { API_ORIGIN } from "../../control/api/socket.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export async function ask(
  socket: string,
  method: string,
  path: string,
  body?: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Answer> {
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
  const init = { method, headers, client, ...(body === undefined ? {} : { body: body as BodyInit }) };
  const response = await fetch(API_ORIGIN + path, init);
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers: Object.fromEntries(response.headers), body: bytes };
}
