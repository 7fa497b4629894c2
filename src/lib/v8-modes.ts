import { setFlagsFromString } from 'node:v8'

/**
 * Runs what leaves much garbage and little else, like a start, with a young generation that stays small. Unhindered V8 doubles it again
 * and again, to 32 MB, and gives nothing back while the process rests. Afterwards it grows with the load as ever: V8 asks for the
 * factor each time.
 */
export async function withSmallHeap<T>(work: () => Promise<T>): Promise<T> {
  setFlagsFromString('--semi-space-growth-factor=1')
  try {
    return await work()
  } finally {
    setFlagsFromString('--semi-space-growth-factor=2')
  }
}

/** A start that takes longer has much to do, like moving the rows of a large database to a new form. */
const SHORT = 3_000 // ms

/**
 * Runs a start: code that runs once or twice, and is over before a compiler's work on it pays. Without optimizing it takes less of the
 * processor, and the compilers' code and working memory (14 MiB) are not loaded before there is something for them to do.
 */
export async function asStart<T>(work: () => Promise<T>): Promise<T> {
  const optimize = (value: boolean) => {
    for (const compiler of ['maglev', 'turbofan']) setFlagsFromString(`--${value ? '' : 'no-'}${compiler}`)
  }
  optimize(false)
  const limit = setTimeout(() => optimize(true), SHORT).unref()
  try {
    return await withSmallHeap(work)
  } finally {
    clearTimeout(limit)
    optimize(true)
  }
}

let lean = 0

/**
 * The same for long work that goes on beside everything else: the old generation is also looked through whenever it has grown by a third,
 * and not when it has doubled twice. The work takes longer, and what was garbage all along does not stay in memory.
 */
export async function withLeanHeap<T>(work: () => Promise<T>): Promise<T> {
  if (lean++ === 0) setFlagsFromString('--heap-growing-percent=30')
  try {
    return await withSmallHeap(work)
  } finally {
    if (--lean === 0) setFlagsFromString('--heap-growing-percent=0')
  }
}
