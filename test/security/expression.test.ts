/** Attacks on the expression engine: what an expression may not do, however it tries, and how long it may hold the server up. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  ExpressionError,
  type PyException,
  compile,
  evaluate,
  lazyDict,
  native,
  toJson,
  writeBack,
  type Host,
  type Value,
} from '../../src/expression/index.ts'
import { User, host, outcome, vars } from './expression/attack.ts'
import { attacks } from './expression/attacks.ts'
import { bulk } from './expression/bulk.ts'
import { assertShort, controls, stallsIn, triesOf, type Stall } from './expression/stalls.ts'

let measured = new Map<string, Stall[]>()
// Minutes, on a machine that does much else.
before(async () => void (measured = await stallsIn(new URL('expression/run-attacks.ts', import.meta.url))), { timeout: 500_000 })

controls(() => measured)

for (const [title, , expected] of [...attacks, ...bulk]) {
  test(`${title} is contained`, () => {
    const tries = triesOf(measured, title)
    for (const stall of tries) assert.ok([expected].flat().includes(stall.ended), `ended with ${stall.ended}`)
    assertShort(tries, measured)
  })
}

test('nothing leaks from one evaluation to the next', async () => {
  assert.equal(await outcome('global leaked\nleaked = 1\nimport json, random\nclass A: pass\nA.x = 1\nreturn 1'), '1')
  assert.equal(await outcome('return leaked'), 'NameError')
  assert.equal(await outcome('def f(acc=[]):\n  acc.append(1)\n  return len(acc)\nf()\nreturn f()'), '2')
  assert.equal(await outcome('def f(acc=[]):\n  acc.append(1)\n  return len(acc)\nf()\nreturn f()'), '2')
  const constants = 'x = [1, 2]\nx.append(3)\nd = {"a": []}\nd["a"].append(1)\nreturn [len(x), len(d["a"])]'
  assert.equal(await outcome(constants), '[3,1]')
  assert.equal(await outcome(constants), '[3,1]')
})

test('two evaluations at once do not mix', async () => {
  const text = 'total = 0\nfor i in range(50):\n  total += i\n  ask("x")\nreturn [total, user.pk]'
  const [a, b] = await Promise.all([outcome(text), outcome(text, {}, vars().set('user', new User(9)))])
  assert.deepEqual([a, b], ['[1225,5]', '[1225,9]'])
})

test('a limit says so and keeps messages and logs', async () => {
  const error = await evaluate(compile('print("before")\nwhile True: pass', []), new Map(), host).then(
    () => assert.fail(),
    failure => failure,
  )
  assert.ok(error instanceof ExpressionError)
  assert.equal(error.kind, 'limit')
  assert.equal(error.limit, 'steps')
  assert.equal(error.logs[0]?.event, 'before')
  assert.match(error.traceback, /line 2/)
})

test('a cpu limit ends what steps would let through', async () => {
  let now = 0
  const slow: Host = { environment: { monotonic: () => (now += 1), cpu: () => now } }
  const error = await evaluate(compile('for i in range(10**5): pass', []), new Map(), slow).then(
    () => assert.fail(),
    failure => failure,
  )
  assert.equal(error.limit, 'cpu')
})

test('a machine that stands still is not held against an expression', async () => {
  const text = `class A:
  def __hash__(self): return 1
  def __eq__(self, other):
    stand()
    for i in range(200): pass
    return True
return A() in {A(): 1}`
  for (const still of [30, 300, 3_000]) {
    let now = 0
    const given = new Map([['stand', native('stand', '', () => ((now += still), null))]])
    const { value } = await evaluate(compile(text, ['stand']), given, { environment: { monotonic: () => now, cpu: () => 0 } })
    assert.equal(value, true, `${still} ms`)
  }
})

test('a key named __proto__ stays a key on the way out and in', async () => {
  const source = { prompt_data: { a: 1 } }
  const context = lazyDict(source)
  const given = new Map<string, Value>([['context', context]])
  await evaluate(
    compile('context["prompt_data"]["__proto__"] = {"polluted": True}\ncontext["__proto__"] = {"polluted": True}', ['context']),
    given,
    host,
  )
  writeBack(context)
  assert.equal(({} as Record<string, unknown>).polluted, undefined)
  assert.ok(Object.hasOwn(source.prompt_data, '__proto__'))
  const { value } = await evaluate(compile('return {"__proto__": {"x": 1}, "constructor": 2}', []), new Map(), host)
  const json = toJson(value) as Record<string, unknown>
  assert.deepEqual(Object.keys(json), ['__proto__', 'constructor'])
  assert.equal((json as { x?: unknown }).x, undefined)
})

test('a deep or cyclic result is refused at the edge', async () => {
  const { value } = await evaluate(compile('l = []\nl.append(l)\nreturn l', []), new Map(), host)
  assert.throws(
    () => toJson(value),
    (error: PyException) => error.cls.name === 'RecursionError',
  )
})

test('memory returns after bombs', async () => {
  const bombs = attacks.filter(([, , expected]) => [expected].flat().includes('limit memory')).slice(0, 12)
  for (const [, text] of bombs) await outcome(text)
  // What is garbage is nobody's memory, whenever it may be collected.
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const before = process.memoryUsage().heapUsed
  for (let round = 0; round < 3; round++) for (const [, text] of bombs) await outcome(text)
  collect()
  const after = process.memoryUsage().heapUsed
  assert.ok(after - before < 20 * 1024 * 1024, `${((after - before) / 1e6).toFixed(0)} MB more`)
})
