/**
 * What was counted, put together from the counter's state as segue has it, not from what the service says. Each look at the state shows
 * the last thousand request ids with their numbers; looks that overlap show all of them. Pure.
 */

/** A look at the state of the primary: whatever epoch it is of, later looks at lower ones are of a node that has been left behind. */
export interface Look {
  readonly epoch: number;
  readonly count: number;
  readonly answers: readonly (readonly [id: string, count: number])[];
}

/** What a client was told. */
export interface Told {
  readonly id: string;
  readonly count: number;
}

export class CounterHistory {
  readonly #ids = new Map<number, string>();
  #epoch = 0;
  #count = 0;
  /** Numbers that stood for another request in an earlier reign: written, but acknowledged to nobody, or the verdict says so. */
  rewritten = 0;
  looks = 0;

  get count(): number {
    return this.#count;
  }

  add({ epoch, count, answers }: Look): void {
    if (epoch < this.#epoch) return;
    this.#epoch = epoch;
    this.#count = count;
    this.looks++;
    for (const [id, number] of answers) {
      const before = this.#ids.get(number);
      if (before !== undefined && before !== id) this.rewritten++;
      this.#ids.set(number, id);
    }
  }

  /** Everything that is wrong, in words; at most some of each kind. Nothing: each request was counted once, and as its client was told. */
  verdict(told: readonly Told[]): string[] {
    const wrong = new Findings();
    const numbers = new Map<string, number>();
    for (let number = 1; number <= this.#count; number++) {
      const id = this.#ids.get(number);
      if (id === undefined) {
        wrong.add("unseen", `nobody saw who was counted as ${number}`);
        continue;
      }
      const earlier = numbers.get(id);
      if (earlier !== undefined) wrong.add("twice", `${id} was counted twice, as ${earlier} and as ${number}`);
      numbers.set(id, number);
    }
    for (const { id, count } of told) {
      const number = numbers.get(id);
      if (number === undefined) wrong.add("lost", `${id} was acknowledged as ${count} and is not in the count`);
      else if (number !== count) wrong.add("other", `${id} was acknowledged as ${count} and stands as ${number}`);
      numbers.delete(id);
    }
    for (const [id, number] of numbers) {
      wrong.add("unasked", `${id} was counted as ${number}, and no client has its answer`);
    }
    return wrong.texts;
  }
}

const SHOWN_OF_EACH = 5;

class Findings {
  readonly #kinds = new Map<string, string[]>();

  add(kind: string, text: string): void {
    const texts = this.#kinds.get(kind);
    if (texts === undefined) this.#kinds.set(kind, [text]);
    else texts.push(text);
  }

  get texts(): string[] {
    return [...this.#kinds.values()].flatMap((texts) => {
      const more = texts.length - SHOWN_OF_EACH;
      return more > 0 ? [...texts.slice(0, SHOWN_OF_EACH), `… and ${more} more like this`] : texts;
    });
  }
}
