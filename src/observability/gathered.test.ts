import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const program = (body: string) => [
  '--input-type=module',
  '--eval',
  `import { gathered } from ${JSON.stringify(join(import.meta.dirname, 'gathered.ts'))}; const out = gathered(1); ${body}`,
]

test('lines come in their order, and before what the next turn of the event loop does', () => {
  const text = execFileSync(
    process.execPath,
    program(`out.write('a\\n'); out.write('b\\n'); setImmediate(() => process.stdout.write('c\\n'))`),
  )
  assert.equal(text.toString(), 'a\nb\nc\n')
})

test('lines before the program ends by itself or by an error are written', () => {
  for (const end of ['process.exit(3)', 'throw new Error()']) {
    const { stdout } = spawnSync(process.execPath, program(`out.write('last words\\n'); ${end}`))
    assert.equal(stdout.toString(), 'last words\n')
  }
})
