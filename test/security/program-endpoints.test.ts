/** Abuse cases of the endpoints that answer programs directly, over real connections, by their numbers. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Server, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { unique } from '../builders.ts'
import { aParty, mounted, oauthServer } from '../../src/providers/oauth2/fixture.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** The server on a port of its own, with the connections that it has. */
async function listening() {
  const { deps } = await oauthServer()
  const app = await mounted(deps)
  const accepted: Socket[] = []
  const server = app.server as Server
  server.on('connection', (socket: Socket) => void accepted.push(socket))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.address() as { port: number }
  return { app, port, accepted }
}

const FORM = 'content-type: application/x-www-form-urlencoded'
const head = (method: string, path: string, ...headers: string[]) =>
  [`${method} ${path} HTTP/1.1`, 'host: id.example.test', ...headers, '', ''].join('\r\n')

for (const [whose, path, type] of [
  ['the endpoints for programs', '/application/o/token/', FORM],
  ['the endpoints for browsers', '/application/o/authorize/', FORM],
  ['the registration of clients', '/application/o/some/register/', 'content-type: application/json'],
  ['the API', '/api/v3/flows/executor/default-authentication-flow/', 'content-type: application/json'],
  ['the pages of flows', '/if/flow/default-authentication-flow/', FORM],
  ['sources', '/source/oauth/callback/some/', FORM],
] as const)
  test(`81 a body in tiny pieces takes little more memory than it has bytes: ${whose}`, () => inTinyPieces(path, type))

async function inTinyPieces(path: string, type: string): Promise<void> {
  const { app, port, accepted } = await listening()
  const sent = head('POST', path, type, 'transfer-encoding: chunked') + '1\r\na\r\n'.repeat(65_000)
  collect()
  const before = process.memoryUsage().heapUsed
  const sockets = Array.from({ length: 10 }, () => connect(port, '127.0.0.1'))
  for (const socket of sockets) {
    await once(socket, 'connect')
    socket.write(sent)
  }
  while (accepted.some(({ bytesRead }) => bytesRead < sent.length) || accepted.length < sockets.length) await turnOfTheLoop()
  collect()
  const each = (process.memoryUsage().heapUsed - before) / sockets.length
  assert.ok(each < 2 ** 20, `${Math.round(each / 1024)} KB for 64 KB`)
  for (const socket of sockets) socket.destroy()
  await app.close()
}

test('81 a body of more than 2 MB is refused by the API, told of beforehand or not', async () => {
  const { app, client } = await oauthServer()
  const [most, more] = [' '.repeat(2 * 1024 * 1024 - 2), ' '.repeat(2 * 1024 * 1024 - 1)]
  const halves = (text: string) => Readable.from([Buffer.from(text), Buffer.from('{}')])
  for (const [payload, status] of [
    [`${most}{}`, 403],
    [`${more}{}`, 413],
    [halves(most), 403],
    [halves(more), 413],
  ] as const) {
    const headers = { 'content-type': 'application/json' }
    const answer = await app.inject({ method: 'POST', url: '/api/v3/core/groups/', headers, payload })
    assert.equal(answer.statusCode, status, answer.body)
    if (status === 413) assert.deepEqual(answer.json(), { detail: 'Request body is too large.' })
  }
  assert.equal((await client().post('/nowhere/', {})).status, 404)
})

test('83 strangers cannot have the mappings of all applications run by sending other Host headers', async () => {
  const { admin, client, logged } = await oauthServer()
  const scope = unique('scope')
  const expression = `ak_logger.info("${scope} was run")\nreturn {"${scope}": 1}`
  const mapping = await admin.post('/api/v3/propertymappings/provider/scope/', { name: scope, scope_name: scope, expression })
  assert.equal(mapping.status, 201, mapping.text)
  const party = await aParty({ issuer_mode: 'global', property_mappings: [mapping.body.pk] })
  const runs = () => logged.filter(({ msg }) => msg === `${scope} was run`).length
  for (const path of ['/.well-known/openid-configuration', `/application/o/${party.slug}/.well-known/openid-configuration`])
    for (let host = 0; host < 5; host++) {
      const found = await client().get(path, { host: `h${host}.example.test` })
      assert.ok(found.body.claims_supported.includes(scope), found.text)
      assert.match(found.body.token_endpoint, new RegExp(`^https://h${host}\\.`))
    }
  assert.equal(runs(), 1)
})

test('60 an address that cannot be read is refused as all is that is refused, and stands in the log', async () => {
  const { client, logged } = await oauthServer()
  const name = unique('unread')
  for (const [path, status] of [
    [`/application/o/${name}%zz/jwks/`, 400],
    [`/application/o/${name}%ff/jwks/`, 400],
    [`/application/o/${name}${'a'.repeat(600)}/jwks/`, 414],
  ] as const) {
    const answer = await client().get(path)
    assert.equal(answer.status, status)
    assert.equal(answer.headers['x-content-type-options'], 'nosniff')
    assert.ok(!answer.text.includes(name), answer.text)
    assert.ok(logged.some(line => line.msg === 'request' && line.status === status && line.request_id === answer.headers['x-authentik-id']))
  }
})
