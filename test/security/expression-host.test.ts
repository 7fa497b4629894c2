import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { before, test } from 'node:test'
import { parseAllowed } from '../../src/http/outgoing/addresses.ts'
import { OutgoingError } from '../../src/http/outgoing/error.ts'
import { makeOutgoing } from '../../src/http/outgoing/outgoing.ts'
import { aRole, aToken, aUser, unique } from '../builders.ts'
import { server } from '../harness.ts'
import { hostAttacks } from './expression/host-attacks.ts'
import { assertShort, controls, stallsIn, triesOf, type Stall } from './expression/stalls.ts'

/** Attacks by and through expressions as the server runs them, each numbered as in the list of abuse cases. */

const A = '/api/v3'
const refused = (error: unknown) => error instanceof OutgoingError && error.code === 'refused'

/** What a policy's text answers when an administrator tries it. */
async function tried(expression: string): Promise<{ passing: boolean; messages: string[] }> {
  const { admin, ctx } = await server()
  const policy = await admin.post(`${A}/policies/expression/`, { name: unique('policy'), expression })
  assert.equal(policy.status, 201, policy.text)
  const user = await aUser(ctx)
  return (await admin.post(`${A}/policies/all/${policy.body.pk as string}/test/`, { user: user.id })).body
}

test('72 trying out a policy or a mapping takes the right to change it', async () => {
  const { admin, client, ctx } = await server()
  const viewer = await aUser(ctx)
  await aRole(ctx, viewer, [
    'authentik_policies.view_policy',
    'authentik_policies_expression.view_expressionpolicy',
    'authentik_core.view_propertymapping',
    'authentik_providers_oauth2.view_scopemapping',
    'authentik_core.view_user',
  ])
  const api = client(await aToken(ctx, viewer))
  const policy = await admin.post(`${A}/policies/expression/`, { name: unique('policy'), expression: 'return True' })
  assert.equal((await api.post(`${A}/policies/all/${policy.body.pk as string}/test/`, { user: viewer.id })).status, 403)
  const mapping = (await admin.get(`${A}/propertymappings/provider/scope/?scope_name=profile`)).body.results[0]
  assert.equal((await api.post(`${A}/propertymappings/all/${mapping.pk as string}/test/`, { user: viewer.id })).status, 403)
})

test('79 expressions reach neither the machine, nor its neighbours on the link, nor the metadata of clouds', async () => {
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '169.254.169.254', '[fe80::1]', '0.0.0.0']) {
    const { passing, messages } = await tried(`return requests.get("http://${host}/", timeout=2).ok`)
    assert.equal(passing, false, host)
    assert.equal(messages.length, 1, host)
  }
})

test('79 the check holds after each redirect and for what names resolve to', async () => {
  const metadata = createServer((_, response) => response.writeHead(302, { location: 'http://169.254.169.254/latest/' }).end())
  await new Promise<void>(resolve => metadata.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = metadata.address() as AddressInfo
    const outgoing = makeOutgoing([parseAllowed('127.0.0.0/8')!])
    await assert.rejects(outgoing(`http://127.0.0.1:${port}/`), refused)
    const rebinding = makeOutgoing([], { resolve: async () => [{ address: '169.254.169.254', family: 4 }] })
    await assert.rejects(rebinding('http://innocent.example/'), refused)
  } finally {
    metadata.closeAllConnections()
    metadata.close()
  }
})

test('80 no spelling of an address gets past the list', async () => {
  const outgoing = makeOutgoing([])
  const spellings = [
    '127.1',
    '0x7f.1',
    '0177.0.0.1',
    '2130706433',
    '127.0.0.1.',
    '[::ffff:127.0.0.1]',
    '[64:ff9b::a9fe:a9fe]',
    '[2002:7f00:1::]',
  ]
  for (const host of spellings) await assert.rejects(outgoing(`http://${host}/`), refused, host)
})

test('86 an expression that the server runs finds no way to what is beneath it', async () => {
  const walks = [
    'return ().__class__.__bases__',
    'return (lambda: 0).__globals__',
    'return request.user.__proto__',
    'return request.constructor',
    'return "{0.__class__.__mro__}".format(request.user)',
    'import os\nreturn os.environ',
    'return __import__("subprocess")',
    'return open("/etc/passwd").read()',
    'return request.user.password',
    'return request.http_request.app',
  ]
  for (const expression of walks) {
    const { passing, messages } = await tried(expression)
    assert.equal(passing, false, expression)
    assert.equal(messages.length, 1, expression)
    assert.doesNotMatch(messages[0]!, /node:|file:\/\/|argon2|\bat .*:\d+:\d+/, expression)
  }
})

let measured = new Map<string, Stall[]>()
// Minutes, on a machine that does much else.
before(async () => void (measured = await stallsIn(new URL('expression/run-host-attacks.ts', import.meta.url))), { timeout: 500_000 })

controls(() => measured)

for (const [title, , expected] of hostAttacks) {
  test(`86 ${title} holds nobody up`, () => {
    const tries = triesOf(measured, title)
    for (const stall of tries) assert.equal(stall.ended, expected)
    assertShort(tries, measured)
  })
}
