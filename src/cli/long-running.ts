import type { Outside } from '../assemble.ts'
import type { Serving } from '../server/serve.ts'
import type { Terminal } from './command.ts'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * Starts something that runs until a signal ends it, and answers the exit code: 0 after an orderly end, 1 when it could not start.
 * Faults that nobody caught are logged and end the process, since what they left behind is unknown.
 */
export async function runUntilStopped(
  terminal: Terminal,
  { log, config }: Pick<Outside, 'log' | 'config'>,
  start: () => Promise<Pick<Serving, 'started' | 'close'> & { notice: () => Promise<string[]> }>,
): Promise<number> {
  for (const warning of config.warnings) log.warn(warning)
  const crash = (error: unknown) => {
    log.fatal({ err: error }, 'unexpected fault')
    process.exit(1)
  }
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)

  let stop = (_signal: NodeJS.Signals) => process.exit(0) // nothing runs yet
  const onSignal = (signal: NodeJS.Signals) => stop(signal)
  for (const signal of SIGNALS) process.on(signal, onSignal)
  let running: Awaited<ReturnType<typeof start>> | undefined
  try {
    running = await start()
    const stopped = new Promise<NodeJS.Signals>(resolve => (stop = resolve as typeof stop))
    const first = await Promise.race([stopped, running.started.then(() => undefined)])
    if (first === undefined) {
      for (const line of await running.notice()) terminal.stdout.write(`${line}\n`)
    }
    const signal = first ?? (await stopped)
    log.info({ signal }, 'stopping')
    stop = () => process.exit(1)
    // Whatever the start was doing: a migration that is cut off is rolled back by the database.
    if (first !== undefined) process.exit(0)
    await running.close()
    log.info('stopped')
    return 0
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    log.fatal({ err: error }, `cannot start: ${message}`)
    if ((terminal.stderr as { isTTY?: boolean }).isTTY) terminal.stderr.write(`signet: cannot start: ${message}\n`)
    await running?.close()
    return 1
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal)
    process.off('uncaughtException', crash)
    process.off('unhandledRejection', crash)
  }
}
