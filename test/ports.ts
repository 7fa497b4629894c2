import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

/** Below what Linux (32768) and macOS (49152) hand out by themselves, to outgoing connections and to whoever listens on port 0. */
const [FIRST, LAST] = [20_000, 32_000]

/** The ports that this process was told, and where all processes of a run note theirs. */
const told = new Set<number>()
const notes = process.env.SIGNET_TEST_SHARED && join(process.env.SIGNET_TEST_SHARED, 'ports')

/** Whether nobody of the run was told this port before: a program may take seconds until it listens. */
function isNew(port: number): boolean {
  if (told.has(port)) return false
  told.add(port)
  if (!notes) return true
  mkdirSync(notes, { recursive: true })
  try {
    writeFileSync(join(notes, String(port)), '', { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

/**
 * A port of loopback for a program that has to be told one. Nothing listens on it, and the system gives it to nobody else before the
 * program takes it, as it may with a port that it picked for a moment; no two of a run are told the same.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    if (!isNew(port)) continue
    const probe = createServer()
    try {
      await once(probe.listen(port, '127.0.0.1'), 'listening')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      continue
    }
    await once(probe.close(), 'close')
    return port
  }
}
