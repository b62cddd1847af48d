/** What the peer's kernel says of the heartbeats' port: nobody listens on it any more. */
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import type { SwitchContext } from "./context.ts";
import type { Executor } from "./executor.ts";

/** errno(3) of an ICMP port unreachable (RFC 1122, section 3.2.2.1). */
const ECONNREFUSED = 111;

export class DeadPort {
  readonly #c: SwitchContext;
  readonly #executor: Executor;
  /** When the peer was heard last, of the silence in which it was told that its daemon is gone. */
  #goneSinceUs = NaN;

  constructor(context: SwitchContext, executor: Executor) {
    this.#c = context;
    this.#executor = executor;
  }

  /** A socket of a path reports an error. @param host the peer's address there */
  failed(errno: number, host: string): void {
    if (errno !== ECONNREFUSED) return;
    const now = monotonicUs(), reason = `port unreachable at ${host}: the peer's daemon is gone`;
    this.#c.evidence.noteHint(reason, now);
    this.#executor.step(now, { kind: "hint", source: "port", reason });
    this.#tell(now, reason);
  }

  /**
   * On a busy machine the sockets of a process that was killed are closed after its lease has ended and its peer has taken over: what was
   * too late as a reason is told afterwards, once for each silence.
   */
  #tell(now: number, text: string): void {
    const { heardUs, limits } = this.#c.node;
    if (heardUs === -Infinity || heardUs === this.#goneSinceUs || now - heardUs < limits.deadAfterUs) return;
    this.#goneSinceUs = heardUs;
    this.#c.event("info", "peer-gone", text);
  }
}
