import assert from "node:assert/strict";
import fc from "fast-check";
import { exchange } from "./raw.ts";
import { withServer } from "./sample_node.ts";

const method = fc.oneof(
  fc.constantFrom("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"),
  fc.stringMatching(/^[A-Z]{1,9}$/),
);
const path = fc.oneof(
  fc.constantFrom("/v1/status", "/v1/events", "/metrics", "/v1/reload", "/v1/groups/web/switchover", "/", "*"),
  fc.constantFrom("/v1/groups/web/role", "/v1/groups/web/role/ack", "/v1/groups/web/output", "/v1/maintenance"),
  fc.string({ unit: "binary" }).map((text) => `/v1/groups/${encodeURI(text.toWellFormed())}/switchover`),
  fc.stringMatching(/^\/[!-~]{0,40}$/),
);
const header = fc.stringMatching(/^[a-z-]{1,12}: [ -~]{0,30}$/);
const body = fc.oneof(fc.string(), fc.json(), fc.constant('{"to":"b"}'));

const request = fc.tuple(method, path, fc.array(header, { maxLength: 4 }), body).map(([verb, place, headers, text]) => {
  const bytes = new TextEncoder().encode(text.toWellFormed());
  const lines = [
    `${verb} ${place} HTTP/1.1`,
    "host: x",
    `content-length: ${bytes.length}`,
    "connection: close",
    ...headers,
  ];
  return new Uint8Array([...new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n"), ...bytes]);
});

/** Whole requests, pieces of them, pieces exchanged for noise, and noise alone. */
const bytes = fc.oneof(
  request,
  fc.tuple(request, fc.nat()).map(([whole, at]) => whole.slice(0, at % whole.length)),
  fc.tuple(request, fc.nat(), fc.uint8Array({ maxLength: 8 })).map(([whole, at, noise]) => {
    whole.set(noise.subarray(0, Math.max(0, whole.length - at % whole.length)), at % whole.length);
    return whole;
  }),
  fc.uint8Array({ maxLength: 300 }),
);

Deno.test("nothing that a client sends brings the server down, or keeps it from answering others", () =>
  withServer(async ({ socket, client }) => {
    await fc.assert(
      fc.asyncProperty(bytes, async (sent) => {
        const answer = await exchange(socket, sent, 15);
        if (answer !== "") assert.match(answer, /^HTTP\/1\.[01] [2-5][0-9]{2}/);
      }),
      { numRuns: 600 },
    );
    assert.equal((await client.status()).node, "a");
  }));

Deno.test("clients that stop in the middle hinder nobody", () =>
  withServer(async ({ socket, client }) => {
    const half = "POST /v1/groups/web/switchover HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
    const connections = await Promise.all(
      Array.from({ length: 50 }, () => Deno.connect({ transport: "unix", path: socket })),
    );
    for (const connection of connections) await connection.write(new TextEncoder().encode(half));
    assert.equal((await client.status()).node, "a");
    for (const connection of connections) connection.close();
    assert.equal((await client.status()).node, "a");
  }));
