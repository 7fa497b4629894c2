import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBase64url, toBase64url } from './base64url.ts'
import { secretsEqual } from './constant-time.ts'
import { deepMerge } from './deep-merge.ts'
import { escapeHtml } from './html.ts'
import { LruMap } from './lru.ts'
import { looksSecret, MASKED, maskSecrets } from './mask.ts'
import { KeyedMutex, Mutex } from './mutex.ts'
import { DIGITS, randomInteger, randomString, randomUuid } from './random.ts'
import { isSlug, slugify } from './slug.ts'
import { QueueFullError, TurnQueue } from './turn-queue.ts'

test('base64url has one spelling for each sequence of bytes', () => {
  assert.equal(toBase64url(Uint8Array.of(251, 255, 0)), '-_8A')
  assert.equal(toBase64url('é'), 'w6k')
  assert.deepEqual(fromBase64url('-_8A'), Uint8Array.of(251, 255, 0))
  assert.deepEqual(fromBase64url(''), new Uint8Array())
  for (const text of ['A', 'AA==', '+/8A', 'AB', 'A A', 'AAAAA', 'ÄA']) assert.equal(fromBase64url(text), undefined, text)
})

test('slugs', () => {
  const cases: [string, string][] = [
    ['Zoë’s Café', 'zoes-cafe'],
    ['  a -- b  ', 'a-b'],
    ['snake_case', 'snake_case'],
    ['日本', ''],
    ['-_x_-', 'x'],
    ['a/b.c', 'abc'],
  ]
  for (const [name, slug] of cases) assert.equal(slugify(name), slug)
  assert.equal(slugify('abc def', 4), 'abc')
  for (const slug of ['a', 'A-b_9']) assert.ok(isSlug(slug))
  for (const text of ['', 'a b', 'a/b', 'é', 'a\n']) assert.ok(!isSlug(text), text)
})

test('secrets of any length compare', () => {
  assert.ok(secretsEqual('abc', Buffer.from('abc')))
  assert.ok(secretsEqual('', ''))
  assert.ok(!secretsEqual('abc', 'abcd'))
  assert.ok(!secretsEqual('', 'a'))
})

test('random text uses no byte that would favour a character', () => {
  const given = [255, 250, 249, 0, 13, 9, 1, 2, 3]
  const random = (size: number) => Uint8Array.from(given.splice(0, size))
  assert.equal(randomString(4, DIGITS, random), '9039') // 255 and 250 are beyond 25 tens
  assert.match(randomString(60), /^[A-Za-z0-9]{60}$/)
  assert.equal(randomString(0), '')
  assert.throws(() => randomString(4, 'a'), RangeError)
})

test('random whole numbers and UUIDs', () => {
  const words = [
    [255, 255, 255, 255],
    [0, 0, 0, 13],
  ]
  assert.equal(
    randomInteger(10, () => Uint8Array.from(words.shift() ?? [])),
    3,
  )
  assert.equal(randomInteger(1), 0)
  for (const limit of [0, -1, 1.5, 2 ** 33]) assert.throws(() => randomInteger(limit), RangeError)
  assert.equal(
    randomUuid(size => new Uint8Array(size).fill(255)),
    'ffffffff-ffff-4fff-bfff-ffffffffffff',
  )
})

test('a bounded map drops what was not used for longest, and what is over', () => {
  let time = 0
  const map = new LruMap<string, number>({ max: 2, ttlMs: 100, now: () => new Date(time) })
  map.set('a', 1)
  map.set('b', 2)
  assert.equal(map.get('a'), 1)
  map.set('c', 3)
  assert.equal(map.get('b'), undefined)
  assert.equal(map.size, 2)
  time = 99
  assert.equal(map.get('a'), 1)
  map.set('d', 4, 1_000)
  time = 100
  assert.equal(map.get('a'), undefined)
  time = 1_000
  assert.equal(map.get('d'), 4)
  map.set('d', 5)
  assert.equal(map.size, 1)
  assert.deepEqual([...map.keys()], ['d'])
  map.clear()
  assert.equal(map.has('d'), false)
  assert.throws(() => new LruMap({ max: 0, now: () => new Date(0) }), RangeError)
})

