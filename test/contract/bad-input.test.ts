import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { requestSchemas } from '../../src/api/body.ts'
import { countObjects } from '../../src/api/store.ts'
import type { Model } from '../../src/api/model.ts'
import type { Resource } from '../../src/api/mount.ts'
import { registry } from '../../src/registry.ts'
import { ENGINE, server, type Answer } from '../harness.ts'
import { exampleOf, OURS } from './examples.ts'
import { sampleBody, sampleObject } from './samples.ts'
import { operationAt } from './schema.ts'

const A = '/api/v3'

/** An answer that says what is wrong, in the shape that clients know, and nothing of our insides. */
function clear(what: string, answer: Answer, allowed: readonly number[]): void {
  assert.ok(allowed.includes(answer.status), `${what}: ${answer.status} ${answer.text.slice(0, 600)}`)
  if (answer.status < 400) return
  assert.doesNotMatch(answer.text, /node_modules|\.ts:\d+|at \w+ \(|SQLITE|syntax error at|invalid byte sequence|constraint failed/i, what)
  assert.equal(typeof answer.body, 'object', `${what}: ${answer.text.slice(0, 300)}`)
  if (answer.status !== 400) assert.equal(typeof answer.body.detail, 'string', what)
}

const concrete = (model: Model): Model =>
  model.component === '' || ['Provider', 'Policy'].includes(model.name)
    ? (registry.models.find(kind => kind.base === model) ?? model)
    : model

/** What only our own code looks at is tried on one database. */
const once = <T>(...values: T[]): T[] => (ENGINE === 'sqlite' ? values : [])

const HOSTILE_TEXT = [
  'x%00y',
  '%ED%A0%80',
  '%25%5C_',
  '99999999999999999999',
  '4294967296',
  '2026-13-45T99:99:99Z',
  ...once("'%20or%201%3D1%20--", 'x'.repeat(4000), '[]'),
]
const HOSTILE_KEYS = [
  '0',
  '-1',
  '99999999999',
  '4294967296',
  'x',
  '%00',
  '%F0%9F%92%A9',
  '%ED%A0%80',
  'a'.repeat(400),
  '%27',
  '%2e%2e%2f',
  '%252e',
  '%25',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  'null',
]
const PAGES = ['page=-1', 'page=99999999999', ...once('page=0', 'page=1e3', 'page=x', 'page=1&page=2', 'page=999999', 'page=')]
const SIZES = [
  'page_size=99999999999999999999',
  ...once('page_size=1000000000', 'page_size=0', 'page_size=-1', 'page_size=x', 'page_size=1.5', 'page_size=1&page_size=2'),
]
const WRONG: unknown[] = [
  null,
  99_999_999_999,
  1e308,
  '',
  'a\0b',
  '\ud800',
  ['\0'],
  [99_999_999_999],
  {},
  { 'a\0': 1 },
  'x'.repeat(100_000),
]
const NO_OBJECT = once(
  'null',
  '[]',
  '"x"',
  '5',
  'true',
  '{',
  '{"a":}',
  '{"__proto__":{}}',
  '\ufeff{}',
  '\0',
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  `{"a":${'{"a":'.repeat(200)}1${'}'.repeat(200)}}`,
)

const itemUrl = ({ path, model }: Resource, row: Record<string, unknown>): string =>
  `${A}${path}/${encodeURIComponent(String(row[model.lookup ?? model.pk]))}/`

/** The schema of a create: the contract's, or that of a resource of our own. */
const bodyOf = ({ path, model }: Resource) =>
  operationAt('POST', `${path}/`)?.request?.schema ?? (requestSchemas(model).full as Record<string, unknown>)

for (const resource of registry.resources) {
  const { path, model, operations } = resource
  describe(`${path}/ answers bad input with a clear error`, () => {
    if (operations.list) {
      test('pages and sizes', async () => {
        const { admin } = await server()
        for (const query of PAGES) clear(`?${query}`, await admin.get(`${A}${path}/?${query}`), [200, 404])
        for (const query of SIZES) {
          const answer = await admin.get(`${A}${path}/?${query}`)
          clear(`?${query}`, answer, [200])
          assert.ok(answer.body.results.length <= 100, query)
        }
      })
      test('filters, search and order', async () => {
        const { admin } = await server()
        for (const name of [...Object.keys(model.filters), ...Object.keys(model.parameters ?? {}), 'search', 'ordering', 'unknown']) {
          for (const value of HOSTILE_TEXT)
            clear(`?${name}=${value.slice(0, 40)}`, await admin.get(`${A}${path}/?${name}=${value}`), [200, 400])
        }
      })
    }
    if (operations.retrieve) {
      test('keys', async () => {
        const { admin } = await server()
        for (const key of HOSTILE_KEYS) {
          clear(`GET ${key.slice(0, 40)}`, await admin.get(`${A}${path}/${key}/`), [400, 404, 414])
          if (operations.destroy) clear(`DELETE ${key.slice(0, 40)}`, await admin.delete(`${A}${path}/${key}/`), [400, 404, 405, 414])
          if (operations.update) clear(`PATCH ${key.slice(0, 40)}`, await admin.patch(`${A}${path}/${key}/`, {}), [400, 404, 405, 414])
        }
      })
    }
    if (operations.create) {
      test('bodies that are no object', async () => {
        const { admin, ctx } = await server()
        const before = await countObjects(ctx, model)
        for (const payload of NO_OBJECT)
          clear(`POST ${payload.slice(0, 40)}`, await admin.request('POST', `${A}${path}/`, { payload }), [400])
        clear('POST text', await admin.request('POST', `${A}${path}/`, { payload: 'x', headers: { 'content-type': 'text/plain' } }), [415])
        clear(
          'POST a form',
          await admin.request('POST', `${A}${path}/`, { payload: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
          [415],
        )
        clear('POST too much', await admin.request('POST', `${A}${path}/`, { payload: `{"name":"${'x'.repeat(3_000_000)}"}` }), [413])
        assert.equal(await countObjects(ctx, model), before)
      })
      test('fields of wrong kinds', async () => {
        const { admin, ctx } = await server()
        const valid = await sampleBody(ctx, model, bodyOf(resource), { all: false })
        let stored = await countObjects(ctx, model)
        for (const name of Object.keys(model.allFields)) {
          if (model.allFields[name]!.readOnly) continue
          for (const value of WRONG) {
            const answer = await admin.post(`${A}${path}/`, { ...valid, [name]: value })
            clear(`POST {${name}: ${(JSON.stringify(value) ?? '').slice(0, 40)}}`, answer, [201, 400])
            if (answer.status !== 201) continue
            stored++
            if (!operations.destroy) continue
            // What was accepted makes room for the next.
            const removed = await admin.delete(itemUrl(resource, { ...answer.body, [model.pk]: answer.body[model.keyName] }))
            if (removed.status === 204) stored--
          }
          assert.equal(await countObjects(ctx, model), stored, name)
        }
      })
      if (operations.update) {
        test('a change that is refused changes nothing', async () => {
          const { admin, ctx } = await server()
          const url = itemUrl(resource, await sampleObject(ctx, concrete(model)))
          const before = (await admin.get(url)).text
          for (const name of Object.keys(model.allFields)) {
            if (model.allFields[name]!.readOnly) continue
            clear(`PATCH {${name}}`, await admin.patch(url, { [name]: { a: '\0' } }), [400])
          }
          assert.equal((await admin.get(url)).text, before)
        })
      }
    }
  })
}

describe('special routes answer bad input with a clear error', () => {
  for (const [line, operation] of registry.routes.flatMap(routes => Object.entries(routes))) {
    // The executor and its start show what goes wrong as a page of the flow; what it does with bad input stands in its own tests.
    if (OURS.has(line) || line.includes('/flows/executor/') || line.includes('/execute/')) continue
    test(line, async () => {
      const { admin, ctx } = await server()
      const [method, pattern] = line.split(' ') as [string, string]
      const example = await exampleOf(ctx, line)
      if (/:\w+/.test(pattern)) {
        for (const key of HOSTILE_KEYS) {
          const url = `${A}${pattern.replace(/:\w+/, key)}`
          clear(
            `${method} ${key.slice(0, 40)}`,
            await admin.request(method, url, { body: example.body, payload: example.payload, headers: example.headers }),
            [200, 204, 400, 404, 405, 414],
          )
        }
      }
      for (const name of Object.keys(operation.query ?? {})) {
        for (const value of HOSTILE_TEXT)
          clear(
            `?${name}=${value.slice(0, 40)}`,
            await admin.request(method, `${A}${example.url.split('?')[0]!}?${name}=${value}`, {
              body: example.body,
              payload: example.payload,
              headers: example.headers,
            }),
            [200, 204, 400, 404],
          )
      }
      if (!['POST', 'PUT', 'PATCH'].includes(method) || operation.multipart) return
      for (const payload of NO_OBJECT)
        clear(
          payload.slice(0, 40),
          await admin.request(method, `${A}${example.url}`, { payload, headers: example.headers }),
          [200, 204, 400],
        )
      for (const name of Object.keys(example.body ?? {})) {
        for (const value of WRONG)
          clear(
            `{${name}: ${(JSON.stringify(value) ?? '').slice(0, 40)}}`,
            await admin.request(method, `${A}${example.url}`, {
              body: { ...(example.body as object), [name]: value },
              headers: example.headers,
            }),
            [200, 204, 400, 404],
          )
      }
    })
  }
})

test("cookies that are no cookie of ours are a visitor's", async () => {
  const { client } = await server()
  for (const value of [
    'x',
    'a.b.c',
    '%00',
    '"',
    'eyJhbGciOiJub25lIn0.eyJzaWQiOiJ4In0.',
    'x'.repeat(5000),
    '\u00ff',
    'eyJhbGciOiJIUzI1NiJ9.e30.AAAA',
  ]) {
    clear(value.slice(0, 20), await client().get(`${A}/core/users/me/`, { cookie: `authentik_session=${value}` }), [403])
    clear(value.slice(0, 20), await client().get(`${A}/core/users/me/`, { cookie: value }), [403])
  }
})

test('addresses that cannot be read are answered as such', async () => {
  const { admin } = await server()
  for (const url of [
    `${A}/%`,
    `${A}/%zz/`,
    `${A}//core//users//`,
    `${A}/core/users/%c0%af/`,
    `${A}/core/groups`,
    `${A}/nothing/`,
    `${A}/core/`,
    `${A}/core/users/1/2/3/`,
  ]) {
    clear(url, await admin.get(url), [400, 404, 200])
  }
})
