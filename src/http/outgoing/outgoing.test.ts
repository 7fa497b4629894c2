import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { generateKeypair } from '../../crypto/self-signed.ts'
import { OutgoingError, type OutgoingCode } from './error.ts'
import { makeOutgoing } from './outgoing.ts'
import { parseAllowed, refusal, type Allowed } from './addresses.ts'

const closing: (() => void)[] = []
after(() => closing.forEach(close => close()))

async function serving(listener: (...args: Parameters<RequestListener>) => unknown, host = '127.0.0.1'): Promise<number> {
  const server = createServer((request, response) => void listener(request, response))
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  closing.push(() => (server.closeAllConnections(), server.close()))
  return (server.address() as AddressInfo).port
}

const allow = (...texts: string[]): Allowed[] => texts.map(text => parseAllowed(text)!)
const open = makeOutgoing(allow('127.0.0.0/8'))
const closed = makeOutgoing([])

const fails = (work: Promise<unknown>, code: OutgoingCode) =>
  assert.rejects(work, error => error instanceof OutgoingError && error.code === code)

const bodyOf = async (request: IncomingMessage) => Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString()

test('addresses of the machine, its neighbours and clouds are refused in every spelling', async () => {
  const hosts = [
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '0177.0.0.1',
    '2130706433',
    '127.0.0.1.',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '0.0.0.0',
    '0',
    '[::]',
    '169.254.169.254',
    '[fe80::1]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b::a9fe:a9fe]',
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
    '[2002:a9fe:a9fe::1]',
    '[::7f00:1]',
    '[::ffff:0:127.0.0.1]',
    '[2001:0:7f00:1::]',
    '[2001::80ff:fffe]',
    '[fd00:ec2::254]',
    '100.100.100.200',
    '168.63.129.16',
    '224.0.0.1',
    '[ff02::1]',
    '255.255.255.255',
    'localhost',
    'LOCALHOST.',
    '①②⑦.0.0.1',
  ]
  for (const host of hosts)
    await assert.rejects(closed(`http://${host}:9/`), error => error instanceof OutgoingError && error.code === 'refused', host)
})

test('private networks and the rest of the world are open', () => {
  for (const address of [
    '10.0.0.1',
    '192.168.1.1',
    '172.16.0.1',
    '100.64.0.1',
    '8.8.8.8',
    'fd12::1',
    '2606:4700::1',
    '64:ff9b::8.8.8.8',
    '2002:808:808::1',
  ]) {
    assert.equal(refusal(address, 'example.org', []), undefined, address)
  }
  assert.equal(refusal('nonsense', 'example.org', []), 'not an address')
})

test('the operator opens blocks and hosts', () => {
  assert.equal(refusal('127.0.0.1', 'x', allow('127.0.0.0/8')), undefined)
  assert.equal(refusal('64:ff9b::7f00:1', 'x', allow('127.0.0.1')), undefined)
  assert.equal(refusal('127.0.0.1', 'LocalHost.', allow('localhost')), undefined)
  assert.equal(refusal('127.0.0.1', 'a.internal', allow('.internal')), undefined)
  assert.equal(refusal('127.0.0.1', 'internal', allow('.internal')), 'a loopback address')
  assert.equal(refusal('::1', 'x', allow('127.0.0.0/8')), 'a loopback address')
  assert.equal(parseAllowed('not a host'), undefined)
})

test('a name is refused when one of its addresses is, and nothing is asked twice', async () => {
  let asked = 0
  const port = await serving((_, reply) => reply.end('yes'))
  const resolve = async () => (
    asked++,
    [
      { address: '93.184.216.34', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ]
  )
  await fails(makeOutgoing([], { resolve })(`http://rebind.example:${port}/`), 'refused')
  assert.equal(asked, 1)
  // The connection goes to what was checked, not to what the name says a moment later.
  const flipping = async () => (asked++ === 1 ? [{ address: '127.0.0.1', family: 4 }] : [{ address: '192.0.2.1', family: 4 }])
  const answer = await makeOutgoing(allow('127.0.0.1'), { resolve: flipping })(`http://rebind.example:${port}/`)
  assert.equal(Buffer.from(answer.body).toString(), 'yes')
  assert.equal(asked, 2)
})

test('a request carries method, fields and body, and an answer comes back whole', async () => {
  const port = await serving(async (request, reply) => {
    reply.writeHead(201, { 'x-one': 'a', 'content-type': 'application/json' })
    reply.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body: await bodyOf(request) }))
  })
  const answer = await open(`http://me:p%40ss@127.0.0.1:${port}/a?b=c#d`, {
    method: 'put',
    headers: { 'X-Key': '1', Host: 'evil', Cookie: 'a=b', 'content-length': '99' },
    body: '{"a":1}',
  })
  assert.equal(answer.status, 201)
  assert.equal(answer.reason, 'Created')
  assert.equal(answer.headers['x-one'], 'a')
  const seen = JSON.parse(Buffer.from(answer.body).toString())
  assert.deepEqual([seen.method, seen.url, seen.body], ['PUT', '/a?b=c', '{"a":1}'])
  assert.equal(seen.headers['x-key'], '1')
  assert.equal(seen.headers.host, `127.0.0.1:${port}`)
  assert.equal(seen.headers.cookie, undefined)
  assert.equal(seen.headers['content-length'], '7')
  assert.equal(seen.headers.authorization, `Basic ${Buffer.from('me:p@ss').toString('base64')}`)
})

