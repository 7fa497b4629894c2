import { readConfig } from '../config.ts'
import { makeLog } from '../observability/log.ts'
import { asStart } from '../lib/v8-modes.ts'
import { serve } from '../server/serve.ts'
import type { Command } from './command.ts'
import { runUntilStopped } from './long-running.ts'

export const worker: Command = {
  arguments: '',
  help: `
Runs jobs alone, beside servers that use the same PostgreSQL. A server runs jobs too: this is for those who want them elsewhere.
On its HTTP address it answers for its health: 200 or 503, whatever the path.`,
  run: terminal => {
    const config = readConfig(terminal.source)
    const outside = { config, log: makeLog({ level: config.log_level, now: terminal.now }), now: terminal.now, root: terminal.root }
    return runUntilStopped(terminal, outside, async () => {
      const serving = await serve(outside, () => asStart(async () => (await import('../server/start-worker.ts')).startWorker(outside)))
      return { ...serving, notice: async () => ['Signet runs jobs.'] }
    })
  },
}
