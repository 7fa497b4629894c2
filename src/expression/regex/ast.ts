import type { SetItem } from './charset.ts'

export type AtKind = 'begin' | 'end' | 'beginString' | 'endString' | 'boundary' | 'notBoundary'
export type RepeatMode = 'greedy' | 'lazy' | 'possessive'

/** One thing to match; `lo` and `hi` bound the number of characters it takes (`hi` may be Infinity). */
export type Node = { lo: number; hi: number } & (
  | { op: 'char'; char: number }
  | { op: 'any' }
  | { op: 'set'; items: SetItem[]; negate: boolean }
  | { op: 'at'; at: AtKind }
  | { op: 'branch'; branches: Seq[] }
  | { op: 'group'; group: number | null; add: number; del: number; body: Seq }
  | { op: 'atomic'; body: Seq }
  | { op: 'look'; behind: boolean; negate: boolean; body: Seq }
  | { op: 'repeat'; min: number; max: number; mode: RepeatMode; body: Seq }
  | { op: 'backref'; group: number }
  | { op: 'conditional'; group: number; yes: Seq; no: Seq | null }
)

/** Nodes matched one behind the other. */
export type Seq = { lo: number; hi: number; nodes: Node[] }

export function sequence(nodes: Node[]): Seq {
  let lo = 0
  let hi = 0
  for (const node of nodes) {
    lo += node.lo
    hi += node.hi
  }
  return { lo, hi, nodes }
}

export const NO_WIDTH = { lo: 0, hi: 0 } as const
export const ONE = { lo: 1, hi: 1 } as const

/** Product of a width and a count, where nothing repeated without end is still nothing. */
export const times = (width: number, count: number) => (width === 0 || count === 0 ? 0 : width * count)
