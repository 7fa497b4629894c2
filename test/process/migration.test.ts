import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { Client } from 'pg'
import { throwawayPostgres, type ThrowawayPostgres } from '../postgres.ts'
import { aFolder, run } from './program.ts'

let postgres: ThrowawayPostgres
const SECRET = randomBytes(32).toString('hex')
before(async () => {
  postgres = await throwawayPostgres()
})
after(() => postgres.stop())

/** An empty database, how the program finds it, and a connection to it. */
async function aDatabase() {
  const { host, port, user, password } = postgres
  const database = await postgres.createDatabase()
  const env = {
    SIGNET_POSTGRESQL__HOST: host,
    SIGNET_POSTGRESQL__PORT: String(port),
    SIGNET_POSTGRESQL__USER: user,
    SIGNET_POSTGRESQL__PASSWORD: password,
    SIGNET_POSTGRESQL__NAME: database,
    SIGNET_SECRET_KEY: SECRET,
  }
  const client = new Client({ host, port, user, password, database })
  await client.connect()
  return { env, client }
}

const status = async (base: URL, path: string, accept = '*/*') => (await fetch(new URL(path, base), { headers: { accept } })).status

test('of two processes one migrates; meanwhile both live, are not ready, and say that they start', async () => {
  const { env, client } = await aDatabase()
  // Stands for a third process in the middle of its migration.
  await client.query(`select pg_advisory_lock(1397311310, hashtext('public'))`)
  const programs = [run(['server'], { ...env, SIGNET_DATA_DIR: aFolder() }), run(['server'], { ...env, SIGNET_DATA_DIR: aFolder() })]
  for (const program of programs) {
    const waiting = await program.logged(line => line.event.includes('waiting'))
    assert.equal(typeof (waiting.holder as { pid: number }).pid, 'number', 'who holds the lock is told')
    const { http } = await program.addresses()
    assert.deepEqual([await status(http, '/-/health/live/'), await status(http, '/-/health/ready/')], [200, 503])
    const json = await fetch(new URL('/api/v3/root/config/', http), { headers: { accept: 'application/json' } })
    assert.deepEqual([json.status, json.headers.get('retry-after'), await json.json()], [503, '5', { error: 'authentik starting' }])
    const text = await fetch(http)
    assert.deepEqual([text.status, text.headers.get('retry-after'), await text.text()], [503, '5', 'authentik starting'])
    const page = await fetch(http, { headers: { accept: 'text/html' } })
    assert.deepEqual([page.status, page.headers.get('retry-after')], [503, '5'])
  }
  await client.query('select pg_advisory_unlock_all()')
  await Promise.all(programs.map(program => program.ready()))
  const { rows } = await client.query(
    `select (select count(*)::int from "user" where username = 'akadmin') as admins, (select count(*)::int from keypair) as keypairs`,
  )
  assert.deepEqual(rows, [{ admins: 1, keypairs: 2 }])
  assert.deepEqual(await Promise.all(programs.map(program => program.stop())), [0, 0])
  // Now all that they said has been read.
  assert.equal(programs.filter(program => program.stderr().includes('migrated the database')).length, 1)

  // A newer version was here.
  await client.query(`insert into schema_migration (name, applied_at, program_version) values ('29991231T0000_later', now(), '99.0.0')`)
  const older = run(['server'], { ...env, SIGNET_DATA_DIR: aFolder() })
  assert.equal(await older.exit, 1)
  assert.match(
    older.stderr(),
    /cannot start: The database was migrated by a newer version of this program \(99\.0\.0\): it holds 29991231T0000_later/,
  )
  await client.end()
})

test('a signal during the wait for a migration ends the program', async () => {
  const { env, client } = await aDatabase()
  await client.query(`select pg_advisory_lock(1397311310, hashtext('public'))`)
  const program = run(['worker'], { ...env, SIGNET_DATA_DIR: aFolder() })
  await program.logged(line => line.event.includes('waiting'))
  assert.equal(await program.stop(), 0)
  await client.end()
})
