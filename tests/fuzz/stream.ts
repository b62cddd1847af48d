/**
 * Packets of the peer stream as only the peer could have sealed them, with something changed, and hellos in between: each input is one
 * connection with some packets. Memory stays within the windows, whatever is claimed.
 */
import assert from "node:assert/strict";
import { Connection } from "../../control/core/stream/connection.ts";
import { HELLO_US, MESSAGE_MAX, PAYLOAD_MAX, SILENCE_US } from "../../control/core/stream/limits.ts";
import { type Hello, NO_SESSION, Stream, type Wire } from "../../control/core/stream/stream.ts";
import type { Random } from "../simulation/random.ts";
import { below, mutate } from "./mutate.ts";
import { type FuzzTarget, showBytes } from "./target.ts";

const PATHS = 2;
const PACKETS_MAX = 12;
const PEER = "66".repeat(16), STRANGER = "77".repeat(16);

export const stream: FuzzTarget = {
  name: "stream",
  about: "opened packets and hellos of the peer stream, with something changed, to its machine",
  shortInputs: 1_500,
  inputMsMax: 2000,
  open() {
    const samples = recordedPayloads();
    let history: Line[] = [];
    return {
      play(random) {
        history = [];
        playConnection(random, samples, history);
      },
      describe: () =>
        history.map(({ atUs, path, number, fed }) =>
          `${atUs} path ${path} number ${number} ${fed instanceof Uint8Array ? showBytes(fed) : JSON.stringify(fed)}`
        ).join("\n"),
    };
  },
};

interface Line {
  readonly atUs: number;
  readonly path: number;
  readonly number: number;
  readonly fed: Uint8Array | Hello;
}

/** What two connections send each other: pings, acknowledgements with gaps, data of both channels, credits, an end. */
function recordedPayloads(): Uint8Array[] {
  const open = [true, true], recorded: Uint8Array[] = [];
  const a = new Connection(open, () => {}), b = new Connection(open, () => {});
  let lost = 0;
  for (let nowUs = 0; nowUs < 60_000; nowUs += 500) {
    if (nowUs % 2000 === 0) a.send(0, new Uint8Array(nowUs % 3000));
    if (nowUs % 4000 === 0) a.send(1, new Uint8Array(3 * nowUs));
    for (const [from, to] of [[a, b], [b, a]] as const) {
      from.onTimer(nowUs);
      from.transmit(nowUs, (path, number, payload, length) => {
        recorded.push(payload.slice(0, length));
        // Some are lost: what follows has gaps to tell of.
        if (lost++ % 7 !== 3) to.accept(path, number, payload, length, nowUs);
      });
    }
  }
  a.transmitClose(60_000, (_path, _number, payload, length) => recorded.push(payload.slice(0, length)));
  return recorded;
}

function playConnection(random: Random, samples: readonly Uint8Array[], history: Line[]): void {
  let sessions = 0, up = 0;
  const newSession = () => (++sessions).toString(16).padStart(32, "0");
  const machine = new Stream(PATHS, newSession, {
    onUp: () => up++,
    onDown: () => up--,
    onMessage: (_channel, bytes) => assert.ok(bytes.length <= MESSAGE_MAX),
    onDrained: () => {},
  }, 0);
  for (let path = 0; path < PATHS; path++) machine.setOpen(path, true);
  const wire: Wire = {
    hello: () => {},
    packet: (_path, _number, _payload, length) => assert.ok(length <= PAYLOAD_MAX),
  };
  let nowUs = 0, number = 0;
  machine.heardHello({ session: PEER, echo: machine.session, unmet: true }, nowUs);
  for (let left = 1 + below(random, PACKETS_MAX); left > 0; left--) {
    nowUs += Math.round(random.pick([0, 100, 3000, HELLO_US, SILENCE_US]) * random.next());
    if (random.chance(0.1)) {
      const hello = {
        session: random.pick([PEER, STRANGER, machine.session]),
        echo: random.pick([machine.session, NO_SESSION, STRANGER]),
        unmet: random.chance(0.5),
      };
      history.push({ atUs: nowUs, path: 0, number, fed: hello });
      machine.heardHello(hello, nowUs);
    } else {
      const payload = mutate(random, samples, PAYLOAD_MAX), path = below(random, PATHS);
      number += random.pick([0, 1, 1, 1, 2, 5, 1000, 2 ** 40]);
      history.push({ atUs: nowUs, path, number, fed: payload });
      if (machine.connection !== null) machine.heardPacket(path, number % 2 ** 48, payload, payload.length, nowUs);
    }
    if (random.chance(0.3)) machine.send(random.pick([0, 1] as const), new Uint8Array(below(random, 5000)));
    if (machine.deadlineUs <= nowUs) machine.onTimer(nowUs);
    machine.transmit(nowUs, wire);
    assert.ok(!Number.isNaN(machine.deadlineUs), "it does not know when to be woken");
    assert.ok(up === 0 || up === 1, `up and down do not alternate: ${up}`);
  }
}
