import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { listBlueprints, readBlueprint, systemAccess } from './files.ts'

const base = mkdtempSync(join(tmpdir(), 'blueprints-'))
after(() => rmSync(base, { recursive: true }))
const root = join(base, 'root')
for (const folder of ['root/default', 'root/.git', 'root/..data', 'outside', 'root/dir.yaml'])
  mkdirSync(join(base, folder), { recursive: true })
for (const file of [
  'root/default/b.yaml',
  'root/a.yaml',
  'root/a.json',
  'root/.hidden.yaml',
  'root/.git/c.yaml',
  'root/..data/mounted.yaml',
  'outside/x.yaml',
]) {
  writeFileSync(join(base, file), 'version: 1\nentries: []\n')
}
symlinkSync(join(base, 'outside/x.yaml'), join(root, 'escape.yaml'))
symlinkSync('..data/mounted.yaml', join(root, 'mounted.yaml'))
symlinkSync('loop.yaml', join(root, 'loop.yaml'))
execFileSync('mkfifo', [join(root, 'pipe.yaml')])

test('discovery finds YAML files, not what is hidden, leads outside, or is no file', async () => {
  const files = await listBlueprints(root)
  assert.deepEqual(
    files.map(file => file.path),
    ['a.yaml', 'default/b.yaml', 'mounted.yaml'],
  )
  assert.equal(files[0]?.hash, createHash('sha512').update('version: 1\nentries: []\n').digest('hex'))
  assert.deepEqual(await listBlueprints(join(base, 'none')), [])
})

describe('a path from outside stays inside', () => {
  const cases = [
    '../outside/x.yaml',
    'default/../../outside/x.yaml',
    '/etc/passwd',
    join(base, 'outside/x.yaml'),
    'escape.yaml',
    '.hidden.yaml',
    '.git/c.yaml',
    'a.json',
    'none.yaml',
    'dir.yaml',
    'loop.yaml',
    'pipe.yaml',
    'a.yaml\0.yaml',
    'a.yaml/b.yaml',
    '',
    '.yaml',
    `${'x'.repeat(5000)}.yaml`,
  ]
  for (const path of cases) test(JSON.stringify(path.slice(0, 60)), async () => assert.equal(await readBlueprint(root, path), null))
  test('"default/b.yaml" is read', async () =>
    assert.equal((await readBlueprint(root, 'default/b.yaml'))?.source, 'version: 1\nentries: []\n'))
})

test('the environment and files are handed out as they are', async () => {
  const { env, readFile } = systemAccess({ A: '1', EMPTY: '' })
  assert.deepEqual([env('A'), env('EMPTY'), env('B'), env('toString')], ['1', '', undefined, undefined])
  writeFileSync(join(base, 'secret'), ' s\n')
  writeFileSync(join(base, 'large'), Buffer.alloc(1_048_577))
  assert.deepEqual(await Promise.all(['secret', 'large', 'nothing', '.', 'root/pipe.yaml'].map(name => readFile(join(base, name)))), [
    ' s\n',
    null,
    null,
    null,
    null,
  ])
})
