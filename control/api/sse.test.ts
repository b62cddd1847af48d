import assert from "node:assert/strict";
import fc from "fast-check";
import { parseServerSentEvent, readServerSentEvents, type ServerSentEvent } from "./sse.ts";

Deno.test("fields, comments, and data of several lines", () => {
  assert.deepEqual(parseServerSentEvent("id: 7\nevent: switch\ndata: {"), { id: "7", event: "switch", data: "{" });
  assert.deepEqual(parseServerSentEvent("data:a\n: note\ndata: b"), { id: "", event: "message", data: "a\nb" });
  assert.equal(parseServerSentEvent(": ping"), null);
  assert.equal(parseServerSentEvent("id: 7"), null);
});

Deno.test("the same events come out however the bytes are cut", () =>
  fc.assert(fc.asyncProperty(fc.array(fc.nat(20), { minLength: 1 }), async (cuts) => {
    const wanted: ServerSentEvent[] = ["eins", "zwö", "3 €"].map((data, i) => ({
      id: String(i),
      event: "event",
      data,
    }));
    const text = ": hello\n\n" + wanted.map((e) => `id: ${e.id}\nevent: ${e.event}\ndata: ${e.data}\n\n`).join("");
    const bytes = new TextEncoder().encode(text + "data: unfinished");
    const parts: Uint8Array[] = [];
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const size = 1 + cuts[i % cuts.length]!;
      parts.push(bytes.slice(at, at + size));
      at += size;
    }
    const got: ServerSentEvent[] = [];
    for await (const event of readServerSentEvents(ReadableStream.from(parts))) got.push(event);
    assert.deepEqual(got, wanted);
  })));
