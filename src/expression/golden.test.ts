/** Expressions in the idioms that people use, compared with what CPython made of them (see scripts/golden-expressions.py). */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ExpressionError, compile, evaluate } from './evaluate.ts'
import { defaultLimits } from './limits.ts'
import { native } from './module.ts'
import { EvaluationRuntime } from './runtime.ts'
import { thing } from './testdata/things.ts'
import type { PyList, Value } from './values.ts'

const data = new URL('testdata/', import.meta.url)
const golden: { name: string; value?: string; error?: string; text?: string; line?: number | null; messages: string[] }[] = JSON.parse(
  readFileSync(new URL('golden.json', data), 'utf8'),
)
const context: Record<string, unknown> = JSON.parse(readFileSync(new URL('context.json', data), 'utf8'))
const texts = readFileSync(new URL('cases.txt', data), 'utf8')
  .split('\n### ')
  .slice(1)
  .map(part => part.slice(part.indexOf('\n') + 1).replace(/\n+$/, ''))

const rt = () => new EvaluationRuntime(defaultLimits, { now: () => 0, monotonic: () => 0, random: () => 0.5 }, () => undefined)

/** A clock that makes a pause due at every look, and no limit. */
const restless = () => {
  let now = 0
  return { host: { environment: { monotonic: () => (now += 3), cpu: () => 0 } }, limits: { wall: Infinity } }
}

for (const [how, { host, limits }] of [
  ['', { host: {}, limits: {} }],
  [', pausing at every turn', restless()],
] as const)
  golden.forEach((expected, i) => {
    test(`${expected.name}: as CPython${how}`, async () => {
      const vars = new Map<string, Value>(Object.entries(context).map(([name, value]) => [name, thing(value)]))
      vars.set(
        'ak_message',
        native('ak_message', 'text', ([text], runtime) => {
          runtime.message(text)
          return null
        }),
      )
      vars.set(
        'ak_is_group_member',
        native('ak_is_group_member', 'user, name', function* ([user, name], runtime) {
          const groups = yield runtime.getAttribute(user, 'group_names')
          return (groups as PyList).items.includes(name)
        }),
      )
      const program = compile(texts[i]!, [...vars.keys()], 'policy')
      let actual: Record<string, unknown>
      try {
        const { value, messages } = await evaluate(program, vars, host, limits)
        actual = { value: rt().repr(value), messages }
      } catch (error) {
        if (!(error instanceof ExpressionError) || !error.exception) throw error
        const [type, ...text] = error.message.split(': ')
        actual = { error: type, text: text.join(': '), line: error.exception.traceback[0]?.line, messages: error.messages }
      }
      const { name: _, ...wanted } = expected
      assert.deepEqual(actual, wanted)
    })
  })
