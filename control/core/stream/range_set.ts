/** A set of whole numbers as sorted, disjoint, half-open ranges that do not touch. */
export class RangeSet {
  /** start, end, start, end, … ascending. */
  readonly #edges: number[] = [];

  get count(): number {
    return this.#edges.length / 2;
  }

  /** @param index of the range, ascending */
  startOf(index: number): number {
    return this.#edges[2 * index]!;
  }

  endOf(index: number): number {
    return this.#edges[2 * index + 1]!;
  }

  has(value: number): boolean {
    const index = this.#firstEndAfter(value);
    return index < this.#edges.length && this.#edges[index]! <= value;
  }

  add(start: number, end: number): void {
    if (start >= end) return;
    const edges = this.#edges, n = edges.length;
    if (n === 0 || start > edges[n - 1]!) {
      edges.push(start, end);
      return;
    }
    if (start >= edges[n - 2]!) {
      if (end > edges[n - 1]!) edges[n - 1] = end;
      return;
    }
    // Every range that overlaps or touches becomes part of the new one.
    const from = this.#firstEndAfter(start - 1);
    let to = from;
    while (to < n && edges[to]! <= end) to += 2;
    if (from === to) edges.splice(from, 0, start, end);
    else edges.splice(from, to - from, Math.min(start, edges[from]!), Math.max(end, edges[to - 1]!));
  }

  remove(start: number, end: number): void {
    const edges = this.#edges;
    if (start >= end || edges.length === 0) return;
    const from = this.#firstEndAfter(start);
    let to = from;
    while (to < edges.length && edges[to]! < end) to += 2;
    if (from === to) return;
    const before = edges[from]!, after = edges[to - 1]!;
    const rest: number[] = [];
    if (before < start) rest.push(before, start);
    if (after > end) rest.push(end, after);
    edges.splice(from, to - from, ...rest);
  }

  /** The lowest range goes. */
  removeFirst(): void {
    this.#edges.splice(0, 2);
  }

  /** Adds what of this range the other set does not have. */
  addExcept(start: number, end: number, other: RangeSet): void {
    let at = start;
    for (let i = other.#firstEndAfter(start) / 2; i < other.count && other.startOf(i) < end; i++) {
      this.add(at, other.startOf(i));
      at = other.endOf(i);
    }
    this.add(at, end);
  }

  clear(): void {
    this.#edges.length = 0;
  }

  /** Place of the first range that ends after `value`, by halving. */
  #firstEndAfter(value: number): number {
    const edges = this.#edges;
    let low = 0, high = edges.length / 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (edges[2 * middle + 1]! > value) high = middle;
      else low = middle + 1;
    }
    return 2 * low;
  }
}
