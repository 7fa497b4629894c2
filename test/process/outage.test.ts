import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { freePort } from '../ports.ts'
import { throwawayPostgres } from '../postgres.ts'
import { Way } from '../way.ts'
import { aFolder, run } from './program.ts'

test('a PostgreSQL server that goes away is missed with 503 everywhere, and found again without a restart', async () => {
  const postgres = await throwawayPostgres()
  after(() => postgres.stop())
  const way = new Way(await freePort(), postgres)
  await way.open()
  after(() => way.cut())
  const token = randomBytes(16).toString('hex')
  const program = run(['server'], {
    SIGNET_DATA_DIR: aFolder(),
    SIGNET_POSTGRESQL__HOST: '127.0.0.1',
    SIGNET_POSTGRESQL__PORT: String(way.port),
    SIGNET_POSTGRESQL__USER: postgres.user,
    SIGNET_POSTGRESQL__NAME: await postgres.createDatabase(),
    SIGNET_BOOTSTRAP_TOKEN: token,
  })
  const { http } = await program.addresses()
  await program.ready()
  const ask = async () => {
    const answers: Record<string, [status: number, retryAfter: string | null, body: string]> = {}
    for (const [name, path, init] of [
      ['api', '/api/v3/core/users/me/', { headers: { authorization: `Bearer ${token}` } }],
      ['page', '/if/flow/default-authentication-flow/', {}],
      ['flow', '/api/v3/flows/executor/default-authentication-flow/?query=', {}],
      ['authorize', '/application/o/authorize/?client_id=x', {}],
      [
        'token',
        '/application/o/token/',
        { method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'x', client_secret: 'y' }) },
      ],
      ['ready', '/-/health/ready/', {}],
      ['live', '/-/health/live/', {}],
    ] as const) {
      const response = await fetch(new URL(path, http), init)
      answers[name] = [response.status, response.headers.get('retry-after'), await response.text()]
    }
    return answers
  }
  const statuses = (answers: Awaited<ReturnType<typeof ask>>) =>
    Object.fromEntries(Object.entries(answers).map(([name, [status]]) => [name, status]))
  const well = statuses(await ask())
  assert.deepEqual(well, { api: 200, page: 200, flow: 200, authorize: 400, token: 400, ready: 200, live: 200 })

  await way.cut()
  const away = await ask()
  assert.deepEqual(statuses(away), { api: 503, page: 503, flow: 503, authorize: 503, token: 503, ready: 503, live: 200 })
  for (const name of ['api', 'page', 'flow', 'authorize', 'token']) {
    const [, retryAfter, body] = away[name]!
    assert.equal(retryAfter, '5', name)
    assert.ok(!/127\.0\.0\.1|ECONN|terminated/.test(body), `${name} tells nobody where the database is: ${body}`)
  }
  assert.match(away.page![2], /<h1>Back in a moment<\/h1>/)
  assert.deepEqual(JSON.parse(away.token![2]).error, 'temporarily_unavailable')
  await program.logged(line => line.event === 'the database is not available')

  await way.open()
  assert.deepEqual(statuses(await ask()), well)
  assert.equal(await program.stop(), 0)
})
