import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { EqualityFilter } from 'ldapts'
import { ADMIN, ADMIN_PASSWORD, BASE, startSlapd, type Slapd } from '../../../test/slapd.ts'
import { generateKeypair } from '../../crypto/self-signed.ts'
import { parseAllowed } from '../../http/outgoing/addresses.ts'
import { DirectoryError, openDirectory, parseFilter, withRanges, type DirectoryServer, type RawEntry } from './client.ts'

const PEOPLE = `ou=people,${BASE}`
const allow = [parseAllowed('127.0.0.0/8')!, parseAllowed('localhost')!]

let slapd: Slapd
before(async () => {
  slapd = await startSlapd({
    entries: Array.from({ length: 450 }, (_, index) => ({
      dn: `uid=u${index},${PEOPLE}`,
      objectClass: 'inetOrgPerson',
      uid: `u${index}`,
      cn: `Person ${index}`,
      sn: String(index),
      ...(index === 7 && { userPassword: 'right' }),
    })),
  })
})
after(() => slapd.stop())

const server = (values: Partial<DirectoryServer> = {}): DirectoryServer => ({
  uri: slapd.uri,
  startTls: false,
  sni: false,
  allow,
  ...values,
})

const fails = (promise: Promise<unknown>, code: DirectoryError['code']) =>
  assert.rejects(promise, (error: unknown) => error instanceof DirectoryError && error.code === code)

async function bound(values: Partial<DirectoryServer> = {}) {
  const directory = await openDirectory(server(values))
  await directory.bind(ADMIN, ADMIN_PASSWORD)
  return directory
}

async function collect(pages: AsyncGenerator<RawEntry[]>): Promise<RawEntry[]> {
  const found: RawEntry[] = []
  for await (const page of pages) found.push(...page)
  return found
}

