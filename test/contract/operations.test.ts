import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Resource } from '../../src/api/mount.ts'
import type { Row } from '../../src/api/model.ts'
import { registry } from '../../src/registry.ts'
import { server, type Answer } from '../harness.ts'
import { exampleOf, OURS } from './examples.ts'
import { sampleBody, sampleObject } from './samples.ts'
import { assertAnswer, operationAt } from './schema.ts'

const A = '/api/v3'

/** Where one object of a resource is. */
export const itemUrl = ({ path, model }: Resource, row: Row): string =>
  `${A}${path}/${encodeURIComponent(String(row[model.lookup ?? model.pk]))}/`

function held(method: string, url: string, answer: Answer, status: number): void {
  assert.equal(answer.status, status, `${method} ${url}: ${answer.text.slice(0, 1000)}`)
  assertAnswer(method, url, answer)
}

/** Filters by what this server does not have: they are passed over. */
const NOT_OFFERED = new Set([
  'flow_lockdown',
  'flow_user_switch',
  'flow_request',
  'branding_map_tiles',
  'created',
  'last_updated',
  // Secrets: a filter would tell whoever may look at a stage whether a guess is right.
  'password',
  'auth',
  'auth_password',
])

/** Resources of our own are not in the contract; their slices test them. */
const published = registry.resources.filter(({ path }) => !path.startsWith('/signet/'))

for (const resource of published) {
  const { path, model, operations } = resource
  const offers = (method: string, pattern: string): boolean => {
    assert.ok(operationAt(method, pattern), `${method} ${pattern} is no operation of the contract`)
    return true
  }

  describe(`${path}/ keeps the contract`, () => {
    if (operations.list && offers('GET', `${path}/`)) {
      test('list', async () => {
        const { admin, ctx } = await server()
        await sampleObject(
          ctx,
          model.component === '' || model.name === 'Provider' ? (registry.models.find(kind => kind.base === model) ?? model) : model,
        )
        // Expressions make events of kinds of their own, which the contract cannot list; other tests leave some behind.
        const only = path === '/events/events' ? 'action=model_created&' : ''
        for (const query of ['', 'page_size=1', 'search=sample', 'ordering=-name', 'page=last'])
          held('GET', `${A}${path}/?${only}${query}`, await admin.get(`${A}${path}/?${only}${query}`), 200)
      })
      test('every filter of the contract is understood', async () => {
        const { admin } = await server()
        for (const { name, in: place } of operationAt('GET', `${path}/`)!.parameters) {
          if (place !== 'query' || ['page', 'page_size', 'search', 'ordering'].includes(name) || name.startsWith('include_')) continue
          if (NOT_OFFERED.has(name)) continue
          assert.ok(
            name in model.filters || ['superuser_full_list', 'only_with_launch_url', 'for_user'].includes(name),
            `${path}/?${name}= filters nothing`,
          )
          const answer = await admin.get(`${A}${path}/?${name}=true`)
          assert.ok([200, 400].includes(answer.status), `${path}/?${name}=true: ${answer.status} ${answer.text}`)
          assertAnswer('GET', `${A}${path}/`, answer)
        }
      })
    }
    if (operations.retrieve && offers('GET', `${path}/:pk/`)) {
      test('retrieve, and what uses it', async () => {
        const { admin, ctx } = await server()
        const concrete =
          model.component === '' || model.name === 'Provider' ? (registry.models.find(kind => kind.base === model) ?? model) : model
        const url = itemUrl(resource, await sampleObject(ctx, concrete))
        held('GET', url, await admin.get(url), 200)
        if (operations.usedBy && offers('GET', `${path}/:pk/used_by/`))
          held('GET', `${url}used_by/`, await admin.get(`${url}used_by/`), 200)
      })
    }
    if (operations.create && offers('POST', `${path}/`)) {
      for (const all of [false, true]) {
        test(all ? 'create with every field' : 'create with the required fields', async () => {
          const { admin, ctx } = await server()
          const body = await sampleBody(ctx, model, operationAt('POST', `${path}/`)!.request!.schema, { all })
          const answer = await admin.post(`${A}${path}/`, body)
          held('POST', `${A}${path}/`, answer, 201)
          if (!operations.update) return
          const url = itemUrl(resource, { ...answer.body, [model.pk]: answer.body[model.keyName] })
          offers('PUT', `${path}/:pk/`)
          offers('PATCH', `${path}/:pk/`)
          held('PUT', url, await admin.put(url, body), 200)
          held('PATCH', url, await admin.patch(url, {}), 200)
        })
      }
      test('a body without its required fields names each of them', async () => {
        const { admin } = await server()
        const answer = await admin.post(`${A}${path}/`, {})
        assert.equal(answer.status, 400, answer.text)
        assertAnswer('POST', `${A}${path}/`, answer)
      })
    }
    if (operations.destroy && offers('DELETE', `${path}/:pk/`)) {
      test('delete', async () => {
        const { admin, ctx } = await server()
        const concrete =
          model.component === '' || model.name === 'Provider' ? (registry.models.find(kind => kind.base === model) ?? model) : model
        const url = itemUrl(resource, await sampleObject(ctx, concrete))
        held('DELETE', url, await admin.delete(url), 204)
        assert.equal((await admin.get(url)).status, 404)
      })
    }
  })
}

for (const [line, operation] of registry.routes.flatMap(routes => Object.entries(routes))) {
  test(`${line} keeps the contract`, async () => {
    const [method, pattern] = line.split(' ') as [string, string]
    if (OURS.has(line)) return
    assert.ok(operationAt(method, pattern), `${line} is no operation of the contract`)
    const { admin, client, ctx } = await server()
    const example = await exampleOf(ctx, line)
    const api = operation.anonymous ? client() : admin
    const answer = await api.request(method, `${A}${example.url}`, {
      body: example.body,
      payload: example.payload,
      headers: example.headers,
    })
    held(method, `${A}${example.url}`, answer, example.status ?? operation.status ?? 200)
  })
}