test('a mutex lets tasks run one after the other, also after one has failed', async () => {
  const mutex = new Mutex()
  const log: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = mutex.run(async () => {
    log.push('first')
    await gate.promise
    throw new Error('first failed')
  })
  const second = mutex.run(() => log.push('second'))
  await Promise.resolve()
  gate.resolve()
  await assert.rejects(first, /first failed/)
  await second
  assert.deepEqual(log, ['first', 'second'])
})

test('keyed mutexes wait for their own key alone and leave nothing behind', async () => {
  const mutex = new KeyedMutex<string>()
  const gate = Promise.withResolvers<void>()
  const waiting = mutex.run('a', () => gate.promise)
  assert.equal(await mutex.run('b', () => 'b'), 'b')
  assert.equal(mutex.size, 1)
  gate.resolve()
  await waiting
  assert.equal(mutex.size, 0)
})

test('waiting tasks run in turns of their owners', async () => {
  const queue = new TurnQueue({ concurrency: 1, maxWaiting: 4 })
  const gate = Promise.withResolvers<void>()
  const order: string[] = []
  const note = (name: string) => async () => void order.push(name)
  const all = [
    queue.run('flood', () => gate.promise),
    ...['f1', 'f2', 'f3'].map(name => queue.run('flood', note(name))),
    queue.run('me', note('m1')),
  ]
  await assert.rejects(queue.run('late', note('late')), QueueFullError)
  assert.equal(queue.pending, 5)
  gate.resolve()
  await Promise.all(all)
  assert.deepEqual(order, ['f1', 'm1', 'f2', 'f3'])
  assert.equal(queue.pending, 0)
  await assert.rejects(
    queue.run('me', () => Promise.reject(new Error('no'))),
    /no/,
  )
  assert.equal(queue.pending, 0)
})

test('objects merge, lists concatenate, later scalars win', () => {
  const a = { x: { one: 1, list: [1] }, s: 'a', o: { gone: true } }
  const b = { x: { two: 2, list: [2] }, s: 'b', o: null }
  assert.deepEqual(deepMerge(a, b), { x: { one: 1, two: 2, list: [1, 2] }, s: 'b', o: null })
  assert.deepEqual(a, { x: { one: 1, list: [1] }, s: 'a', o: { gone: true } })
  const merged = deepMerge(a) as typeof a
  merged.x.list.push(9)
  assert.deepEqual(a.x.list, [1])
  assert.deepEqual(deepMerge(), {})
})

test('merging foreign keys never touches prototypes', () => {
  const evil = JSON.parse(
    '{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}, "a": {"__proto__": {"polluted": true}}}',
  ) as Record<string, unknown>
  const merged = deepMerge({ a: {} }, evil, evil)
  assert.equal((merged as { polluted?: boolean }).polluted, undefined)
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
  assert.ok(Object.hasOwn(merged, '__proto__'))
  let deep: Record<string, unknown> = {}
  for (let i = 0; i < 100; i++) deep = { deep }
  assert.throws(() => deepMerge({}, deep), RangeError)
  assert.throws(() => deepMerge(deep, deep), RangeError)
})

test('HTML is escaped for text and attributes', () => {
  assert.equal(escapeHtml(`<a href="x" title='y'>&amp;`), '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;')
})

test('values under secret names are masked, with the known exceptions', () => {
  for (const key of ['password', 'client_secret', 'API', 'key', 'x_token_y', 'passphrase', 'Signature']) assert.ok(looksSecret(key), key)
  for (const key of ['passing', 'password_change_date', 'auth_method', 'auth_method_args', 'username']) assert.ok(!looksSecret(key), key)
  const when = new Date(0)
  assert.deepEqual(maskSecrets({ password: 'x', nested: [{ token: { a: 1 }, name: 'n' }], passing: true, when, none: null }), {
    password: MASKED,
    nested: [{ token: MASKED, name: 'n' }],
    passing: true,
    when,
    none: null,
  })
  const loop: Record<string, unknown> = {}
  loop['self'] = loop
  assert.match(JSON.stringify(maskSecrets(loop)), /\*{20}/)
})
