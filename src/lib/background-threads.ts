import { readdirSync, readFileSync } from 'node:fs'
import { setPriority } from 'node:os'

/** As `nice 10`: beside a busy event loop these threads get about a tenth of a core, and all of it when the loop waits. */
const NICENESS = 10

/** The threads that run asynchronous work of native code (hashes, files, names), by the name that the runtime gives them. */
const POOL_THREAD = 'libuv-worker'

/**
 * Puts the thread pool behind the event loop in the kernel's eyes, so that it may use every core without making requests wait.
 * Only Linux gives threads priorities of their own. The pool starts with its first task: call this after one has ended.
 * @returns whether it is so now
 */
export function yieldToEventLoop(): boolean {
  if (process.platform !== 'linux') return false
  try {
    const pool = readdirSync('/proc/self/task').filter(id => readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim() === POOL_THREAD)
    for (const id of pool) setPriority(Number(id), NICENESS) // Linux takes a thread's number where others want a process's
    return pool.length > 0
  } catch {
    return false // no /proc, or a sandbox that forbids it: the pool stays as it is
  }
}
