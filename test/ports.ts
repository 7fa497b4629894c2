import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below what Linux (32768) and macOS (49152) hand out by themselves, to outgoing connections and to whoever listens on port 0. */
const [FIRST, LAST] = [20_000, 32_000]

/**
 * A port of loopback for a program that has to be told one. Nothing listens on it, and the system gives it to nobody else before the
 * program takes it, as it may with a port that it picked for a moment; two who ask at once are told different ones, as good as always.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
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
