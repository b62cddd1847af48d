/** Reads server-sent events (WHATWG HTML, 9.2.6), as far as segue writes them. Pure. */

export interface ServerSentEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

export async function* readServerSentEvents(bytes: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  let rest = "";
  const text = new TextDecoder();
  for await (const part of bytes) {
    rest += text.decode(part, { stream: true });
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const event = parseServerSentEvent(rest.slice(0, end));
      rest = rest.slice(end + 2);
      if (event !== null) yield event;
    }
  }
}

/** One block without its empty line; null if it has no data (a comment). */
export function parseServerSentEvent(block: string): ServerSentEvent | null {
  let id = "";
  let event = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const parts = /^(id|event|data): ?(.*)$/.exec(line);
    if (parts?.[1] === "id") id = parts[2]!;
    else if (parts?.[1] === "event") event = parts[2]!;
    else if (parts?.[1] === "data") data.push(parts[2]!);
  }
  return data.length === 0 ? null : { id, event, data: data.join("\n") };
}
