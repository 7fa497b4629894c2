/** What operators' policies do and leave behind, compared with what CPython made of them (see scripts/golden-recipes.py). */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ExpressionError, compile, evaluate } from './evaluate.ts'
import { defaultLimits } from './limits.ts'
import { EvaluationRuntime } from './runtime.ts'
import { World, type Case } from './testdata/recipes/world.ts'

type Golden = { recipe: string; case: string; messages: string[]; did: unknown[]; left: unknown } & (
  | { value: string }
  | { error: string; text: string; line: number }
)

const read = (name: string) => readFileSync(new URL(`testdata/recipes/${name}`, import.meta.url), 'utf8')
const golden = JSON.parse(read('golden.json')) as Golden[]
const given = JSON.parse(read('cases.json')) as { groups: string[]; cases: Case[] }
const texts = new Map(
  read('recipes.txt')
    .split('\n### ')
    .slice(1)
    .map(part => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1).replace(/\n+$/, '')]),
)

const rt = () => new EvaluationRuntime(defaultLimits, { now: () => 0, monotonic: () => 0, random: () => 0.5 }, () => undefined)
/** As JSON has it: objects without prototypes and such become plain. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('there is an answer to every case', () => {
  assert.deepEqual(
    golden.map(({ recipe, case: name }) => [recipe, name]),
    given.cases.map(({ recipe, case: name }) => [recipe, name]),
  )
})

golden.forEach((expected, i) => {
  const { recipe, case: name, ...wanted } = expected
  test(`${recipe}, ${name}: as CPython`, async () => {
    const world = await World.of(given.groups, given.cases[i]!)
    const program = compile(texts.get(recipe)!, [...world.variables.keys()], 'policy')
    let ended: Record<string, unknown>
    try {
      const { value, messages } = await evaluate(program, world.variables, { module: module => world.modules.get(module) })
      ended = { value: rt().repr(value), messages }
    } catch (error) {
      if (!(error instanceof ExpressionError) || !error.exception) throw error
      const [type, ...text] = error.message.split(': ')
      ended = { error: type, text: text.join(': '), line: error.exception.traceback[0]?.line, messages: error.messages }
    }
    assert.deepEqual(plain({ ...ended, did: world.did, left: world.left() }), wanted)
  })
})
