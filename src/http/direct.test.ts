import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { server, type TestServer } from '../../test/harness.ts'
import { createServer } from './node-http.ts'

let on: TestServer
let port: number
let close: () => void
before(async () => {
  on = await server()
  const listener = createServer((request, response) => on.app.routing(request, response)).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  ;({ port } = listener.address() as AddressInfo)
  close = () => listener.close().closeAllConnections()
})
after(() => close())

const TOKEN = '/application/o/token/'
const FORM = 'content-type: application/x-www-form-urlencoded'

const head = (method: string, path: string, ...headers: string[]) =>
  [`${method} ${path} HTTP/1.1`, 'host: id.example.test', ...headers, '', ''].join('\r\n')

/** Sends the pieces one after the other, and reads until the server has sent as much as it says, or ends. */
async function exchange(...pieces: string[]): Promise<{ head: string; body: string; reads: number }> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  let text = ''
  let reads = 0
  for (const piece of pieces) await new Promise<void>(resolve => void socket.write(piece, () => setImmediate(resolve)))
  for await (const chunk of socket) {
    text += String(chunk)
    reads++
    const end = text.indexOf('\r\n\r\n')
    const length = pieces[0]!.startsWith('HEAD') ? 0 : Number(/content-length: (\d+)/.exec(text)?.[1] ?? 0)
    if (end >= 0 && text.length >= end + 4 + length) break
  }
  const end = text.indexOf('\r\n\r\n')
  return { head: text.slice(0, end), body: text.slice(end + 4), reads }
}

test('an answer says what every answer says, and comes in one piece', async () => {
  const answer = await exchange(head('POST', TOKEN, FORM, 'content-length: 12'), 'grant_type=x')
  assert.match(answer.head, /^HTTP\/1.1 400 Bad Request\r\nx-authentik-id: [0-9a-f]{32}\r\n/)
  for (const name of ['x-powered-by', 'x-content-type-options', 'referrer-policy', 'x-frame-options', 'cache-control', 'date'])
    assert.match(answer.head, new RegExp(`^${name}: `, 'im'), name)
  assert.match(answer.head, /^content-type: application\/json; charset=utf-8\r$/m)
  assert.doesNotMatch(answer.head, /^connection: close/im)
  assert.equal(JSON.parse(answer.body).error, 'invalid_client')
  assert.equal(JSON.parse(answer.body).request_id, /x-authentik-id: (\S+)/.exec(answer.head)![1])
  assert.equal(answer.reads, 1)
})

test('a form may come in pieces, torn inside a character', async () => {
  const form = Buffer.from('scope=ä&grant_type=ü').toString('latin1')
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  socket.write(head('POST', TOKEN, FORM, 'transfer-encoding: chunked', 'connection: close'))
  for (const character of form)
    await new Promise<void>(resolve => void socket.write(chunk(character), 'latin1', () => setImmediate(resolve)))
  socket.write('0\r\n\r\n')
  let text = ''
  for await (const part of socket) text += String(part)
  assert.match(text, /"invalid_client"/)
})

test('a body of another type is refused, and one that is too large before it is read', async () => {
  const json = await exchange(head('POST', TOKEN, 'content-type: application/json', 'content-length: 2'), '{}')
  assert.match(json.head, /^HTTP\/1.1 400 /)
  assert.equal(JSON.parse(json.body).error, 'invalid_request')
  const announced = await exchange(head('POST', TOKEN, FORM, 'content-length: 70000'), 'a=')
  assert.match(announced.head, /^HTTP\/1.1 413 /)
  assert.match(announced.head, /^connection: close\r$/im)
  const unannounced = await exchange(head('POST', TOKEN, FORM, 'transfer-encoding: chunked'), `11170\r\n${'a'.repeat(70_000)}\r\n`)
  assert.match(unannounced.head, /^HTTP\/1.1 413 /)
  assert.match(unannounced.head, /^connection: close\r$/im)
  const bare = await exchange(head('POST', TOKEN))
  assert.equal(JSON.parse(bare.body).error, 'invalid_client', 'no body is an empty form')
})

test('HEAD is answered as GET is, without the body', async () => {
  const path = '/application/o/nobody/jwks/'
  const [got, asked] = [await exchange(head('GET', path)), await exchange(head('HEAD', path))]
  const lines = (text: string) => text.split('\r\n').filter(line => !/^(?:x-authentik-id|date):/i.test(line))
  assert.match(got.head, /^HTTP\/1.1 404 /)
  assert.equal(got.body, '{"error":"not_found"}')
  assert.deepEqual(lines(asked.head), lines(got.head))
  assert.equal(asked.body, '')
})

test('a client that leaves while it sends is told of as one that has gone', async () => {
  const agent = `gone-${process.pid}`
  const socket = connect(port, '127.0.0.1')
  socket.write(head('POST', `${TOKEN}?${agent}`, FORM, 'content-length: 100') + 'a=b')
  const told = () => on.logged.filter(({ path, status }) => path === TOKEN && status === 499)
  const before = told().length
  await exchange(head('GET', '/application/o/nobody/jwks/'))
  socket.destroy()
  while (told().length === before) await exchange(head('GET', '/application/o/nobody/jwks/'))
  assert.equal(told().at(-1)?.msg, 'request aborted')
})
