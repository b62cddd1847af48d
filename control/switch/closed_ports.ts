/** "Port unreachable" by ICMP: the peer's machine lives, its daemon does not. */
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import type { SwitchContext } from "./context.ts";
import type { Executor } from "./executor.ts";
import type { PathLink } from "./links.ts";

const ECONNREFUSED = 111;

export class ClosedPorts {
  readonly #c: SwitchContext;
  readonly #executor: Executor;
  /** The silence that has been told of, by its beginning. */
  #goneSinceUs = NaN;

  constructor(context: SwitchContext, executor: Executor) {
    this.#c = context;
    this.#executor = executor;
  }

  /** An error was pending on a path's socket. */
  failed(errno: number, { remote: { host }, stats }: PathLink): void {
    if (errno !== ECONNREFUSED) return;
    const now = monotonicUs(), reason = `port unreachable at ${host}: the peer's daemon is gone`;
    // A filter that refuses speaks with the voice of a closed port, but on a path that has not worked before either.
    const sure = stats.heardUs !== -Infinity && stats.heardUs >= this.#c.node.heardUs - this.#c.node.limits.suspectUs;
    this.#c.evidence.noteHint(reason, now);
    this.#executor.step(now, { kind: "hint", source: "port", reason, sure });
    this.#peerGone(now, reason);
  }

  /**
   * On a busy machine the sockets of a process that was killed are closed after its lease has ended and its peer has taken over: what was
   * too late as a reason is told afterwards, once for each silence.
   */
  #peerGone(now: number, text: string): void {
    const { heardUs, limits } = this.#c.node;
    if (heardUs === -Infinity || heardUs === this.#goneSinceUs || now - heardUs < limits.deadAfterUs) return;
    this.#goneSinceUs = heardUs;
    this.#c.event("info", "peer-gone", text);
  }
}
