/**
 * Two stream machines, a network and an arbiter in one thread, with a simulated clock. The arbiter knows what was sent in which
 * connection and complains of everything that arrives otherwise; the network seals nothing, but lets a packet be opened only where a
 * key of both sessions would.
 */
import { type Hello, NO_SESSION, Stream } from "../../../control/core/stream/stream.ts";
import type { Channel } from "../../../control/core/stream/limits.ts";
import { EventQueue } from "../queue.ts";
import { Random } from "../random.ts";
import { Network } from "./network.ts";

type NodeIndex = 0 | 1;

interface Packet {
  readonly path: number;
  readonly from: NodeIndex;
  readonly hello: Hello | null;
  /** Sessions of node 0 and 1 that it was sealed for. */
  readonly key: string;
  readonly number: number;
  readonly payload: Uint8Array;
}

/** Ways to break a machine, for tests of the arbiter. */
export interface Sabotage {
  /** Changes the frames of a packet before it is sealed. */
  readonly tamper?: (payload: Uint8Array, length: number) => void;
  /** A session that is not new after a restart. */
  readonly sameSession?: boolean;
  /** Packets of every connection can be opened. */
  readonly oneKey?: boolean;
}

interface SimNode {
  stream: Stream;
  up: boolean;
  timerUs: number;
  /** Restarts make timers and packets of the earlier run void. */
  run: number;
}

/** Messages of one direction and channel of one connection. */
interface Flow {
  sent: number[];
  received: number;
}

export class StreamWorld {
  readonly random: Random;
  readonly network: Network;
  readonly violations: string[] = [];
  readonly downs: string[] = [];
  readonly nodes: [SimNode, SimNode];
  nowUs = 1_000_000;
  delivered = 0;
  packets = 0;
  replays = 0;
  readonly #sabotage: Sabotage;
  readonly #events = new EventQueue();
  readonly #flows = new Map<string, Flow>();
  readonly #nonces = new Set<string>();
  readonly #recorded: Packet[] = [];
  #sessions = 0;

