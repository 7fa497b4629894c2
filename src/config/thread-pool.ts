import { availableParallelism } from 'node:os'

/** libuv's own default, and the most that is of use. */
const USUAL_THREADS = 4
const MOST_THREADS = 128

/** Gives the pool a thread for each core, where those are more than it has by itself. Call this before its first task. */
export function sizePool(): void {
  const cores = availableParallelism()
  if (cores > USUAL_THREADS) process.env.UV_THREADPOOL_SIZE ??= String(Math.min(cores, MOST_THREADS))
}

/** How many threads the pool has, at least 1: also where the variable holds what libuv reads in a way of its own. */
export function poolThreads(told = process.env.UV_THREADPOOL_SIZE): number {
  const threads = Number(told)
  return threads >= 1 ? Math.min(Math.floor(threads), MOST_THREADS) : USUAL_THREADS
}
