import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { loadSecretKey } from './secret-key.ts'

async function folder(t: TestContext) {
  const path = await mkdtemp(join(tmpdir(), 'signet-'))
  t.after(() => rm(path, { recursive: true }))
  return path
}

test('a configured key is used and nothing is written', async t => {
  const data_dir = await folder(t)
  assert.equal(await loadSecretKey({ secret_key: 'configured', data_dir }), 'configured')
  assert.deepEqual(await readdir(data_dir), [])
})

test('processes that start at once agree on one key, which the owner alone can read', async t => {
  const data_dir = join(await folder(t), 'new', 'data')
  const keys = await Promise.all(Array.from({ length: 20 }, () => loadSecretKey({ secret_key: null, data_dir })))
  assert.equal(new Set(keys).size, 1)
  assert.match(keys[0] ?? '', /^[A-Za-z0-9]{60}$/)
  assert.deepEqual(await readdir(data_dir), ['secret.key'])
  assert.equal((await stat(join(data_dir, 'secret.key'))).mode & 0o777, 0o600)
  assert.equal((await readFile(join(data_dir, 'secret.key'), 'utf8')).trim(), keys[0])
  assert.equal(await loadSecretKey({ secret_key: null, data_dir }), keys[0])
})

test('a spoilt key file stops the start instead of being replaced', async t => {
  const data_dir = await folder(t)
  await writeFile(join(data_dir, 'secret.key'), '')
  await assert.rejects(loadSecretKey({ secret_key: null, data_dir }), /fewer than 32 characters/)
})
