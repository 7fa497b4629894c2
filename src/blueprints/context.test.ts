import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildContext } from './context.ts'
import { parseBlueprint } from './parse.ts'

test('the instance goes over the file, the file over the product, mappings deeply and lists joined', () => {
  const { context } = parseBlueprint('version: 1\nentries: []\ncontext: { a: 1, map: { x: 1, y: !Env Y }, list: [1], tag: !Env T }\n')
  const merged = buildContext({ product: true, a: 0, map: { z: 0 } }, context, { a: 2, map: { x: 2 }, list: [2], tag: 'over', fresh: null })
  assert.deepEqual(
    merged,
    new Map<string, unknown>([
      ['product', true],
      ['a', 2],
      [
        'map',
        new Map<string, unknown>([
          ['z', 0],
          ['x', 2],
          ['y', { tag: 'Env', name: 'Y', fallback: undefined, line: 3 }],
        ]),
      ],
      ['list', [1, 2]],
      ['tag', 'over'],
      ['fresh', null],
    ]),
  )
})

test('a context that is nested too deep is refused', () => {
  const deep = JSON.parse(`${'{"a":'.repeat(100)}1${'}'.repeat(100)}`) as { a: 1 }
  assert.throws(() => buildContext({}, new Map(), deep), { name: 'BlueprintError', message: /Nested more than 64 levels/ })
})
