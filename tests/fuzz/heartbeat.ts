/** Heartbeats: the datagram as the network brings it, and as only the peer could have made it. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import {
  emptyHeartbeat,
  GROUPS_MAX,
  type Heartbeat,
  KEYS_MAX,
  LINKS_MAX,
  MACS_MAX,
} from "../../control/core/heartbeat.ts";
import {
  DATAGRAM_MAX,
  decodeHeartbeat,
  encodeHeartbeat,
  prepareKey,
  TAG_BYTES,
  type WireKeys,
} from "../../control/core/wire.ts";
import { mutate } from "./mutate.ts";
import { type FuzzTarget, showBytes } from "./target.ts";

const SECRET = Uint8Array.from({ length: 32 }, (_, i) => i);
const SENDER = 0, RECEIVER = 1;
/** A receiver's buffer has room for one byte more than is read, so that a longer datagram shows. */
const BUFFER_BYTES = DATAGRAM_MAX + 1;

function sample(links: number, macs: number, groups: number): Heartbeat {
  const beat = emptyHeartbeat();
  Object.assign(beat, { node: SENDER, session: 0x1234_5678_9abc, echoSession: 5, seq: 77, sentUs: 1_500_000.5 });
  Object.assign(beat, { linkCount: links, macCount: macs, groupCount: groups, software: "0.1.0", sparing: links });
  beat.keyCount = beat.keys.fill(0x48b2_8a22).length;
  for (let i = 0; i < links; i++) beat.links[i] = { seq: 70 + i, delayUs: 12 };
  for (let i = 0; i < groups; i++) Object.assign(beat.groups[i]!, { role: "primary", phase: "passing", epoch: 7 + i });
  return beat;
}

export const heartbeat: FuzzTarget = {
  name: "heartbeat",
  about: "heartbeat datagrams to the reader: unsigned, and signed with the pair's key",
  shortInputs: 10_000,
  inputMsMax: 2000,
  open() {
    const key = prepareKey(SECRET, "edge");
    const keys: WireKeys = { pairId: key.pairId, keys: [key], retired: [], foreignId: 0 };
    const bodies = [[0, 0, 0], [2, 1, 1], [3, 2, 4], [LINKS_MAX, MACS_MAX, GROUPS_MAX]].map(([links, macs, groups]) => {
      const out = new Uint8Array(DATAGRAM_MAX);
      return out.slice(0, encodeHeartbeat(sample(links!, macs!, groups!), key, out) - TAG_BYTES);
    });
    const buffer = new Uint8Array(BUFFER_BYTES), into = emptyHeartbeat();
    let length = 0;
    return {
      play(random) {
        const body = mutate(random, bodies, BUFFER_BYTES - TAG_BYTES);
        const isSigned = random.chance(0.8);
        const tag = createHmac("sha256", isSigned ? SECRET : "another").update(body).digest().subarray(0, TAG_BYTES);
        buffer.set(body);
        buffer.set(tag, body.length);
        length = body.length + TAG_BYTES;
        const refusal = decodeHeartbeat(buffer, length, keys, RECEIVER, into);
        if (!isSigned) assert.notEqual(refusal, null, "one that the pair's key did not sign was read");
        if (refusal === null) assertSound(into);
      },
      describe: () => showBytes(buffer.subarray(0, length)),
    };
  },
};

/** What the rest of the program takes for granted. */
function assertSound(beat: Heartbeat): void {
  assert.ok(beat.linkCount <= LINKS_MAX && beat.macCount <= MACS_MAX && beat.groupCount <= GROUPS_MAX);
  assert.ok(Number.isSafeInteger(beat.session) && beat.session > 0 && Number.isSafeInteger(beat.seq) && beat.seq >= 0);
  assert.ok(Number.isFinite(beat.sentUs) && beat.node !== RECEIVER);
  assert.ok(beat.keyCount <= KEYS_MAX);
  assert.match(beat.software, /^[\x20-\x7e]{0,255}$/);
  for (const group of beat.groups.slice(0, beat.groupCount)) {
    assert.ok(group.role !== undefined && group.phase !== undefined);
    assert.ok(group.epoch >>> 0 === group.epoch && group.switchId >>> 0 === group.switchId);
  }
}
