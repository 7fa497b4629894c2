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
