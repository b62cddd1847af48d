/** Datagrams of the peer stream as the network brings them: what the two nodes have not sealed is not opened. */
import assert from "node:assert/strict";
import { DATAGRAM_MAX, PAYLOAD_MAX } from "../../control/core/stream/limits.ts";
import { type Header, HELLO, readHeader, readHello, Sealer, writeHello } from "../../control/stream/envelope.ts";
import { connectionTag, derivePacketKeys, preparePairKeys } from "../../control/stream/keys.ts";
import { openSodium } from "../../control/stream/sodium.ts";
import { libc } from "../../kernel_ffi/libc.ts";
import { mutate } from "./mutate.ts";
import { type FuzzTarget, showBytes } from "./target.ts";

const SESSIONS = ["11".repeat(16), "22".repeat(16)] as const;
const SENDER = 0, RECEIVER = 1;

export const envelope: FuzzTarget = {
  name: "envelope",
  about: "datagrams of the peer stream, signed and sealed ones with something changed, to their reader",
  shortInputs: 30_000,
  inputMsMax: 2000,
  open() {
    libc();
    openSodium();
    const [pairKey] = preparePairKeys([new Uint8Array(32).fill(9)], "edge");
    const sending = derivePacketKeys(pairKey!, SENDER, SESSIONS),
      receiving = derivePacketKeys(pairKey!, RECEIVER, SESSIONS);
    const tag = connectionTag(SESSIONS), sealer = new Sealer(SENDER), opener = new Sealer(RECEIVER);
    const samples = [0, 1, 60, PAYLOAD_MAX].map((size, number) => {
      const payload = Uint8Array.from({ length: size }, (_, i) => i);
      return sealer.datagram.slice(0, sealer.seal(1, tag, number, sending, payload, size));
    });
    for (const unmet of [true, false]) {
      const out = new Uint8Array(DATAGRAM_MAX);
      const hello = { session: SESSIONS[0], echo: SESSIONS[1], unmet };
      const length = writeHello(out, { self: SENDER, path: 0, pairId: 5, key: pairKey! }, hello);
      samples.push(out.slice(0, length));
    }
    const genuine = new Set(samples.map((it) => it.toHex()));
    const header: Header = { kind: 0, path: 0, keyId: 0, tag: 0, number: 0 };
    let bytes = new Uint8Array(0);
    return {
      play(random) {
        bytes = mutate(random, samples, DATAGRAM_MAX + 1);
        if (readHeader(bytes, bytes.length, RECEIVER, header) !== null) return;
        const isRead = header.kind === HELLO
          ? typeof readHello(bytes, bytes.length, pairKey!) !== "string"
          : opener.open(bytes, bytes.length, header, receiving) >= 0;
        if (isRead) assert.ok(genuine.has(bytes.toHex()), "a datagram was read that nobody had sealed");
      },
      describe: () => showBytes(bytes),
    };
  },
};
