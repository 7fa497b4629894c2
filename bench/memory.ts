import { setTimeout as delay } from 'node:timers/promises'
import type { Benchmark } from './run.ts'
import { Browser } from './lib/browser.ts'
import { closedLoop, Connection, median } from './lib/load.ts'
import { freePort } from './lib/processes.ts'
import { ADMIN_PASSWORD, makeHome, startSignet } from './lib/signet.ts'
import { EC_KEY, makeClient } from './oidc/signet.ts'
import { posted } from './oidc/side.ts'

const RUNS = 3
const TOKENS = 10_000
const CLIENTS = 32
/** How long the server is left alone before it is looked at: after a start, after a sign-in, after the tokens. */
const REST = { start: 30_000, signIn: 5_000, tokens: 60_000 } // ms

/** What a server holds that had little to do, and one that had much and was then left alone. */
export const benchmark: Benchmark = {
  order: 15,
  async run(say, _note, { rounds = RUNS }) {
    const found: Record<string, Record<string, number>[]> = {}
    for (let run = 0; run < rounds; run++) {
      for (const [when, held] of Object.entries(await measure())) (found[when] ??= []).push(held)
    }
    for (const [when, runs] of Object.entries(found)) {
      const of = (name: string) => runs.map(held => held[name]!)
      say({
        case: `memory ${when}`,
        figures: {
          ...Object.fromEntries(Object.keys(runs[0]!).map(name => [`${name} MiB`, median(of(name))])),
          'largest rss MiB': Math.max(...of('rss')),
        },
        ...(when === AT_REST && { goal: { text: '≤ 90 MiB', met: median(of('rss')) <= 90 } }),
      })
    }
  },
}

const AT_REST = `${REST.start / 1000} s after a start`

async function measure(): Promise<Record<string, Record<string, number>>> {
  const home = await makeHome('sqlite')
  const port = await freePort()
  try {
    const first = await startSignet(home)
    const client = await makeClient(first, EC_KEY)
    await first.stop()

    const signet = await startSignet(home, { SIGNET_LISTEN__METRICS: `127.0.0.1:${port}` })
    const connections = Array.from({ length: CLIENTS }, () => new Connection(signet.origin))
    const found: Record<string, Record<string, number>> = {}
    // Memory comes before the heap: asking for that costs some.
    const look = async (when: string) => (found[when] = { ...signet.memory(), heap: await heapUsed(port) })
    await delay(REST.start)
    await look(AT_REST)
    await new Browser(connections[0]!).signIn('akadmin', ADMIN_PASSWORD)
    await delay(REST.signIn)
    await look('after the first sign-in')
    const call = posted('/application/o/token/', client, { grant_type: 'client_credentials', scope: 'profile' })
    await closedLoop({ clients: CLIENTS, operations: TOKENS, seconds: 120 }, (_, number) => connections[number]!.expect(200, call))
    await look(`after ${TOKENS} tokens`)
    await delay(REST.tokens)
    await look(`and ${REST.tokens / 1000} s of rest`)
    for (const connection of connections) connection.close()
    await signet.stop()
    return found
  } finally {
    await home.remove()
  }
}

/** JavaScript memory in use, garbage counted in, in MiB. */
async function heapUsed(port: number): Promise<number> {
  const connection = new Connection(`http://127.0.0.1:${port}`)
  const { text } = await connection.expect(200, { path: '/metrics' })
  connection.close()
  return Number(/^nodejs_heap_size_used_bytes (\S+)$/m.exec(text)![1]) / 2 ** 20
}
