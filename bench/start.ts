import type { Benchmark } from './run.ts'
import { Browser } from './lib/browser.ts'
import { Connection, median } from './lib/load.ts'
import { ADMIN_PASSWORD, makeHome, startSignet, type Home, type Signet } from './lib/signet.ts'
import { EC_KEY, makeClient } from './oidc/signet.ts'
import { posted, type Client } from './oidc/side.ts'

const RUNS = 5
const PAGE = '/if/flow/default-authentication-flow/'

/** What is found at each run, by the name of its case: ms of time and of the process's CPU. */
type Found = Record<string, { ms: number; cpu: number }[]>

/**
 * From the start of the process to the first 200 of the readiness probe, with nothing there (keys, schema and defaults are made) and
 * with what an earlier start left; and what the first visitors after a start wait for, each in their turn.
 */
export const benchmark: Benchmark = {
  order: 10,
  async run(say, _note, { only = '', rounds = RUNS }) {
    for (const engine of ['sqlite', 'postgres'] as const) {
      if (!engine.startsWith(only)) continue
      const found: Found = {}
      for (let run = 0; run < rounds; run++) {
        const home = await makeHome(engine)
        try {
          await measure(home, found)
        } finally {
          await home.remove()
        }
      }
      for (const [name, runs] of Object.entries(found)) {
        const times = runs.map(({ ms }) => ms)
        const goal = engine === 'sqlite' ? GOALS[name] : undefined
        say({
          case: `${name}, ${engine === 'sqlite' ? 'SQLite' : 'PostgreSQL'}`,
          figures: { 'median ms': median(times), 'slowest ms': Math.max(...times) },
          cpu: median(runs.map(({ cpu }) => cpu)),
          ...(goal !== undefined && { goal: { text: `≤ ${goal} ms`, met: median(times) <= goal } }),
        })
      }
    }
  },
}

const GOALS: Readonly<Record<string, number>> = { 'first start': 2000, 'later start': 800 } // ms

async function measure(home: Home, found: Found): Promise<void> {
  const note = (name: string, ms: number, cpu: number) => void (found[name] ??= []).push({ ms, cpu })
  const first = await startSignet(home)
  note('first start', first.readyAfter, first.usage().cpu)
  const client = await makeClient(first, EC_KEY)
  await first.stop()

  const later = await startSignet(home)
  note('later start', later.readyAfter, later.usage().cpu)
  for (const [name, work] of Object.entries(visits(later, client))) {
    const before = { at: performance.now(), cpu: later.usage().cpu }
    await work()
    note(name, performance.now() - before.at, later.usage().cpu - before.cpu)
  }
  await later.stop()
}

/** What visitors do, in the order in which they come after a start. */
const visits = (signet: Signet, client: Client): Record<string, () => Promise<unknown>> => {
  const connection = new Connection(signet.origin)
  return {
    'first sign-in page after a start': () => connection.expect(200, { path: PAGE }),
    'first sign-in after a start': () => new Browser(connection).signIn('akadmin', ADMIN_PASSWORD),
    'first token after a start': () =>
      connection.expect(200, posted('/application/o/token/', client, { grant_type: 'client_credentials', scope: 'profile' })),
    'the token after it': () =>
      connection.expect(200, posted('/application/o/token/', client, { grant_type: 'client_credentials', scope: 'profile' })),
  }
}
