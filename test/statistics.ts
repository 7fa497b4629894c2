/**
 * The two-sample Kolmogorov–Smirnov distance: the largest gap between the shares of both samples that lie below a value. 0: the same
 * distribution, 1: nothing in common.
 */
export function distance(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [a.toSorted((p, q) => p - q), b.toSorted((p, q) => p - q)]
  let [i, j, largest] = [0, 0, 0]
  while (i < x.length && j < y.length) {
    const value = Math.min(x[i]!, y[j]!)
    while (i < x.length && x[i]! <= value) i++
    while (j < y.length && y[j]! <= value) j++
    largest = Math.max(largest, Math.abs(i / x.length - j / y.length))
  }
  return largest
}

/** How far samples of these sizes lie apart by chance, but for once in a thousand times, when nothing is different. */
export const byChance = (n: number, m: number): number => 1.949 * Math.sqrt((n + m) / (n * m))
