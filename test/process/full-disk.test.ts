// once: on PostgreSQL the disk is another machine's
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { test } from 'node:test'
import { sql } from 'kysely'
import { ownServer } from '../harness.ts'
import { aFolder, run } from './program.ts'

/** What stands in front of a command to give it a small disk of its own at the folder; it ends with the command. */
const onSmallDisk = (folder: string): string[] => [
  'unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', `mount -t tmpfs -o size=24m signet '${folder}' && exec "$@"`, 'sh',
] // prettier-ignore

/** Writes until nothing fits any more, be it a byte. */
function fill(file: string): number {
  const descriptor = openSync(file, 'w')
  for (let size = 65_536; size >= 1; size = Math.floor(size / 2)) while (fits(descriptor, size));
  return descriptor
}

function fits(descriptor: number, size: number): boolean {
  try {
    return writeSync(descriptor, Buffer.alloc(size)) === size
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOSPC') throw error
    return false
  }
}

const isDiskPossible = (): boolean => {
  const [command, ...args] = onSmallDisk(aFolder())
  return spawnSync(command!, [...args, 'true']).status === 0
}

test('a full disk is told with 503, loses nothing that was acknowledged, and is forgotten when there is room again', async () => {
  const { admin, ctx } = await ownServer()
  const pages = async (limit: number) => void (await sql`pragma max_page_count = ${sql.lit(limit)}`.execute(ctx.db))
  const add = (name: string) => admin.post('/api/v3/core/groups/', { name, attributes: { text: 'x'.repeat(20_000) } })
  await pages(1) // as many as there are
  const answers: number[] = []
  for (let index = 0; !answers.includes(503); index++) answers.push((await add(`full-${index}`)).status)
  const refused = await add('refused')
  assert.equal(refused.status, 503)
  assert.deepEqual(
    [refused.headers['retry-after'], refused.body],
    ['5', { detail: 'The database is not available. Try again in a moment.' }],
  )
  assert.equal((await admin.get('/api/v3/core/users/me/')).status, 200, 'reading goes on')
  await pages(1_000_000)
  assert.equal((await add('room again')).status, 201)
  const { body } = await admin.get('/api/v3/core/groups/?search=full-&page_size=1000')
  assert.equal(body.results.length, answers.filter(status => status === 201).length)
})

// Where nobody may make disks, the test above does without.
if (isDiskPossible()) {
  test('a full disk ends no reading and sends nobody elsewhere: the program stays ready, says 503 to what it cannot store, and shows the space', async () => {
    const folder = aFolder()
    const token = randomBytes(16).toString('hex')
    const program = run(['server'], { SIGNET_DATA_DIR: folder, SIGNET_BOOTSTRAP_TOKEN: token }, undefined, onSmallDisk(folder))
    const { http } = await program.addresses()
    await program.ready()
    const disk = `/proc/${program.child.pid}/root${folder}` // as the program sees it
    const ask = (path: string, bearer: string, init: RequestInit = {}) =>
      fetch(new URL(path, http), { ...init, headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' } })
    const status = async (path: string) => (await ask(path, token)).status
    const add = async (name: string) => {
      const body = JSON.stringify({ name, attributes: { text: 'x'.repeat(200_000) } })
      return (await ask('/api/v3/core/groups/', token, { method: 'POST', body })).status
    }
    const freeBytes = async () => {
      const text = await (await ask('/-/metrics/', readFileSync(`${disk}/metrics.key`, 'utf8').trim())).text()
      return Number(/^signet_data_free_bytes (\d+)$/m.exec(text)?.[1])
    }
    assert.ok((await freeBytes()) > 1_000_000)

    const held = fill(`${disk}/fill`)
    // What the database has got of the disk already still takes some.
    const answers: number[] = []
    while (!answers.includes(503)) answers.push(await add(`group ${answers.length}`))
    assert.deepEqual(new Set(answers.slice(0, -1)), new Set([201]))
    assert.equal(await freeBytes(), 0)
    for (const path of [
      '/-/health/ready/',
      '/-/health/live/',
      '/api/v3/core/users/me/',
      '/api/v3/core/applications/',
      '/if/flow/initial-setup/',
    ])
      assert.equal(await status(path), 200, path)
    assert.equal(await add('refused'), 503)
    await program.logged(line => line.event === 'the database is not available')

    closeSync(held)
    rmSync(`${disk}/fill`)
    assert.equal(await add('room again'), 201)
    const kept = (await (await ask('/api/v3/core/groups/?page_size=100&search=group ', token)).json()) as { results: unknown[] }
    assert.equal(kept.results.length, answers.length - 1, 'what was acknowledged')
    assert.equal(await program.stop(), 0)
  })
}
