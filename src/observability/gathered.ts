import { destination, type DestinationStream } from 'pino'

/** Characters; more is not held back. */
const MOST = 64 * 1024

/**
 * Writes lines to a file descriptor, those of one turn of the event loop in one call: under load several requests are answered in a turn,
 * and a call to the system costs more than a line does. What is held when the program ends is written then, unless it is killed.
 */
export function gathered(fd: number): DestinationStream & { flushSync: () => void } {
  const file = destination({ fd, sync: true })
  let held = ''
  const flushSync = () => {
    if (held === '') return
    const lines = held
    held = ''
    file.write(lines)
  }
  atExit(flushSync)
  return {
    flushSync,
    write(line) {
      if (held === '') setImmediate(flushSync)
      held += line
      if (held.length > MOST) flushSync()
    },
  }
}

const flushes: (() => void)[] = []

/** One listener, however many descriptors are written to. */
function atExit(flush: () => void): void {
  if (flushes.length === 0) process.once('exit', () => flushes.forEach(each => each()))
  flushes.push(flush)
}
