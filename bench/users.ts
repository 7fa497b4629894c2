import type { Benchmark } from './run.ts'
import { closedLoop, Connection, openLoop, percentile, type Load } from './lib/load.ts'
import { LARGE_GROUP, seedUsers } from './lib/seed.ts'
import { ADMIN_TOKEN, makeHome, startSignet, type Signet } from './lib/signet.ts'

const USERS = 100_000
const GOAL = 50 // ms, p95

const headers = { authorization: `Bearer ${ADMIN_TOKEN}` }

const LISTS: readonly [name: string, path: string][] = [
  ['page 1', 'core/users/'],
  ['page 2500', 'core/users/?page=2500'],
  ['last page', 'core/users/?page=last'],
  ['100 a page', 'core/users/?page_size=100'],
  ['by name', 'core/users/?ordering=name'],
  ['by last sign-in, latest first', 'core/users/?ordering=-last_login'],
  ['by last sign-in, page 2500', 'core/users/?ordering=-last_login&page=2500'],
  ['username=', 'core/users/?username=grace.hopper0'],
  ['search, 1 in 20', 'core/users/?search=grace'],
  ['search, 1 in 20, page 200', 'core/users/?search=grace&page=200'],
  ['search, all', 'core/users/?search=example'],
  ['search, two words', 'core/users/?search=grace+hopper'],
  ['search, one', 'core/users/?search=77777@'],
  ['search, none', 'core/users/?search=nobodyhere'],
  ['search, two letters', 'core/users/?search=zo'],
  ['search, beyond ASCII', 'core/users/?search=m%C3%BCller'],
  ['active, in a path', 'core/users/?is_active=true&path_startswith=users/team'],
  ['of a group', 'core/users/?groups_by_name=team-7'],
  ['of the large group', 'core/users/?groups_by_name=Everyone+in+the+building'],
]

/** Lists and searches of 100,000 users on both databases, one after the other, and what a visitor feels meanwhile. */
export const benchmark: Benchmark = {
  order: 20,
  async run(say, note) {
    for (const engine of ['sqlite', 'postgres'] as const) {
      const home = await makeHome(engine)
      if (home.postgres !== undefined) note('postgresql', home.postgres)
      try {
        await (await startSignet(home)).stop() // migrates
        await seedUsers(home, USERS)
        const signet = await startSignet(home)
        try {
          await measure(signet, engine, say)
        } finally {
          await signet.stop()
        }
      } finally {
        await home.remove()
      }
    }
  },
}

async function measure(signet: Signet, engine: string, say: Parameters<Benchmark['run']>[0]): Promise<void> {
  const connection = new Connection(signet.origin)
  const get = (path: string) => connection.expect(200, { path: `/api/v3/${path}`, headers })
  const timed = async (path: string, operations: number): Promise<Load & { cpu: number }> => {
    for (let warm = 0; warm < 2; warm++) await get(path)
    const before = signet.usage().cpu
    const load = await closedLoop({ clients: 1, operations, seconds: 5 }, () => get(path))
    return { ...load, cpu: (signet.usage().cpu - before) / load.count }
  }
  for (const [name, path] of LISTS) {
    const { times, cpu } = await timed(path, 40)
    const p95 = percentile(times, 0.95)
    say({
      case: `${engine} users: ${name}`,
      figures: { 'p50 ms': percentile(times, 0.5), 'p95 ms': p95 },
      cpu,
      goal: { text: `p95 ≤ ${GOAL} ms`, met: p95 <= GOAL },
    })
  }
  for (const [name, path] of [
    ['page 1 with users', 'core/groups/?search=team'],
    ['page 1 without users', 'core/groups/?search=team&include_users=false'],
    [`one of ${LARGE_GROUP} users`, 'core/groups/?search=everyone'],
    [`one of ${LARGE_GROUP}, without users`, 'core/groups/?search=everyone&include_users=false'],
  ] as const) {
    const { times, cpu } = await timed(path, 10)
    say({ case: `${engine} groups: ${name}`, figures: { 'p50 ms': percentile(times, 0.5), 'p95 ms': percentile(times, 0.95) }, cpu })
  }

  // Someone who only wants to be let in, 50 times a second, alone and while two administrators search without a pause.
  const visitor = new Connection(signet.origin)
  const visit = () => visitor.expect(200, { path: '/api/v3/core/users/me/', headers })
  await closedLoop({ clients: 1, operations: 200, seconds: 2 }, visit)
  const alone = await openLoop({ every: 20, count: 250 }, visit)
  const search = new AbortController()
  const administrators = Promise.all(
    Array.from({ length: 2 }, async (_, number) => {
      const own = new Connection(signet.origin)
      for (let turn = number; !search.signal.aborted; turn++)
        await own.expect(200, { path: `/api/v3/${LISTS[turn % LISTS.length]![1]}`, headers })
      own.close()
    }),
  )
  const meanwhile = await openLoop({ every: 20, count: 250 }, visit)
  search.abort()
  await administrators
  for (const [name, times] of [
    ['alone', alone],
    ['while two administrators search', meanwhile],
  ] as const) {
    say({
      case: `${engine} users/me ${name}`,
      figures: {
        'p50 ms': percentile(times, 0.5),
        'p95 ms': percentile(times, 0.95),
        'p99 ms': percentile(times, 0.99),
        'max ms': times.at(-1)!,
      },
    })
  }
  visitor.close()
  connection.close()
}
