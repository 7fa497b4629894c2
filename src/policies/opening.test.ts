import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aGroup, aUser, unique } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'

/** An application, and what is bound to it by the API; the warnings that an answer carries. */
async function anApplication() {
  const { admin, ctx } = await server()
  const name = unique('Wiki')
  const application = (await admin.post('/api/v3/core/applications/', { name, slug: name.toLowerCase() })).body
  const bind = async (what: object): Promise<string> =>
    (await admin.post('/api/v3/policies/bindings/', { target: application.pk, order: 0, ...what })).body.pk
  const warning = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await admin.request(method, `/api/v3${path}`, body ? { body } : {})
    assert.ok(answer.status < 300, answer.text)
    return answer.headers['x-signet-warning']
  }
  const open = `Nothing is bound to the application "${name}" any more: whoever can sign in may open it.`
  return { ctx, admin, application, bind, warning, open }
}

test('who deletes the last group, person or policy of an application is told that it is open now', async () => {
  for (const kind of ['group', 'user', 'policy']) {
    const { ctx, admin, bind, warning, open } = await anApplication()
    const policy = async () => (await admin.post('/api/v3/policies/dummy/', { name: unique('dummy') })).body.pk as string
    const make = async () => (kind === 'group' ? (await aGroup(ctx)).group_uuid : kind === 'user' ? (await aUser(ctx)).id : policy())
    const path = kind === 'policy' ? '/policies/all' : `/core/${kind}s`
    const [first, last] = [await make(), await make()]
    await bind({ [kind]: first })
    await bind({ [kind]: last, order: 1 })
    await bind({ group: (await aGroup(ctx)).group_uuid, enabled: false, order: 2 })
    assert.equal(await warning('DELETE', `${path}/${String(first)}/`), undefined, 'another is left')
    assert.equal(await warning('DELETE', `${path}/${String(last)}/`), open, kind)
    const unbound = await make()
    assert.equal(await warning('DELETE', `${path}/${String(unbound)}/`), undefined, 'nothing was bound to it')
  }
})

test('who deletes, switches off or moves the last binding of an application is told that it is open now', async () => {
  const { ctx, bind, warning, open } = await anApplication()
  const other = await anApplication()
  const group = (await aGroup(ctx)).group_uuid
  const [one, two] = [await bind({ group }), await bind({ user: (await aUser(ctx)).id })]
  const path = (binding: string) => `/policies/bindings/${binding}/`
  assert.equal(await warning('DELETE', path(one)), undefined)
  assert.equal(await warning('PATCH', path(two), { order: 3 }), undefined)
  assert.equal(await warning('PATCH', path(two), { enabled: false }), open)
  assert.equal(await warning('PATCH', path(two), { order: 4 }), undefined, 'it was open before')
  assert.equal(await warning('PATCH', path(two), { enabled: true }), undefined)
  assert.equal(await warning('PATCH', path(two), { target: other.application.pk }), open)
  assert.equal(await warning('DELETE', path(two)), other.open)
})
