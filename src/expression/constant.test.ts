import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constantOf } from './constant.ts'

test('a text that returns nothing but literals is known without running it', () => {
  assert.deepEqual(constantOf('# why\nreturn {}'), { plain: {} })
  assert.deepEqual(constantOf('return {"a": [1, (2.5, None)], "b": {"c": True}, "b": "later"}'), {
    plain: { a: [1, [2.5, null]], b: 'later' },
  })
  assert.deepEqual(constantOf('return {"__proto__": {"x": 1}}')?.plain, JSON.parse('{"__proto__": {"x": 1}}'))
})

test('a text that names, calls or computes something has to be run', () => {
  for (const text of [
    '',
    'return',
    'return user',
    'return {"name": request.user.name}',
    'return dict()',
    'return "a" * 10**9',
    'return f"{1}"',
    'return {**{}}',
    'return [*[]]',
    'return {1, 2}',
    'yield 1',
    'pass\nreturn {}',
    'return {}\nreturn 1',
    'return {[]: 1}',
    'return ((',
  ])
    assert.equal(constantOf(text), undefined, text)
})

test('who changes what a text says changes nobody else’s', () => {
  const text = 'return {"list": [1]}'
  const first = constantOf(text)!.plain as { list: number[] }
  first.list.push(2)
  assert.deepEqual(constantOf(text), { plain: { list: [1] } })
})

test('more texts than are remembered are known all the same', () => {
  for (let index = 0; index < 1_200; index++) assert.deepEqual(constantOf(`return ${index}`), { plain: index })
  assert.deepEqual(constantOf('return 0'), { plain: 0 })
})
