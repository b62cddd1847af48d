/** Runs the command that makes sure that the peer is off: one at a time, for the switch thread, which waits for its answer. */
import type { PairConfig } from "../../config/model.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import type { SwitchCommand, SwitchReport } from "../core/messages.ts";
import { daemonEnvironment } from "../services/environment.ts";
import { runCommand } from "../services/run_command.ts";
import type { Log } from "./log.ts";

type Order = Extract<SwitchReport, { kind: "fencePeer" }>;

export interface FencerParts {
  readonly node: string;
  readonly log: Pick<Log, "write">;
  /** To the switch thread. */
  readonly send: (command: SwitchCommand) => void;
}

export class Fencer {
  readonly #p: FencerParts;
  #config: PairConfig;
  #running: AbortController | null = null;

  constructor(config: PairConfig, parts: FencerParts) {
    this.#config = config;
    this.#p = parts;
  }

  /** What runs now goes on; the next order goes by the new file. */
  reload(config: PairConfig): void {
    this.#config = config;
  }

  /** The answer goes when the command has ended, or has been ended. */
  async order({ order, group }: Order): Promise<void> {
    const peer = this.#config.nodes.find(({ name }) => name !== this.#p.node)!;
    if (peer.fence === undefined) return;
    this.off();
    const running = this.#running = new AbortController();
    const [command, startUs] = [peer.fence.command, monotonicUs()];
    this.#p.log.write("notice", `fencing ${peer.name}: ${command.join(" ")}`);
    const problem = await runCommand(command, {
      timeoutUs: peer.fence.timeoutUs,
      signal: running.signal,
      env: {
        ...daemonEnvironment(Deno.env.toObject()),
        SEGUE_PAIR: this.#config.pair.name,
        SEGUE_NODE: this.#p.node,
        SEGUE_PEER: peer.name,
        SEGUE_GROUP: group,
      },
      onLine: (line) => this.#p.log.write("info", `fence: ${line}`),
    });
    if (running.signal.aborted) return;
    this.#running = null;
    const endUs = monotonicUs(), took = `${((endUs - startUs) / 1000).toFixed(1)} ms`;
    const reason = problem === null ? `${command[0]} ended with 0 after ${took}` : `${command[0]}: ${problem}`;
    const steps = [
      { step: "fence command started", atUs: startUs },
      { step: problem === null ? `fenced ${peer.name}` : `fence failed: ${problem}`, atUs: endUs },
    ];
    this.#p.send({ kind: "peerFenced", order, ok: problem === null, reason, steps });
  }

  /** Ends what runs: the peer lives, or this daemon stops. */
  off(): void {
    this.#running?.abort();
    this.#running = null;
  }
}
