import type { Benchmark } from './run.ts'
import { closedLoop, Connection, percentile, type Call } from './lib/load.ts'
import { seedApplications } from './lib/seed.ts'
import { ADMIN_TOKEN, makeHome, startSignet, type Signet } from './lib/signet.ts'
import { EC_KEY, makeClient } from './oidc/signet.ts'
import { posted, type Client } from './oidc/side.ts'

const PROVIDERS = 100_000
const SECONDS = 3
const CLIENTS = 4
/** Other clients that are asked for meanwhile: about as many as are held. */
const OTHERS = 5_000
const SAVED_EVERY = 100 // ms
const SLUG = 'signet-self-signed-ecdsa-certificate'

type Measured = { p50: number; p99: number; cpu: number }

/** What one application's sign-ins cost when there are a hundred thousand others: the same, and no more memory than the caches may take. */
export const benchmark: Benchmark = {
  order: 45,
  async run(say) {
    const home = await makeHome('sqlite')
    try {
      let signet = await startSignet(home)
      const client = await makeClient(signet, EC_KEY)
      const alone = await measure(signet, client)
      await signet.stop()

      await seedApplications(home, SLUG, PROVIDERS)
      signet = await startSignet(home)
      const among = await measure(signet, client)
      const before = signet.usage().rss
      await askForOthers(signet)
      const after = signet.usage().rss
      const afterwards = await measure(signet, client)
      const others = await measureOthers(signet)
      const save = await saver(signet)
      const whileSaved = await measureOthers(signet)
      const saves = await save.stop()
      await signet.stop()

      for (const [name, figures] of Object.entries(alone)) {
        const shown = ({ p50, p99 }: Measured) => ({ 'p50 ms': p50, 'p99 ms': p99 })
        say({ case: `${name}, the only application`, figures: shown(figures), cpu: figures.cpu })
        for (const [when, measured] of [
          [`among ${PROVIDERS}`, among],
          [`after ${OTHERS} others were asked for`, afterwards],
        ] as const) {
          const value = measured[name]!.p50 / figures.p50
          say({
            case: `${name}, ${when}`,
            figures: shown(measured[name]!),
            cpu: measured[name]!.cpu,
            ratio: { to: 'the only one', value },
            goal: { text: 'p50 ≤ 1.2 ×', met: value <= 1.2 },
          })
        }
      }
      const { p50, p99, cpu } = others
      say({ case: `keys of ${OTHERS} others in turn`, figures: { 'p50 ms': p50, 'p99 ms': p99 }, cpu })
      const value = whileSaved.p50 / p50
      say({
        case: 'the same, while another provider is saved ten times a second',
        figures: { 'p50 ms': whileSaved.p50, 'p99 ms': whileSaved.p99, saves },
        cpu: whileSaved.cpu,
        ratio: { to: 'while none is', value },
        goal: { text: 'p50 ≤ 1.5 ×', met: value <= 1.5 },
      })
      const grown = after - before
      say({
        case: `memory for ${OTHERS} other applications`,
        figures: { 'MiB more': grown },
        goal: { text: '≤ 100 MiB', met: grown <= 100 },
      })
    } finally {
      await home.remove()
    }
  },
}

async function measure(signet: Signet, client: Client): Promise<Record<string, Measured>> {
  const token = posted('/application/o/token/', client, { grant_type: 'client_credentials', scope: 'profile' })
  const discovery = { path: `/application/o/${SLUG}/.well-known/openid-configuration` }
  const measured: Record<string, Measured> = {}
  for (const [name, call] of [
    ['token', token],
    ['discovery', discovery],
  ] as const) {
    measured[name] = await measureCalls(signet, () => call)
  }
  return measured
}

async function measureCalls(signet: Signet, call: (number: number) => Call): Promise<Measured> {
  const connections = Array.from({ length: CLIENTS }, () => new Connection(signet.origin))
  const ask = (number: number, index: number) => connections[index]!.expect(200, call(number))
  await closedLoop({ clients: CLIENTS, operations: Infinity, seconds: 1 }, ask)
  const before = signet.usage().cpu
  const load = await closedLoop({ clients: CLIENTS, operations: Infinity, seconds: SECONDS }, ask)
  for (const connection of connections) connection.close()
  return {
    p50: percentile(load.times, 0.5),
    p99: percentile(load.times, 0.99),
    cpu: (signet.usage().cpu - before) / load.count,
  }
}

const slugOfOther = (number: number): string => `bench-${(number % OTHERS) * 7}`

async function askForOthers(signet: Signet): Promise<void> {
  const connections = Array.from({ length: CLIENTS }, () => new Connection(signet.origin))
  await closedLoop({ clients: CLIENTS, operations: OTHERS, seconds: 120 }, (index, client) =>
    connections[client]!.expect(200, { path: `/application/o/${slugOfOther(index)}/.well-known/openid-configuration` }),
  )
  for (const connection of connections) connection.close()
}

const measureOthers = (signet: Signet): Promise<Measured> =>
  measureCalls(signet, number => ({ path: `/application/o/${slugOfOther(number)}/jwks/` }))

/** An administrator who saves one provider again and again; `stop` tells how often. */
async function saver(signet: Signet): Promise<{ stop: () => Promise<number> }> {
  const connection = new Connection(signet.origin)
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' }
  const path = '/api/v3/providers/oauth2/'
  const found = await connection.expect(200, { path: `${path}?client_id=bench-${PROVIDERS - 1}`, headers })
  const { pk } = (JSON.parse(found.text) as { results: { pk: number }[] }).results[0]!
  let saves = 0
  let last: Promise<unknown> = Promise.resolve()
  const timer = setInterval(() => {
    const body = JSON.stringify({ access_code_validity: `minutes=${(saves++ % 5) + 1}` })
    last = Promise.all([last, connection.expect(200, { method: 'PATCH', path: `${path}${pk}/`, headers, body })])
  }, SAVED_EVERY)
  return {
    async stop() {
      clearInterval(timer)
      await last
      connection.close()
      return saves
    },
  }
}
