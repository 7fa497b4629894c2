import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { requestSchemas } from '../api/body.ts'
import { registry } from '../registry.ts'
import { violations } from './json-schema.ts'

/** A checker of the whole standard, for what both know. */
const ajv = new Ajv({ allErrors: true, strict: false })
addFormats.default(ajv, ['uuid', 'email'])
ajv.addFormat('date-time', value => violations({ format: 'date-time' }, value).length === 0)

const ours = (schema: object, value: unknown): string[] =>
  violations(schema, value).map(({ path, keyword }) => `/${path.join('/')} ${keyword}`)

function theirs(schema: object, value: unknown): string[] {
  const validate = ajv.compile(schema)
  void validate(value)
  return (validate.errors ?? []).map(({ instancePath, keyword, params }) => {
    const missing = (params as { missingProperty?: string }).missingProperty
    return `${[instancePath || (missing === undefined ? '/' : ''), ...(missing === undefined ? [] : [missing])].join('/')} ${keyword}`
  })
}

const VALUES: readonly unknown[] = [
  '',
  'x',
  'two words',
  'x'.repeat(300),
  '😀',
  '😀'.repeat(200),
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  2 ** 31,
  -(2 ** 31) - 1,
  1e300,
  '2026-11-22T10:00:00Z',
  '2026-11-22 10:00',
  '2026-11-22',
  'a@b',
  'a.b@example.org',
  '.a@example.org',
  'a@-b.org',
  'a@b-.org',
  'a@b--c.org',
  '7b9d4b4c-6c1f-4f8e-9d2e-2f3c1e6a7b8c',
  'urn:uuid:7B9D4B4C-6C1F-4F8E-9D2E-2F3C1E6A7B8C',
  '7b9d4b4c6c1f4f8e9d2e2f3c1e6a7b8c',
  {},
  { x: 1 },
  [],
  ['x'],
  [''],
  [1, 'x', null],
  [{}],
  [{ x: 1 }],
  [[]],
  Array(200).fill(1),
]

test('breaks the rules that a whole implementation finds broken, in its order, for bodies of every model', () => {
  let compared = 0
  for (const { model } of registry.resources) {
    for (const schema of Object.values(requestSchemas(model))) {
      for (const value of VALUES) assert.deepEqual(ours(schema, value), theirs(schema, value), model.label)
      for (const [name, field] of Object.entries(
        (schema as { properties: Record<string, { items?: { properties?: object } }> }).properties,
      )) {
        const inner = Object.keys(field.items?.properties ?? {})
        const values = [...VALUES, ...VALUES.map(value => [Object.fromEntries(inner.map(key => [key, value]))])]
        for (const value of inner.length > 0 ? values : VALUES) {
          assert.deepEqual(
            ours(schema, { [name]: value }),
            theirs(schema, { [name]: value }),
            `${model.label} ${name} ${JSON.stringify(value)}`,
          )
          compared++
        }
      }
    }
  }
  assert.ok(compared > 10_000, String(compared))
})

test('tells what is missing, and what is wrong deep inside, by its path', () => {
  const schema = {
    type: 'object',
    properties: { list: { type: 'array', minItems: 1, items: { type: 'object', properties: { n: { type: 'integer', minimum: 1 } } } } },
    required: ['list', 'name'],
  }
  assert.deepEqual(ours(schema, {}), ['/list required', '/name required'])
  assert.deepEqual(ours(schema, { name: 1, list: [{ n: 1 }, { n: 0 }, { n: '1' }, 2] }), [
    '/list/1/n minimum',
    '/list/2/n type',
    '/list/3 type',
  ])
  assert.deepEqual(ours(schema, { name: 1, list: [] }), ['/list minItems'])
  assert.deepEqual(ours(schema, []), ['/ type'])
})

test('passes over what a schema tells its readers', () => {
  assert.deepEqual(ours({ type: 'boolean', description: 'Whether it is.', default: true }, false), [])
})

test('takes no number that JSON does not have for one', () => {
  for (const value of [Number.POSITIVE_INFINITY, Number.NaN]) {
    assert.deepEqual(ours({ type: 'number' }, value), ['/ type'])
    assert.deepEqual(ours({ type: 'integer' }, value), ['/ type'])
  }
})

test('refuses to check by a schema that says more than it knows, wherever in the schema that stands', () => {
  for (const part of [
    { oneOf: [] },
    { format: 'uri' },
    { type: 'date' },
    { additionalProperties: { type: 'string' } },
    { additionalProperties: false },
  ]) {
    for (const schema of [part, { type: 'array', items: part }, { type: 'object', properties: { part } }])
      assert.throws(() => violations(schema as object, null), /JSON Schema: /, JSON.stringify(schema))
  }
})

test('looks at an address of a hundred thousand letters once', () => {
  for (const text of [`a@${'a'.repeat(100_000)}`, 'a.'.repeat(50_000), `a@${'a-'.repeat(50_000)}.org`, `a@${'a.'.repeat(50_000)}!`])
    assert.deepEqual(ours({ format: 'email' }, text), ['/ format'])
})