  constructor(seed: number, paths: number, sabotage: Sabotage = {}) {
    this.random = new Random(seed);
    this.network = new Network(this.random, paths);
    this.#sabotage = sabotage;
    this.nodes = [this.#boot(0, 0), this.#boot(1, 0)];
    for (const index of [0, 1] as const) this.#flush(index);
  }

  // ---- the clock

  at(atUs: number, run: () => void): void {
    this.#events.add(atUs, run);
  }

  runUntil(untilUs: number): void {
    while (this.#events.nextAt <= untilUs && this.violations.length === 0) {
      this.nowUs = Math.max(this.nowUs, this.#events.nextAt);
      this.#events.take()();
    }
    this.nowUs = untilUs;
  }

  // ---- nodes

  #boot(index: NodeIndex, run: number): SimNode {
    const newSession = () =>
      this.#sabotage.sameSession ? `${index}`.padEnd(32, "a") : (++this.#sessions).toString(16).padStart(32, "0");
    const node: SimNode = { stream: null as unknown as Stream, up: false, timerUs: Infinity, run };
    node.stream = new Stream(
      this.network.ways.length,
      newSession,
      {
        onUp: () => {
          if (node.up) this.violations.push(`node ${index} is up twice`);
          node.up = true;
        },
        onDown: (reason) => {
          if (!node.up) this.violations.push(`node ${index} is down twice`);
          node.up = false;
          this.downs.push(reason);
          if (reason === "violation") this.violations.push(`node ${index} calls the other's packet a violation`);
        },
        onMessage: (channel, bytes) => this.#onMessage(index, channel, bytes),
        onDrained: () => {},
      },
      this.nowUs,
    );
    for (let path = 0; path < this.network.ways.length; path++) node.stream.setOpen(path, true);
    return node;
  }

  /** The node's process ends without a word, and another one starts. */
  restart(index: NodeIndex): void {
    this.nodes[index] = this.#boot(index, this.nodes[index].run + 1);
    this.#flush(index);
  }

  send(index: NodeIndex, channel: Channel, length: number): boolean {
    const { stream } = this.nodes[index];
    const flow = this.#flow(this.#keyOf(index), index, channel);
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = flow.sent.length * 31 + i * 7 + (i >> 8);
    if (!stream.send(channel, bytes)) return false;
    flow.sent.push(length);
    this.#flush(index);
    return true;
  }

  #onMessage(index: NodeIndex, channel: number, bytes: Uint8Array): void {
    const flow = this.#flow(this.#keyOf(index), 1 - index as NodeIndex, channel);
    const place = flow.received++;
    this.delivered++;
    if (flow.sent[place] !== bytes.length) {
      this.violations.push(`message ${place} of channel ${channel} has ${bytes.length} bytes, not ${flow.sent[place]}`);
      return;
    }
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] === ((place * 31 + i * 7 + (i >> 8)) & 255)) continue;
      this.violations.push(`message ${place} of channel ${channel} differs at byte ${i}`);
      return;
    }
  }

  /** Everything that was sent in the connection that both nodes have now has arrived. */
  undelivered(): string[] {
    const problems: string[] = [];
    const key = this.#keyOf(0);
    if (key !== this.#keyOf(1) || !this.nodes[0].up || !this.nodes[1].up) problems.push("there is no connection");
    for (const from of [0, 1] as const) {
      for (const channel of [0, 1] as const) {
        const { sent, received } = this.#flow(key, from, channel);
        if (sent.length !== received) {
          problems.push(`of ${sent.length} messages from node ${from} on channel ${channel} ${received} arrived`);
        }
      }
      if (this.nodes[from].stream.buffered !== 0) problems.push(`node ${from} holds what has arrived`);
    }
    return problems;
  }

  #keyOf(index: NodeIndex): string {
    const { session, peerSession } = this.nodes[index].stream;
    return index === 0 ? `${session} ${peerSession}` : `${peerSession} ${session}`;
  }

  #flow(key: string, from: NodeIndex, channel: number): Flow {
    const name = `${key} ${from} ${channel}`;
    let flow = this.#flows.get(name);
    if (flow === undefined) this.#flows.set(name, flow = { sent: [], received: 0 });
    return flow;
  }

  // ---- packets

  #flush(index: NodeIndex): void {
    const node = this.nodes[index];
    node.stream.transmit(this.nowUs, {
      hello: (path, hello) => this.#post({ path, from: index, hello, key: "", number: 0, payload: new Uint8Array(0) }),
      packet: (path, number, payload, length) => {
        const key = this.#keyOf(index);
        if (key.includes(NO_SESSION)) this.violations.push("a packet without a connection");
        const nonce = `${key} ${index} ${path} ${number}`;
        if (this.#nonces.has(nonce)) this.violations.push(`number ${number} of path ${path} is used twice`);
        this.#nonces.add(nonce);
        const bytes = payload.slice(0, length);
        this.#sabotage.tamper?.(bytes, length);
        this.#post({ path, from: index, hello: null, key, number, payload: bytes });
      },
    });
    const { run } = node;
    if (node.stream.more) this.at(this.nowUs + 20, () => this.nodes[index].run === run && this.#flush(index));
    this.#arm(index);
  }

  #arm(index: NodeIndex): void {
    const node = this.nodes[index], { run } = node;
    const deadline = node.stream.deadlineUs;
    if (deadline >= node.timerUs || deadline === Infinity) return;
    node.timerUs = deadline;
    // As timers are: late, and by how much nobody knows.
    const lateUs = 50 + this.random.next() * 1500;
    this.at(Math.max(this.nowUs, deadline) + lateUs, () => {
      if (this.nodes[index].run !== run || node.timerUs !== deadline) return;
      node.timerUs = Infinity;
      node.stream.onTimer(this.nowUs);
      this.#flush(index);
    });
  }

  #post(packet: Packet): void {
    this.packets++;
    if (this.random.chance(0.02) && this.#recorded.length < 500) this.#recorded.push(packet);
    for (const atUs of this.network.arrivals(packet.path, packet.from, this.nowUs)) {
      this.at(atUs, () => this.#arrive(packet));
    }
  }

  /** Somebody sends again what he has recorded. */
  replay(): void {
    if (this.#recorded.length === 0) return;
    this.replays++;
    this.#arrive(this.random.pick(this.#recorded));
  }

  #arrive(packet: Packet): void {
    const index = 1 - packet.from as NodeIndex;
    const { stream } = this.nodes[index];
    if (packet.hello !== null) stream.heardHello(packet.hello, this.nowUs);
    else if (packet.key === this.#keyOf(index) || this.#sabotage.oneKey) {
      stream.heardPacket(packet.path, packet.number, packet.payload, packet.payload.length, this.nowUs);
    }
    this.#flush(index);
  }
}
