import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRegex, DEFAULT_MAX_STEPS, fullMatch, IGNORECASE, matchAll, RegexBudgetError, RegexSyntaxError, search } from './index.ts'

const hostile: [pattern: string, text: string][] = [
  ['(a+)+$', 'a'.repeat(5000) + '!'],
  ['(a|aa)*b', 'a'.repeat(5000)],
  ['(a|a)*b', 'a'.repeat(5000)],
  ['((a*)*)*b', 'a'.repeat(5000)],
  ['(.*)*x', 'a'.repeat(5000)],
  ['(a{1,1000}){1,1000}b', 'a'.repeat(5000)],
  ['(?:(?:a?){65535}){65535}b', 'a'.repeat(5000)],
  ['(?:){4294967294}', ''],
  ['(?:a?){30000}?a{30000}', 'a'.repeat(29_000)],
  ['(?=(a+)+b)', 'a'.repeat(5000)],
  ['(?!(a+)+b)c', 'a'.repeat(5000)],
  ['(?>(a|b)*)*c', 'ab'.repeat(2500)],
  ['(?:(?:a|ab)(?:c|bcd)(?:d*))*e', 'abcd'.repeat(1000)],
  ['(\\w+\\s?)*:', 'word '.repeat(1000)],
  ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(5000)],
  ['(x+x+)+y', 'x'.repeat(5000)],
  ['(a?)*\\1\\1\\1b', 'a'.repeat(5000)],
  ['(.+)\\1+b', 'a'.repeat(5000)],
  ['(?:a|(?:a|(?:a|(?:a|b)*)*)*)*c', 'a'.repeat(5000)],
]

test('patterns made to take for ever end within their budget', () => {
  for (const [pattern, text] of hostile) {
    let charged = 0
    const program = compileRegex(pattern, IGNORECASE)
    try {
      search(program, text, { charge: steps => (charged += steps) })
    } catch (error) {
      assert.ok(error instanceof RegexBudgetError, `${pattern}: ${String(error)}`)
      assert.equal(charged, DEFAULT_MAX_STEPS)
    }
    assert.ok(charged > 0 && charged <= DEFAULT_MAX_STEPS, pattern)
  }
})

test('a match that may take many steps still has bounded memory', () => {
  const before = process.memoryUsage().arrayBuffers
  assert.throws(() => search(compileRegex('(?:a|bb?)*c'), 'ab'.repeat(1_000_000), { maxSteps: 1e9 }), /too much memory/)
  assert.ok(process.memoryUsage().arrayBuffers - before < 40e6)
})

test('steps are told to whoever pays, and may be limited', () => {
  const program = compileRegex('(?P<user>[^@]+)@(.+)')
  let charged = 0
  assert.equal(fullMatch(program, 'ada@example.org', { charge: steps => (charged += steps) })?.named('user'), 'ada')
  assert.ok(charged > 3 && charged < 20, `${charged} steps`)
  assert.throws(() => fullMatch(program, 'ada@example.org', { maxSteps: 3 }), RegexBudgetError)
})

test('each match of an iteration has the budget anew', () => {
  const text = 'aaaa '.repeat(10_000)
  let charged = 0
  const options = { maxSteps: 1000, charge: (steps: number) => (charged += steps) }
  assert.equal([...matchAll(compileRegex('a+'), text, options)].length, 10_000)
  assert.ok(charged < 100_000, `${charged} steps`)
})

test('a long text without a match costs few steps', () => {
  const text = 'lorem ipsum '.repeat(80_000)
  for (const pattern of ['needle', '\\d+', 'x.*y', '[0-9a-f]{8}-']) {
    let charged = 0
    search(compileRegex(pattern), text, { maxSteps: 1e7, charge: steps => (charged += steps) })
    assert.ok(charged < 600_000, `${pattern}: ${charged}`)
  }
})

test('what a pattern may ask of the compiler is bounded', () => {
  const refused = (pattern: string, message: RegExp) =>
    assert.throws(
      () => compileRegex(pattern),
      e => e instanceof RegexSyntaxError && message.test(e.message),
    )
  refused('('.repeat(5000) + ')'.repeat(5000), /too much nesting/)
  refused('(?(1)'.repeat(5000), /too much nesting/)
  refused('()'.repeat(5000), /too many groups/)
  refused('a'.repeat(100_000), /pattern is too long/)
  const { code } = compileRegex('(?:(?:(?:a{1000}b){1000}c){1000}d){1000}')
  assert.ok(code.length < 100, 'counted repeats are not written out')
})
