/** The peer's system says that nobody listens there: its daemon is gone, or has not begun. */
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import type { SwitchContext } from "./context.ts";
import type { Executor } from "./executor.ts";
import type { PathLink } from "./links.ts";

const ECONNREFUSED = 111;

export class Refusals {
  readonly #c: SwitchContext;
  readonly #executor: Executor;
  /** When the peer was heard last, of the silence in which it was told that its daemon is gone. */
  #goneSinceUs = NaN;

  constructor(context: SwitchContext, executor: Executor) {
    this.#c = context;
    this.#executor = executor;
  }

  /** An error waits at the path's socket. */
  read(path: PathLink): void {
    if (path.socket?.drainErrors() !== ECONNREFUSED) return;
    const now = monotonicUs(), reason = `port unreachable at ${path.remote.host}: the peer's daemon is gone`;
    this.#c.evidence.noteHint(reason, now);
    this.#executor.step(now, { kind: "hint", source: "port", reason });
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
