/** Requests to the daemon's API as bytes on its socket: whole, cut, spliced. It answers in HTTP or closes, and goes on answering others. */
import assert from "node:assert/strict";
import { exchange } from "../api/raw.ts";
import { startServer } from "../api/sample_node.ts";
import { mutate } from "./mutate.ts";
import { type FuzzTarget, showBytes } from "./target.ts";

const REQUEST_MAX = 8192;
/** A request that is cut waits for the rest: nobody waits for its answer that long here. */
const PATIENCE_MS = 4;

function request(method: string, path: string, body = "", headers = ""): Uint8Array {
  const text =
    `${method} ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\nconnection: close\r\n${headers}\r\n${body}`;
  return new TextEncoder().encode(text);
}

const SAMPLES = [
  request("GET", "/v1/status"),
  request("GET", "/metrics"),
  request("GET", "/v1/floor?hours=24"),
  request("GET", "/v1/groups/web/rehearsal"),
  request("GET", "/v1/groups/web/role"),
  request("GET", "/v1/groups/web/output?service=echo&lines=10"),
  request("POST", "/v1/groups/web/switchover", '{"to":"b","timeout_ms":100,"force":false}'),
  request("POST", "/v1/reload"),
  request("POST", "/v1/maintenance", '{"on":true}'),
  request("POST", "/v1/groups/web/role/ack", '{"follower":"f1","order":1,"ok":true}'),
  request("PUT", "/v1/groups/web/state/counter?ack=durable", "42", 'if-match: "1"\r\n'),
  request("GET", "/v1/groups/web/state/counter"),
  request("DELETE", "/v1/groups/web/state/counter"),
  request("GET", "/v1/groups/web/state?prefix=c&limit=10"),
  request("POST", "/v1/groups/web/state", '{"op":"put","key":"a","value_base64":"MQ=="}\n{"op":"delete","key":"b"}\n'),
  request("GET", "/v1/groups/web/orphans"),
  request("DELETE", "/v1/groups/web/orphans"),
];

export const api: FuzzTarget = {
  name: "api",
  about: "HTTP requests with something changed to the daemon's API on its socket",
  shortInputs: 600,
  inputMsMax: 5000,
  async open() {
    const running = await startServer();
    let bytes = new Uint8Array(0);
    let played = 0;
    return {
      async play(random) {
        bytes = mutate(random, SAMPLES, REQUEST_MAX);
        const answer = await exchange(running.socket, bytes, PATIENCE_MS);
        if (answer !== "") assert.match(answer, /^HTTP\/1\.[01] [1-5][0-9]{2} /);
        // Nobody else notices.
        if (++played % 100 === 0) assert.equal((await running.client.status()).node, "a");
      },
      describe: () => `${new TextDecoder("latin1").decode(bytes)}\n${showBytes(bytes)}`,
      close: () => running.close(),
    };
  },
};
