/** From single checks to a verdict: it takes several in a row to change one. Pure. */

export class HealthCounter {
  readonly #fall: number;
  readonly #rise: number;
  #inARow = 0;
  /** Null until the first success: a service that is starting is neither. How long that may last is not counted here. */
  healthy: boolean | null;

  constructor({ fall, rise }: { readonly fall: number; readonly rise: number }, healthy: boolean | null = null) {
    this.#fall = fall;
    this.#rise = rise;
    this.healthy = healthy;
  }

  /** One check's result; true if it has changed the verdict. */
  note(ok: boolean): boolean {
    if (this.healthy === null) {
      if (ok) this.healthy = true;
      return ok;
    }
    this.#inARow = ok === this.healthy ? 0 : this.#inARow + 1;
    if (this.#inARow < (this.healthy ? this.#fall : this.#rise)) return false;
    this.#inARow = 0;
    this.healthy = ok;
    return true;
  }
}