/** A server that is none: what it does with whoever connects is up to the test. */
async function stranger(meet: (socket: Socket) => void): Promise<{ uri: string; close: () => void }> {
  const sockets = new Set<Socket>()
  const listener: Server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {}) // the client goes when it has had enough
    meet(socket)
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return {
    uri: `ldap://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    close: () => {
      listener.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

test('entries come page by page, all of them and none twice', async () => {
  const directory = await bound()
  const sizes: number[] = []
  const names = new Set<string>()
  for await (const page of directory.pages(PEOPLE, parseFilter('(objectClass=inetOrgPerson)'), { size: 200 })) {
    sizes.push(page.length)
    for (const entry of page) names.add(entry.dn)
  }
  assert.deepEqual([sizes, names.size], [[200, 200, 50], 450])
  assert.deepEqual(await collect(directory.pages(PEOPLE, parseFilter('(uid=nobody)'))), [])
  const one = await directory.entry(`uid=u7,${PEOPLE}`, ['cn', 'entryUUID'])
  assert.equal(String(one!.attributes.get('cn')![0]), 'Person 7')
  assert.equal(one!.attributes.get('entryUUID')!.length, 1)
  assert.equal(await directory.entry(`uid=nobody,${PEOPLE}`), undefined)
  await directory.close()
})

test('a password is right or wrong, and an empty one is never right', async () => {
  const directory = await openDirectory(server())
  await directory.bind(`uid=u7,${PEOPLE}`, 'right')
  await fails(directory.bind(`uid=u7,${PEOPLE}`, 'wrong'), 'credentials')
  await fails(directory.bind(`uid=u7,${PEOPLE}`, ''), 'credentials')
  await fails(directory.bind(`uid=nobody,${PEOPLE}`, 'right'), 'credentials')
  await directory.close()
})

test('values in filters are values, whatever stands in them', async () => {
  const directory = await bound()
  for (const value of ['*', 'u*', '*)(uid=*', 'u7)(|(uid=*', '\\2a', '\0', 'u7\\']) {
    assert.deepEqual(await collect(directory.pages(PEOPLE, new EqualityFilter({ attribute: 'uid', value }))), [], JSON.stringify(value))
  }
  assert.throws(() => parseFilter('(uid=*'), DirectoryError)
  await directory.close()
})

test('TLS is spoken with those alone who are who they say they are', async () => {
  const { certificate: other } = await generateKeypair(
    { commonName: 'localhost', validityDays: 1, algorithm: 'ecdsa' },
    { now: () => new Date() },
  )
  const { tlsUri, certificate, uri } = slapd
  for (const values of [
    { uri: tlsUri, ca: certificate },
    { uri: tlsUri, ca: certificate, sni: true },
    { startTls: true, ca: certificate },
    { uri: uri.replace('127.0.0.1', 'localhost'), startTls: true, ca: certificate, sni: true },
  ]) {
    const directory = await bound(values)
    assert.ok(await directory.entry(`uid=u1,${PEOPLE}`))
    await directory.close()
  }
  await fails(openDirectory(server({ uri: tlsUri })), 'tls')
  await fails(openDirectory(server({ uri: tlsUri, ca: other })), 'tls')
  await fails(openDirectory(server({ startTls: true, ca: other })), 'tls')
  // Signed by whom it should be, but for another name.
  const elsewhere = server({
    uri: tlsUri.replace('localhost', 'directory.example.test'),
    ca: certificate,
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  })
  await fails(openDirectory(elsewhere), 'tls')
  await fails(openDirectory({ ...elsewhere, uri: `${elsewhere.uri}, ${tlsUri}` }), 'tls')
})

test('we show the server a certificate of our own', async () => {
  const own = await generateKeypair({ commonName: 'signet', validityDays: 1, algorithm: 'ecdsa' }, { now: () => new Date() })
  const directory = await bound({ uri: slapd.tlsUri, ca: slapd.certificate, cert: own.certificate, key: own.key })
  assert.ok(await directory.entry(`uid=u1,${PEOPLE}`))
  await directory.close()
})

test('of several servers the first that answers is asked', async () => {
  const gone = await stranger(() => {})
  gone.close()
  const directory = await openDirectory(server({ uri: `${gone.uri}, ${slapd.uri}` }))
  assert.equal(directory.uri, slapd.uri)
  await directory.close()
  await fails(openDirectory(server({ uri: gone.uri })), 'connect')
  await fails(openDirectory(server({ uri: 'https://localhost' })), 'uri')
  await fails(openDirectory(server({ uri: '' })), 'uri')
})

test('our own addresses are not reached unless the operator allows it', async () => {
  await fails(openDirectory(server({ allow: [] })), 'refused')
  await fails(openDirectory(server({ uri: 'ldap://169.254.169.254' })), 'refused')
})

test('who accepts and says nothing is not waited for', async () => {
  const silent = await stranger(() => {})
  const directory = await openDirectory(server({ uri: silent.uri, timeout: 50 }))
  await fails(directory.bind(ADMIN, ADMIN_PASSWORD), 'timeout')
  await fails(openDirectory(server({ uri: silent.uri, startTls: true, connectTimeout: 50 })), 'timeout')
  await fails(openDirectory(server({ uri: silent.uri.replace('ldap:', 'ldaps:'), connectTimeout: 50 })), 'timeout')
  silent.close()
})

test('what is no LDAP ends the conversation', async () => {
  for (const bytes of [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), Buffer.alloc(64, 0xff), Buffer.from([0x30, 0x03, 0x02, 0x01])]) {
    const wrong = await stranger(socket => socket.once('data', () => socket.end(bytes)))
    const directory = await openDirectory(server({ uri: wrong.uri, timeout: 500 }))
    await assert.rejects(directory.bind(ADMIN, ADMIN_PASSWORD), DirectoryError)
    wrong.close()
  }
})

test('a conversation that was cut is not taken up again', async () => {
  let meetings = 0
  const rude = await stranger(socket => (meetings++, void socket.once('data', () => socket.end())))
  const directory = await openDirectory(server({ uri: rude.uri }))
  await fails(directory.bind(ADMIN, ADMIN_PASSWORD), 'connect')
  await fails(directory.bind(ADMIN, ADMIN_PASSWORD), 'connect')
  assert.equal(meetings, 1)
  rude.close()
})

test('values that come in ranges are put together, or nothing is', async () => {
  const values = Array.from({ length: 4_000 }, (_, index) => Buffer.from(`cn=${index}`))
  const ranges = new Map([
    ['member;range=1500-*', new Map([['member;range=1500-2999', values.slice(1_500, 3_000)]])],
    ['member;range=3000-*', new Map([['member;range=3000-*', values.slice(3_000)]])],
  ])
  const group = (): RawEntry => ({ dn: 'cn=g', attributes: new Map([['member;range=0-1499', values.slice(0, 1_500)]]) })
  const joined = await withRanges(group(), async name => ranges.get(name))
  assert.deepEqual([[...joined.attributes.keys()], joined.attributes.get('member')], [['member'], values])
  await fails(
    withRanges(group(), async () => new Map()),
    'server',
  )
})
