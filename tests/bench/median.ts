/** Of an odd number of runs, the one in the middle; of an even one, the upper of the two. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((x, y) => x - y)[Math.floor(numbers.length / 2)]!;
}
