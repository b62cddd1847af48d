/** When a service that has ended is started again, and when it is given up. Pure. */
import type { ServiceConfig } from "../../config/model.ts";

export type RestartLimits = Pick<
  ServiceConfig,
  "restartDelayUs" | "restartDelayMaxUs" | "restartLimit" | "restartWindowUs"
>;

export type RestartDecision =
  | { readonly kind: "again"; readonly afterUs: number }
  | { readonly kind: "giveUp"; readonly failures: number };

/** Remembers the failures of one service within its window: at most `restartLimit` of them. */
export class RestartPolicy {
  readonly #limits: RestartLimits;
  #failuresUs: number[] = [];

  constructor(limits: RestartLimits) {
    this.#limits = limits;
  }

  /** The service has ended, or could not be started. The delay doubles with each failure that is not forgotten yet. */
  failed(nowUs: number): RestartDecision {
    const { restartDelayUs, restartDelayMaxUs, restartLimit, restartWindowUs } = this.#limits;
    this.#failuresUs = this.#failuresUs.filter((atUs) => nowUs - atUs < restartWindowUs);
    this.#failuresUs.push(nowUs);
    const failures = this.#failuresUs.length;
    if (failures >= restartLimit) return { kind: "giveUp", failures };
    return { kind: "again", afterUs: Math.min(restartDelayMaxUs, restartDelayUs * 2 ** (failures - 1)) };
  }

  /** Somebody wants it to be tried again. */
  clear(): void {
    this.#failuresUs = [];
  }
}
