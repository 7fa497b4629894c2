import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { Outside } from '../assemble.ts'
import type { Config } from '../config.ts'
import { createServer } from '../http/node-http.ts'
import { front, type Behind } from './front.ts'
import { httpsPair } from './https-pair.ts'
import { listen, openSockets, type Sockets } from './sockets.ts'
import { startingResponder } from './starting.ts'

/** What runs behind the sockets, once it does. */
export type Program = Pick<Behind, 'app' | 'ready' | 'metrics'> & {
  /** Tells what HTTPS is to be served with, at once and whenever that changes. */
  certificates?: (tell: Sockets['setCertificates']) => Promise<unknown>
  onUpgrade?: Parameters<Sockets['onUpgrade']>[0]
  /** Whether the first visitor is to set the administrator's password. */
  setupPending?: boolean
  /** Ends it. Requests that are under way were answered before. */
  close: () => Promise<void>
}

/** Requests under way get this long when the program is told to end. */
const GRACE = 10_000 // ms

export type Serving = {
  readonly addresses: Sockets['addresses']
  /** What started; rejects when it could not. */
  readonly started: Promise<Program>
  /** Ends everything in order: takes no more, answers what is under way, closes the program. */
  close: () => Promise<void>
}

/**
 * Opens the sockets at once and then starts the program behind them, so that probes and people are answered meanwhile: however long a
 * migration takes, "live" says 200, "ready" 503, and everything else that the program is starting.
 * @throws ListenError
 */
export async function serve(outside: Outside, start: () => Promise<Program>): Promise<Serving> {
  const { config, log } = outside
  // Everything in there is secret: keys, and with the embedded database all data.
  await mkdir(config.data_dir, { recursive: true, mode: 0o700 }).catch((error: unknown) =>
    log.warn({ err: error }, 'the data directory cannot be made'),
  )
  const behind: Behind = {}
  const pair = config.listen.https.length > 0 ? await httpsPair(outside) : undefined
  const sockets = await openSockets(
    config,
    pair,
    front(behind, { prefix: config.web.path, starting: startingResponder({ config, log, randomBytes }) }),
  )
  let metricsServers: Server[] = []
  try {
    metricsServers = await openMetrics(config, behind)
  } catch (error) {
    await sockets.close(0)
    throw error
  }
  log.info(
    { addresses: sockets.addresses.map(({ scheme, host, port }) => `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`) },
    'listening',
  )

  const started = start().then(async program => {
    await program.certificates?.(sockets.setCertificates)
    if (program.onUpgrade) sockets.onUpgrade(program.onUpgrade)
    Object.assign(behind, { app: program.app, ready: program.ready, metrics: program.metrics })
    return program
  })
  return {
    addresses: sockets.addresses,
    started,
    async close() {
      behind.closing = true
      await sockets.close(GRACE)
      // The last to go quiet, so that the end can be watched.
      await Promise.all(metricsServers.map(server => new Promise(resolve => server.close(resolve).closeAllConnections())))
      const program = await started.catch(() => undefined)
      await program?.close()
    },
  }
}

/** The metrics' own port, which needs no key: it is not for the public. */
async function openMetrics(config: Config, behind: Behind): Promise<Server[]> {
  const servers: Server[] = []
  try {
    for (const listener of config.listen.metrics) {
      const server = createServer({ headersTimeout: 5_000, requestTimeout: 10_000 }, (request, response) => {
        const [path = ''] = (request.url ?? '').split('?', 1)
        if (!['/metrics', '/metrics/'].includes(path)) return void response.writeHead(404).end()
        if (!behind.metrics) return void response.writeHead(503, { 'retry-after': '5' }).end()
        behind.metrics.exposition().then(
          ({ contentType, text }) => void response.writeHead(200, { 'content-type': contentType }).end(text),
          () => void response.writeHead(500).end(),
        )
      })
      await listen(server, listener, 'LISTEN__METRICS')
      servers.push(server)
    }
    return servers
  } catch (error) {
    for (const server of servers) server.close()
    throw error
  }
}