test('redirects are followed with the check each time', async () => {
  const inside = await serving((_, reply) => reply.end('secret'))
  const port = await serving((request, reply) => {
    const to =
      {
        '/in': `http://[::ffff:127.0.0.2]:${inside}/`,
        '/metadata': 'http://169.254.169.254/latest',
        '/scheme': 'file:///etc/passwd',
        '/loop': '/loop',
      }[request.url!] ?? '/'
    reply.writeHead(302, { location: to }).end()
  })
  const narrow = makeOutgoing(allow('127.0.0.1/32'))
  await fails(narrow(`http://127.0.0.1:${port}/in`), 'refused')
  await fails(narrow(`http://127.0.0.1:${port}/metadata`), 'refused')
  await fails(narrow(`http://127.0.0.1:${port}/scheme`), 'url')
  await fails(narrow(`http://127.0.0.1:${port}/loop`), 'redirects')
  const unfollowed = await narrow(`http://127.0.0.1:${port}/in`, { redirects: 0 })
  assert.equal(unfollowed.status, 302)
})

test('a redirect to another origin is told no credentials, one to the same origin keeps them', async () => {
  const seen: IncomingMessage['headers'][] = []
  const other = await serving((request, reply) => (seen.push(request.headers), reply.end()))
  const port = await serving((request, reply) => {
    seen.push(request.headers)
    if (request.url === '/same') reply.writeHead(307, { location: '/away' }).end()
    else reply.writeHead(303, { location: `http://127.0.0.1:${other}/` }).end()
  })
  const answer = await open(`http://127.0.0.1:${port}/same`, {
    method: 'POST',
    headers: { authorization: 'Bearer x', 'x-api-key': 'y', 'content-type': 'text/plain' },
    body: 'b',
  })
  assert.deepEqual(
    seen.map(headers => [headers.authorization, headers['x-api-key']]),
    [
      ['Bearer x', 'y'],
      ['Bearer x', 'y'],
      [undefined, undefined],
    ],
  )
  assert.equal(seen[2]!['content-type'], undefined)
  assert.deepEqual(
    answer.history.map(step => step.status),
    [307, 303],
  )
})

test('answers are bounded, packed or not', async () => {
  const bomb = gzipSync(Buffer.alloc(4_000_000))
  const port = await serving((request, reply) => {
    if (request.url === '/long') reply.end(Buffer.alloc(1_200_000))
    else if (request.url === '/chunks') {
      reply.write(Buffer.alloc(700_000))
      reply.end(Buffer.alloc(700_000))
    } else if (request.url === '/bomb') reply.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
    else if (request.url === '/odd') reply.writeHead(200, { 'content-encoding': 'zstd' }).end('x')
    else reply.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('fine'))
  })
  await fails(open(`http://127.0.0.1:${port}/long`), 'too_large')
  await fails(open(`http://127.0.0.1:${port}/chunks`), 'too_large')
  await fails(open(`http://127.0.0.1:${port}/bomb`), 'too_large')
  await fails(open(`http://127.0.0.1:${port}/odd`), 'protocol')
  assert.equal(Buffer.from((await open(`http://127.0.0.1:${port}/`)).body).toString(), 'fine')
})

test('waiting ends: for an answer, for the rest of one, for a name', async () => {
  const port = await serving((request, reply) => {
    if (request.url === '/half') reply.write('x')
  })
  await fails(open(`http://127.0.0.1:${port}/`, { timeout: 30 }), 'timeout')
  await fails(open(`http://127.0.0.1:${port}/half`, { timeout: 30 }), 'timeout')
  const never = makeOutgoing([], { resolve: () => new Promise(() => {}) })
  await fails(never('http://slow.example/', { timeout: 20 }), 'timeout')
})

test('what does not speak HTTP, is not there or cannot be written fails with its kind', async () => {
  const garbage = createTcpServer(socket => socket.end('not http at all\r\n\r\n'))
  await new Promise<void>(resolve => garbage.listen(0, '127.0.0.1', resolve))
  closing.push(() => garbage.close())
  await fails(open(`http://127.0.0.1:${(garbage.address() as AddressInfo).port}/`), 'protocol')
  const gone = await serving(() => {})
  closing.pop()!()
  await fails(open(`http://127.0.0.1:${gone}/`), 'connect')
  await fails(open('ftp://example.org/'), 'url')
  await fails(open('no address'), 'url')
  await fails(open('http://127.0.0.1:1/', { headers: { 'x-a': 'b\r\nc: d' } }), 'protocol')
  await fails(makeOutgoing([], { resolve: () => Promise.reject(new Error('ENOTFOUND')) })('http://nowhere.invalid/'), 'dns')
})

test('certificates are verified, for the name that was asked', async () => {
  const { certificate, key } = await generateKeypair(
    { commonName: 'one.example', alternativeNames: ['one.example'], validityDays: 1, algorithm: 'ecdsa' },
    { now: () => new Date() },
  )
  const server = createTlsServer({ cert: certificate, key }, (_, reply) => reply.end('ok'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => (server.closeAllConnections(), server.close()))
  const { port } = server.address() as AddressInfo
  const resolve = async () => [{ address: '127.0.0.1', family: 4 }]
  await fails(makeOutgoing(allow('127.0.0.1'), { resolve })(`https://one.example:${port}/`), 'tls')
  const trusting = makeOutgoing(allow('127.0.0.1'), { resolve, ca: certificate })
  assert.equal((await trusting(`https://one.example:${port}/`)).status, 200)
  await fails(trusting(`https://two.example:${port}/`), 'tls')
})
