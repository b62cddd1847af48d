/** Health by tcp and http, of a real program that listens. */
import assert from "node:assert/strict";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { checkHealth } from "../../control/services/check_health.ts";

monotonicUs();
const PACE = { everyUs: 500_000, timeoutUs: 300_000, fall: 3, rise: 2 } as const;
const never = new AbortController().signal;

Deno.test("http: 200 to 399 is well, anything else and silence are not", async () => {
  let status = 200;
  let answering = Promise.resolve();
  let seen = 0;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    seen++;
    assert.equal(request.method, "GET");
    await answering;
    return new Response("x".repeat(100_000), { status, headers: status === 302 ? { location: "/elsewhere" } : {} });
  });
  const check = { kind: "http", url: `http://127.0.0.1:${server.addr.port}/health`, ...PACE } as const;
  assert.equal(await checkHealth(check, {}, never), null);
  status = 302;
  assert.equal(await checkHealth(check, {}, never), null);
  status = 503;
  assert.equal(await checkHealth(check, {}, never), "HTTP status 503");
  assert.equal(seen, 3);
  let answer = () => {};
  answering = new Promise<void>((resolve) => answer = resolve);
  assert.equal(await checkHealth(check, {}, never), "no answer within 300 ms");
  answer();
  await server.shutdown();
  assert.match(await checkHealth(check, {}, never) ?? "well", /^tcp connect error: Connection refused/);
});

Deno.test("tcp: a connection is enough", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  const check = { kind: "tcp", target: { host: "127.0.0.1", port }, ...PACE } as const;
  assert.equal(await checkHealth(check, {}, never), null);
  (await listener.accept()).close();
  listener.close();
  assert.match(await checkHealth(check, {}, never) ?? "well", /refused/i);
});

Deno.test("a check that is called off ends at once", async () => {
  const off = new AbortController();
  const check = { kind: "exec", exec: ["/bin/sleep", "1000"], ...PACE, timeoutUs: 60e6 } as const;
  const answer = checkHealth(check, {}, off.signal);
  off.abort();
  assert.equal(await answer, "called off");
});
