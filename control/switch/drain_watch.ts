/** Before an old node drops its lease: has its service read everything that was let in? */
import type { UdpQueues } from "../../kernel_ffi/sock_diag.ts";
import type { SwitchContext } from "./context.ts";
import type { Executor } from "./executor.ts";

export class DrainWatch {
  readonly #c: SwitchContext;
  readonly #executor: Executor;
  readonly #queues: UdpQueues;
  /** Per group. */
  readonly #addresses: readonly (readonly Uint8Array[])[];
  /** Groups whose services had something to read at the last look. */
  readonly #unreadBefore = new Set<number>();

  constructor(context: SwitchContext, executor: Executor, queues: UdpQueues) {
    this.#c = context;
    this.#executor = executor;
    this.#queues = queues;
    this.#addresses = context.plan.groups.map(({ slots }) =>
      slots.flatMap((slot) => slot.addresses.map((it) => it.bytes))
    );
  }

  /**
   * To be called before a tick, with the time of that tick: a later one could release what has not been looked at. A service that has read
   * everything gets the same time again for its last answers.
   */
  look(tickUs: number): void {
    for (const g of this.#c.node.groups) {
      if (g.role !== "leaving" || g.phase !== "passing") this.#unreadBefore.delete(g.index);
      else if (tickUs >= g.moving.drainEndUs) this.#lookAt(g.index, tickUs);
    }
  }

  #lookAt(group: number, tickUs: number): void {
    const unread = this.#queues.unread(this.#addresses[group]!) > 0;
    if (unread || this.#unreadBefore.has(group)) this.#executor.step(tickUs, { kind: "busy", group });
    if (unread) this.#unreadBefore.add(group);
    else this.#unreadBefore.delete(group);
  }
}
