/** Which queues of the hold the loop waits for: those of groups that hold, or did a moment ago. All others cost a look at a flag. */
import type { Poller } from "../../kernel_ffi/poll.ts";
import type { Hold } from "./hold.ts";
import type { Holds } from "./holds.ts";

export class HoldWatch {
  readonly #holds: Holds;
  readonly #poller: Poller;
  readonly #watched: Hold[] = [];

  constructor(holds: Holds, poller: Poller) {
    this.#holds = holds;
    this.#poller = poller;
  }

  /** Before each wait: holds that have begun. */
  begin(): void {
    for (const hold of this.#holds.each) {
      if (!hold.held || this.#watched.includes(hold)) continue;
      this.#watched.push(hold);
      this.#poller.set(hold.passed.fd);
      this.#poller.set(hold.direct.fd);
    }
  }

  /** After a wait. */
  read(): void {
    for (const hold of this.#watched) {
      if (this.#poller.revents(hold.passed.fd) !== 0 || this.#poller.revents(hold.direct.fd) !== 0) hold.drain();
    }
  }

  /** At leisure: a hold that has ended by now gets nothing any more. */
  end(): void {
    for (let i = this.#watched.length - 1; i >= 0; i--) {
      const hold = this.#watched[i]!;
      if (hold.held) continue;
      hold.drain();
      this.#watched.splice(i, 1);
      this.#poller.remove(hold.passed.fd);
      this.#poller.remove(hold.direct.fd);
    }
  }
}
