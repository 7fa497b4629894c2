import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { request } from 'node:https'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { before, describe, test } from 'node:test'
import { aFolder, raw, run, SOURCES, type Program } from './program.ts'

const PASSWORD = 'a bootstrap password that nobody logs'
const TOKEN = 'bootstrap-token-key-that-nobody-logs'

describe('a server that starts from nothing', () => {
  const folder = aFolder()
  let program: Program
  let http: URL
  let https: URL
  before(async () => {
    program = run(['server'], {
      SIGNET_DATA_DIR: join(folder, 'data'),
      AUTHENTIK_BOOTSTRAP_PASSWORD: PASSWORD,
      AUTHENTIK_BOOTSTRAP_TOKEN: TOKEN,
      AUTHENTIK_BOOTSTRAP_EMAIL: 'admin@example.test',
      SIGNET_NO_SUCH_SETTING: '1',
    })
    ;({ http, https } = await program.addresses())
    await program.ready()
  })
  const get = (path: string, headers: Record<string, string> = {}) => fetch(new URL(path, http), { headers })

  test('says where to go on stdout and nothing of set-up when a password was given', () => {
    assert.equal(program.stdout(), `Signet is ready: http://localhost:${http.port}/\n`)
  })

  test('answers the probes', async () => {
    assert.equal((await get('/-/health/live/')).status, 200)
    assert.equal((await get('/-/health/ready/')).status, 200)
  })

  test('serves HTTPS with the stored P-256 certificate', async () => {
    const sent = request({ host: https.hostname, port: https.port, path: '/-/health/live/', rejectUnauthorized: false }).end()
    const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage & { socket: import('node:tls').TLSSocket }]
    const { subject, asn1Curve } = response.socket.getPeerCertificate()
    assert.deepEqual([response.statusCode, subject.CN, asn1Curve], [200, 'Signet Self-signed ECDSA Certificate', 'prime256v1'])
    response.destroy()
  })

  test('knows the administrator, the token and the keys of the bootstrap', async () => {
    const authorization = `Bearer ${TOKEN}`
    const users = (await (await get('/api/v3/core/users/?username=akadmin', { authorization })).json()) as {
      results: { email: string; is_superuser: boolean }[]
    }
    assert.partialDeepStrictEqual(users.results[0], { email: 'admin@example.test', is_superuser: true })
    const keys = (await (await get('/api/v3/crypto/certificatekeypairs/', { authorization })).json()) as {
      results: { name: string; key_type: string }[]
    }
    assert.deepEqual(
      keys.results.map(({ name, key_type }) => [name, key_type]),
      [
        ['Signet Self-signed ECDSA Certificate', 'ec'],
        ['authentik Self-signed Certificate', 'rsa'],
      ],
    )
  })

  test("serves a brand's certificate to those who ask for its host, and the default brand's to others", async () => {
    const api = async (method: string, path: string, body: object) => {
      const answer = await fetch(new URL(`/api/v3${path}`, http), {
        method,
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      return (await answer.json()) as Record<string, string>
    }
    const keypair = async (name: string) =>
      (await api('POST', '/crypto/certificatekeypairs/generate/', { common_name: name, validity_days: 30, alg: 'ecdsa' })).pk!
    /** Whose certificate a new connection gets. */
    const served = async (servername: string) => {
      const socket = connectTls({ host: https.hostname, port: Number(https.port), servername, rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      const { subject } = socket.getPeerCertificate()
      socket.destroy()
      return subject.CN
    }
    /** The change feed is heard soon, not at once: however often a quick machine asks, or how rarely a slow one. */
    const comes = async (servername: string, name: string) => {
      while ((await served(servername)) !== name);
    }
    const shop = await api('POST', '/core/brands/', { domain: 'shop.example', web_certificate: await keypair('The Shop') })
    await comes('id.shop.example', 'The Shop')
    assert.equal(await served('elsewhere.example'), 'Signet Self-signed ECDSA Certificate')
    const usual = await fetch(new URL('/api/v3/core/brands/?default=true', http), { headers: { authorization: `Bearer ${TOKEN}` } })
    const [brand] = ((await usual.json()) as { results: { brand_uuid: string }[] }).results
    await api('PATCH', `/core/brands/${brand!.brand_uuid}/`, { web_certificate: await keypair('The House') })
    await comes('elsewhere.example', 'The House')
    assert.equal(await served(''), 'The House')
    await api('PATCH', `/core/brands/${shop.brand_uuid}/`, { web_certificate: null })
    await comes('shop.example', 'The House')
  })

  test('lets a command write beside it, which ends with nothing to complain of', async () => {
    const pem = join(folder, 'data', 'https.pem')
    const command = run(['import_certificate', '--name', 'By hand', '--certificate', pem, '--private-key', pem], {
      SIGNET_DATA_DIR: join(folder, 'data'),
    })
    assert.deepEqual([await command.exit, command.stderr()], [0, ''])
  })

  test('shows metrics to the holder of the key alone', async () => {
    assert.equal((await get('/-/metrics/')).status, 401)
    assert.equal((await get('/-/metrics/', { authorization: 'Bearer guessed' })).status, 401)
    const key = readFileSync(join(folder, 'data', 'metrics.key'), 'utf8').trim()
    const text = await (await get('/-/metrics/', { authorization: `Bearer ${key}` })).text()
    assert.match(text, /^authentik_main_request_duration_seconds_count\{dest="api"\} [1-9]/m)
    assert.match(text, /^signet_setting\{key="web.threads"\} 4$/m)
  })

  test('keeps what it made for its owner alone', () => {
    assert.equal(statSync(join(folder, 'data')).mode & 0o777, 0o700)
    for (const name of ['secret.key', 'signet.db', 'https.pem', 'metrics.key'])
      assert.equal(statSync(join(folder, 'data', name)).mode & 0o777, 0o600, name)
  })

  test('refuses shapes that a proxy might read otherwise (RFC 9112 §6.1, §6.3, §3.2)', async () => {
    const head = (lines: string[], body = '') =>
      `POST /api/v3/core/users/ HTTP/1.1\r\nHost: a\r\n${lines.map(line => `${line}\r\n`).join('')}\r\n${body}`
    const smuggled = 'GET /-/health/live/ HTTP/1.1\r\nHost: a\r\n\r\n'
    const shapes: Record<string, string> = {
      'a length beside chunks': head(['Content-Length: 6', 'Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`),
      'chunks beside a length': head(['Transfer-Encoding: chunked', 'Content-Length: 6'], `0\r\n\r\n${smuggled}`),
      'two lengths': head(['Content-Length: 5', 'Content-Length: 6'], 'abcdef'),
      'a list of lengths': head(['Content-Length: 5, 5'], 'abcde'),
      'a signed length': head(['Content-Length: +5'], 'abcde'),
      'an encoding that is not chunked': head(['Transfer-Encoding: identity'], smuggled),
      'chunked, and something after it': head(['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${smuggled}`),
      'two encodings': head(['Transfer-Encoding: identity', 'Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`),
      'an encoding in disguise': head(['Transfer-Encoding: xchunked'], `0\r\n\r\n${smuggled}`),
      'a space before the colon': head(['Transfer-Encoding : chunked'], `0\r\n\r\n${smuggled}`),
      'a folded header': head(['Transfer-Encoding:\r\n chunked'], `0\r\n\r\n${smuggled}`),
      'a chunk of no size': head(['Transfer-Encoding: chunked'], `zz\r\n${smuggled}`),
      'a line that ends with a bare line feed': `GET / HTTP/1.1\nHost: a\nContent-Length: 4\n\n${smuggled}`,
      'two hosts': `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${smuggled}`,
      'no host': `GET / HTTP/1.1\r\n\r\n${smuggled}`,
      'a target on another host': `GET http://b/-/health/live/ HTTP/1.1\r\nHost: a\r\n\r\n${smuggled}`,
      'a target that is none': `GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n${smuggled}`,
    }
    for (const [shape, bytes] of Object.entries(shapes)) {
      const answer = await raw(http, bytes)
      assert.match(answer, /^HTTP\/1\.1 400 /, shape)
      assert.equal(answer.match(/^HTTP\/1\.1 /gm)?.length, 1, `${shape}: the rest was read as a request`)
    }
    const close = 'Host: a\r\nConnection: close\r\n\r\n'
    assert.match(await raw(http, `GET http://a/-/health/live/ HTTP/1.1\r\n${close}`), /^HTTP\/1\.1 200 /)
    assert.match(await raw(http, `GET http://a/api/v3/core/users/me/ HTTP/1.1\r\n${close}`), /^HTTP\/1\.1 403 /)
    assert.match(await raw(http, `GET / HTTP/1.1\r\nHost: a\r\n${'X-A: b\r\n'.repeat(101)}\r\n`), /^HTTP\/1\.1 431 /)
    assert.match(await raw(http, `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'b'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /)
  })

  test('says so when its port is taken', async () => {
    const second = run(['server'], { SIGNET_DATA_DIR: join(folder, 'other'), SIGNET_LISTEN__HTTP: http.host })
    assert.equal(await second.exit, 1)
    assert.match(second.stderr(), /127\.0\.0\.1:\d+ is in use.*SIGNET_LISTEN__HTTP/)
  })

  test('warns of settings that nobody knows, and keeps secrets out of the log', async () => {
    await program.logged(line => line.level === 'warning' && line.event.includes('SIGNET_NO_SUCH_SETTING'))
    await get('/recovery/use-token/a-key-in-the-path/?token=a-key-in-the-query', { authorization: `Bearer ${TOKEN}` })
    await program.logged(line => String(line.path).startsWith('/recovery/'))
    const secrets = [
      PASSWORD,
      TOKEN,
      'a-key-in-the-path',
      'a-key-in-the-query',
      readFileSync(join(folder, 'data', 'secret.key'), 'utf8').trim(),
    ]
    for (const secret of secrets) assert.ok(!program.stderr().includes(secret), secret)
  })

  test('answers what is under way before it ends', async () => {
    const body = JSON.stringify({ name: 'made while the server ended' })
    const socket = connect(Number(http.port), http.hostname).setEncoding('utf8')
    const head = [
      'POST /api/v3/core/groups/ HTTP/1.1',
      'Host: a',
      `Authorization: Bearer ${TOKEN}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      'Expect: 100-continue',
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
    assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 100 /)
    const stopped = program.stop()
    await program.logged(line => line.event === 'stopping')
    socket.write(body)
    assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 201 /)
    assert.equal(await stopped, 0)
    await assert.rejects(get('/-/health/live/'))
  })

  test('starts again with what is there', async () => {
    const again = run(['server'], { SIGNET_DATA_DIR: join(folder, 'data') })
    await again.ready()
    const { http } = await again.addresses()
    const answer = await fetch(new URL('/api/v3/core/users/me/', http), { headers: { authorization: `Bearer ${TOKEN}` } })
    assert.equal(answer.status, 200)
    assert.equal(await again.stop('SIGINT'), 0)
  })

  test('loads no more to start than it needs', async () => {
    const list = join(folder, 'modules')
    const env = {
      SIGNET_DATA_DIR: join(folder, 'data'),
      NODE_OPTIONS: `--import ${new URL('./record-modules.mjs', import.meta.url).href}`,
      LOADED_MODULES: list,
    }
    // In a bundle files have no names of their own any more.
    const again = run(['server'], env, SOURCES)
    await again.ready()
    assert.equal(await again.stop(), 0)
    const loaded = readFileSync(list, 'utf8').split('\n')
    const matching = (pattern: RegExp) => loaded.filter(name => pattern.test(name))
    assert.notDeepEqual(matching(/\/src\/app\.ts$/), [], 'the list is of no use')
    // Each of these takes memory for as long as the server runs, and time of every start: import it where it is first used.
    const onFirstUse: Record<string, RegExp> = {
      'the interpreter of expressions': /\/src\/expression\/(host\/run|evaluate|compile\/.*|syntax\/.*)\.ts$/,
      'the importer of blueprints': /\/src\/blueprints\/(importer|parse)\.ts$/,
      'packages for single tasks': /\/node_modules\/(yaml|ajv|@peculiar|nodemailer|liquidjs|pg|py-ast|ldapts)\//,
      'the HTTP client, which imports of node:http bring along': /^NativeModule internal\/deps\/undici\/undici$/,
      'patterns of file names': /^NativeModule internal\/deps\/minimatch\//,
    }
    for (const [what, pattern] of Object.entries(onFirstUse)) assert.deepEqual(matching(pattern), [], what)
  })
})

test('every wrong setting is named before anything is opened', async () => {
  const program = run(['server'], { SIGNET_DATA_DIR: aFolder(), SIGNET_WEB__THREADS: 'many', SIGNET_LOG_LEVEL: 'loud' })
  assert.equal(await program.exit, 1)
  assert.match(program.stderr(), /SIGNET_WEB__THREADS: got "many", expected a whole number/)
  assert.match(program.stderr(), /SIGNET_LOG_LEVEL: got "loud", expected one of/)
})

test('a port that somebody else listens on stops the health check', async () => {
  const other = createServer(socket => socket.destroy()).listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const program = run(['healthcheck'], { SIGNET_LISTEN__HTTP: `127.0.0.1:${port}` })
  assert.equal(await program.exit, 1)
  assert.match(program.stderr(), /unhealthy: 127\.0\.0\.1/)
  other.close()
})
