import type { Benchmark } from './run.ts'
import { closedLoop, Connection, percentile } from './lib/load.ts'
import { seedAccess, seedApplications } from './lib/seed.ts'
import { ADMIN_TOKEN, makeHome, startSignet, type Signet } from './lib/signet.ts'
import { EC_KEY, makeClient } from './oidc/signet.ts'

const APPLICATIONS = 100_000
const SLUG = 'signet-self-signed-ecdsa-certificate'
const OPERATIONS = 20

const headers = { authorization: `Bearer ${ADMIN_TOKEN}` }

/** Which of many applications a person may open, a group bound to each. */
export const benchmark: Benchmark = {
  order: 25,
  async run(say, note, { only = '' }) {
    for (const engine of (['sqlite', 'postgres'] as const).filter(name => name.startsWith(only))) {
      const home = await makeHome(engine)
      if (home.postgres !== undefined) note('postgresql', home.postgres)
      try {
        const first = await startSignet(home)
        await makeClient(first, EC_KEY)
        await first.stop()
        await seedApplications(home, SLUG, APPLICATIONS)
        const people = await seedAccess(home)
        const signet = await startSignet(home)
        try {
          await measure(signet, engine, people, say)
        } finally {
          await signet.stop()
        }
      } finally {
        await home.remove()
      }
    }
  },
}

async function measure(
  signet: Signet,
  engine: string,
  { toAll, toSome }: { toAll: number; toSome: number },
  say: Parameters<Benchmark['run']>[0],
): Promise<void> {
  const connection = new Connection(signet.origin)
  for (const [name, query, goal] of [
    ['open to one who may open all, page 1', `for_user=${toAll}`, 100],
    ['the same, page 4000', `for_user=${toAll}&page=4000`, undefined],
    ['the same, search for one in a thousand', `for_user=${toAll}&search=bench-777`, 100],
    ['the same, those with an address, page 1', `for_user=${toAll}&only_with_launch_url=true`, 500],
    ['open to one who may open one in a hundred, page 1', `for_user=${toSome}`, 100],
    ['the same, those with an address, page 1', `for_user=${toSome}&only_with_launch_url=true`, 500],
  ] as const) {
    const get = () => connection.expect(200, { path: `/api/v3/core/applications/?${query}`, headers })
    for (let warm = 0; warm < 2; warm++) await get()
    const before = signet.usage().cpu
    const { times, count } = await closedLoop({ clients: 1, operations: OPERATIONS, seconds: 10 }, get)
    const p50 = percentile(times, 0.5)
    say({
      case: `${engine} applications ${name}`,
      figures: { 'p50 ms': p50, 'p95 ms': percentile(times, 0.95) },
      cpu: (signet.usage().cpu - before) / count,
      ...(goal !== undefined && { goal: { text: `p50 ≤ ${goal} ms`, met: p50 <= goal } }),
    })
  }
  connection.close()
}
