import { readConfig } from '../config.ts'
import { makeLog } from '../observability/log.ts'
import { asStart } from '../lib/v8-modes.ts'
import { serve } from '../server/serve.ts'
import type { Command } from './command.ts'
import { runUntilStopped } from './long-running.ts'

export const server: Command = {
  arguments: '',
  help: `
Runs the web server, the API, embedded outposts and jobs. The first start makes the data directory, the secret key, the database and
the first administrator. Log lines are JSON on stderr.

SIGTERM or SIGINT ends it in order: requests under way are answered within ten seconds. A second signal ends it at once.`,
  run: terminal => {
    const config = readConfig(terminal.source)
    const outside = { config, log: makeLog({ level: config.log_level, now: terminal.now }), now: terminal.now, root: terminal.root }
    return runUntilStopped(terminal, outside, async () => {
      const serving = await serve(outside, () => asStart(async () => (await import('../server/start-server.ts')).startServer(outside)))
      return {
        ...serving,
        notice: async () => {
          const { setupPending } = await serving.started
          const [first] = serving.addresses
          if (!first) return []
          const address = config.public_url ?? `${first.scheme}://localhost:${first.port}${config.web.path.slice(0, -1)}`
          return [
            `Signet is ready: ${address}/`,
            ...(setupPending ? [`The first visit sets the administrator's password: ${address}/if/flow/initial-setup/`] : []),
          ]
        },
      }
    })
  },
}
