import { hash } from '@node-rs/argon2'
import { availableParallelism } from 'node:os'
import type { Benchmark } from './run.ts'
import { Browser } from './lib/browser.ts'
import { closedLoop, Connection, openLoop, percentile } from './lib/load.ts'
import { ADMIN_TOKEN, makeHome, startSignet, type Signet } from './lib/signet.ts'

const SECONDS = 8
const CLIENTS = 16
/** Visitors who send a wrong password at the same moment. */
const ATTACKERS = 500
/** Sign-ins of others that are measured. */
const SIGN_INS = 100
const PASSWORD = 'correct horse battery staple'

/** As in src/core/password/passwords.ts. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' }

/** Whole sign-ins through the default flow against what the machine's cores can hash, and what an attack on passwords costs others. */
export const benchmark: Benchmark = {
  order: 30,
  async run(say) {
    const cores = availableParallelism()
    await closedLoop({ clients: cores, operations: 50, seconds: 2 }, () => hash(PASSWORD, COST))
    const ceiling = await closedLoop({ clients: cores, operations: Infinity, seconds: SECONDS / 2 }, () => hash(PASSWORD, COST))
    say({ case: `argon2id alone, ${cores} at once`, figures: { 'a second': ceiling.rate } })

    const home = await makeHome('sqlite')
    const signet = await startSignet(home)
    try {
      await makeUsers(signet)
      await logins(signet, ceiling.rate, say)
      await attack(signet, say)
    } finally {
      await signet.stop()
      await home.remove()
    }
  },
}

async function makeUsers(signet: Signet): Promise<void> {
  const connection = new Connection(signet.origin)
  const post = (path: string, status: number, body: object) =>
    connection.expect(status, { method: 'POST', path: `/api/v3/${path}`, headers, body: JSON.stringify(body) })
  for (let index = 0; index < CLIENTS; index++) {
    const { text } = await post('core/users/', 201, { username: `bench-${index}`, name: 'Benchmark' })
    await post(`core/users/${(JSON.parse(text) as { pk: number }).pk}/set_password/`, 204, { password: PASSWORD })
  }
  connection.close()
}

async function logins(signet: Signet, ceiling: number, say: Parameters<Benchmark['run']>[0]): Promise<void> {
  const connections = Array.from({ length: CLIENTS }, () => new Connection(signet.origin))
  const signIn = (_: number, client: number) => new Browser(connections[client]!).signIn(`bench-${client}`, PASSWORD)
  await closedLoop({ clients: CLIENTS, operations: 2 * CLIENTS, seconds: 5 }, signIn)
  const before = signet.usage().cpu
  const load = await closedLoop({ clients: CLIENTS, operations: Infinity, seconds: SECONDS }, signIn)
  const share = load.rate / ceiling
  say({
    case: 'complete sign-ins, new browsers',
    figures: { 'a second': load.rate, 'p50 ms': percentile(load.times, 0.5), 'p95 ms': percentile(load.times, 0.95) },
    cpu: (signet.usage().cpu - before) / load.count,
    ratio: { to: 'argon2id alone', value: share },
    goal: { text: '≥ 60 %', met: share >= 0.6 },
  })
  for (const connection of connections) connection.close()
}

/**
 * A cheap request of others, a hundred times a second, and their sign-ins, four a second: alone, and while 500 visitors of one address
 * try wrong passwords.
 */
async function attack(signet: Signet, say: Parameters<Benchmark['run']>[0]): Promise<void> {
  const visitor = new Connection(signet.origin)
  const cheap = () => visitor.expect(200, { path: '/api/v3/core/users/me/', headers })
  await closedLoop({ clients: 1, operations: 200, seconds: 2 }, cheap)
  const alone = await openLoop({ every: 10, count: 500 }, cheap)

  const home = Array.from({ length: 4 }, () => new Connection(signet.origin))
  const signIn = (index: number) => new Browser(home[index % home.length]!, '198.18.0.1').signIn(`bench-${index % CLIENTS}`, PASSWORD)
  await closedLoop({ clients: 2, operations: 20, seconds: 4 }, signIn)
  const signInsAlone = await openLoop({ every: 250, count: SIGN_INS }, signIn)

  const connections = Array.from({ length: ATTACKERS }, () => new Connection(signet.origin))
  const browsers = connections.map(connection => new Browser(connection))
  for (let start = 0; start < ATTACKERS; start += 20) {
    await Promise.all(browsers.slice(start, start + 20).map((browser, index) => browser.identify(`bench-${(start + index) % CLIENTS}`)))
  }
  // Each tries again as soon as it was refused; the first second, in which all of them arrive at once, is told apart.
  const attack = new AbortController()
  const attackers = browsers.map(async browser => {
    while (!attack.signal.aborted) await browser.password('wrong')
  })
  const arrival = await openLoop({ every: 10, count: 100 }, cheap)
  const during = await openLoop({ every: 10, count: 500 }, cheap)
  const signIns = await openLoop({ every: 250, count: SIGN_INS }, signIn)
  attack.abort()
  await Promise.all(attackers)
  const p99 = (sorted: Float64Array) => percentile(sorted, 0.99)
  say({ case: 'users/me, nobody else', figures: { 'p50 ms': percentile(alone, 0.5), 'p99 ms': p99(alone) } })
  say({
    case: `users/me while ${ATTACKERS} wrong passwords arrive at once`,
    figures: { 'p50 ms': percentile(arrival, 0.5), 'max ms': arrival.at(-1)! },
  })
  say({
    case: `users/me under ${ATTACKERS} parallel wrong passwords`,
    figures: { 'p50 ms': percentile(during, 0.5), 'p99 ms': p99(during) },
    ratio: { to: 'p99 of nobody else', value: p99(during) / p99(alone) },
    goal: { text: 'p99 < 2 ×', met: p99(during) < 2 * p99(alone) },
  })
  say({ case: 'sign-ins, nobody else', figures: { 'p50 ms': percentile(signInsAlone, 0.5), 'p99 ms': p99(signInsAlone) } })
  say({
    case: `sign-ins from another address under ${ATTACKERS} parallel wrong passwords`,
    figures: { 'p50 ms': percentile(signIns, 0.5), 'p99 ms': p99(signIns) },
    ratio: { to: 'p99 of nobody else', value: p99(signIns) / p99(signInsAlone) },
    goal: { text: 'p99 < 2 ×', met: p99(signIns) < 2 * p99(signInsAlone) },
  })
  for (const connection of [visitor, ...home, ...connections]) connection.close()
}
