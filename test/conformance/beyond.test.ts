/** What no module is called after and its reader would still warn about: how errors look, what comes back, and what never does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unique } from '../builders.ts'
import { HOST, type Answer } from '../harness.ts'
import { aClient, aPerson, provider, REDIRECT_URI, soundError, type Person, type RelyingParty } from './driver.ts'

let clients: Promise<RelyingParty> | undefined
const theClient = () => (clients ??= aClient())

async function somebody(): Promise<Person> {
  const person = await aPerson()
  await person.signIn()
  return person
}

const STATES = [
  'a b+c%20d&e=f#g?h/i',
  '"quoted" <b>and</b> \'so\' on\\',
  'schöne Grüße, 日本語, 🔑',
  '%',
  '+++',
  `long ${'0123456789abcdef'.repeat(250)}`,
]

test('a state comes back as it was, whatever it says, with a code no less than with an error, in every mode', async () => {
  const [client, person] = [await theClient(), await somebody()]
  for (const state of STATES)
    for (const mode of ['query', 'fragment', 'form_post'])
      for (const more of [{}, { max_age: 'soon' }]) {
        const { parameters } = client.checked(await client.ask(person, { state, response_mode: mode, ...more }))
        assert.deepEqual(parameters.getAll('state'), [state])
        assert.equal(parameters.has('code'), !('max_age' in more))
      }
})

test('a nonce comes back as it was', async () => {
  const [client, person] = [await theClient(), await somebody()]
  for (const nonce of STATES) {
    const { claims, front } = await client.signIn(person, { nonce, response_type: 'code id_token' })
    assert.deepEqual([claims.nonce, front?.nonce], [nonce, nonce])
  }
  assert.equal(
    await client.refusal(person, { nonce: '', response_type: 'id_token' }),
    'invalid_request',
    'an empty one is none (RFC 6749 §3.1)',
  )
})

test('what a request does not say is not answered', async () => {
  const [client, person] = [await theClient(), await somebody()]
  for (const state of [undefined, '']) {
    const { callback } = await client.ask(person, { state })
    assert.deepEqual([...callback!.parameters.keys()].toSorted(), ['code', 'iss', 'session_state'])
  }
})

test('an address keeps its query, and nothing of a response stands in two places (RFC 6749 §3.1.2)', async () => {
  const url = `${REDIRECT_URI}?a=1&b=%20+x`
  const client = await aClient({ redirect_uris: [{ matching_mode: 'strict', url }] })
  const person = await somebody()
  const path = await client.endpoint('authorization')
  const asked: Record<string, string>[] = [
    {},
    { response_type: 'code id_token token' },
    { max_age: 'soon' },
    { response_mode: 'query', response_type: 'id_token' },
  ]
  for (const params of asked) {
    const { location } = (await person.browser.get(`${path}?${client.query({ redirect_uri: url, nonce: 'n', ...params })}`)).headers
    const { search, hash } = new URL(String(location))
    assert.ok(search.startsWith('?a=1&b=%20+x'), search)
    if (params.response_type === undefined) assert.equal(hash, '')
    else assert.equal(search, '?a=1&b=%20+x', 'tokens, and what stands for them, go by the fragment alone')
  }
})

test('a request may come as a form in any charset’s name, and never as anything else', async () => {
  const [client, person] = [await theClient(), await somebody()]
  const path = await client.endpoint('authorization')
  const query = client.query({ state: 'schön', nonce: 'n' })
  const sendAs = (type: string, payload: string): Promise<Answer> =>
    client.server.client().request('POST', path, {
      payload,
      headers: {
        'content-type': type,
        cookie: [...person.browser.cookies].map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('; '),
      },
    })
  const done = await sendAs('application/x-www-form-urlencoded; charset=UTF-8', query)
  assert.equal(done.status, 303, 'a browser must not send the form on (RFC 9700 §4.12)')
  assert.equal(new URL(String(done.headers.location)).searchParams.get('state'), 'schön')
  for (const [type, payload] of [
    ['application/json', '{}'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['text/plain', query],
  ] as const) {
    const answer = await sendAs(type, payload)
    assert.ok(answer.status >= 400 && answer.status < 500, `${type} ${answer.status}`)
    assert.equal(answer.headers.location, undefined)
  }
})

test('whoever cannot be trusted with an answer gets none: the person sees a page that nobody keeps', async () => {
  const [client, person] = [await theClient(), await somebody()]
  const wrong: Record<string, string | undefined>[] = [
    { client_id: 'nobody' },
    { client_id: undefined },
    { redirect_uri: undefined },
    { redirect_uri: `${REDIRECT_URI}/` },
    { redirect_uri: `${REDIRECT_URI}?x=y` },
    { redirect_uri: `${REDIRECT_URI}#x` },
    { redirect_uri: REDIRECT_URI.replace('https', 'http') },
    { redirect_uri: REDIRECT_URI.toUpperCase() },
    { redirect_uri: 'javascript:alert(1)' },
  ]
  for (const params of wrong) {
    const { page } = await client.ask(person, params)
    assert.equal(page?.status, 400, JSON.stringify(params))
    assert.match(String(page.headers['content-type']), /^text\/html/)
    assert.match(String(page.headers['cache-control']), /no-store/)
    assert.equal(page.headers.location, undefined)
  }
})

test('every parameter once: what comes twice is refused, to the client where it is known who that is (RFC 6749 §3.1)', async () => {
  const [client, person] = [await theClient(), await somebody()]
  const path = await client.endpoint('authorization')
  for (const name of ['scope', 'nonce', 'response_type', 'prompt']) {
    const query = `${client.query({ nonce: 'n', prompt: 'consent' })}&${name}=x`
    const { location } = (await person.browser.get(`${path}?${query}`)).headers
    assert.equal(new URL(String(location)).searchParams.get('error'), 'invalid_request', name)
  }
  for (const name of ['client_id', 'redirect_uri'])
    assert.equal((await person.browser.get(`${path}?${client.query()}&${name}=x`)).status, 400, name)
  for (const name of ['code', 'redirect_uri', 'grant_type', 'client_id']) {
    const payload = `grant_type=authorization_code&code=x&client_id=y&redirect_uri=z&${name}=again`
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await client.server.client().request('POST', '/application/o/token/', { payload, headers })
    assert.deepEqual([answer.status, answer.body.error], [400, 'invalid_request'], name)
  }
})

test('response types are known in any order of their words, and no others', async () => {
  const [client, person] = [await theClient(), await somebody()]
  for (const type of ['token id_token code', 'id_token code']) await client.respond(person, { response_type: type })
  for (const type of ['code code', 'none', 'token', 'code  token', 'code,id_token', 'CODE'])
    assert.equal(
      await client.refusal(person, { response_type: type, ...(/token/.test(type) && { response_mode: 'fragment' }) }),
      'unsupported_response_type',
      type,
    )
})

test('errors of the endpoints for programs are JSON that nobody keeps, with a status that fits', async () => {
  const client = await theClient()
  const { server } = client
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const basic = (id: string, secret: string) => ({ ...form, authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` })
  const wrong: [string, Answer, number, string][] = []
  for (const endpoint of ['token', 'revoke', 'introspect', 'par']) {
    const send = (payload: string, headers: Record<string, string>) =>
      server.client().request('POST', `/application/o/${endpoint}/`, { payload, headers })
    if (endpoint !== 'introspect') {
      wrong.push([endpoint, await send('grant_type=authorization_code', basic(client.clientId, 'wrong')), 401, 'invalid_client'])
      wrong.push([endpoint, await send('grant_type=authorization_code', basic('nobody', 'x')), 401, 'invalid_client'])
    }
    wrong.push([endpoint, await server.client().request('GET', `/application/o/${endpoint}/`), 405, 'invalid_request'])
    for (const type of ['application/json', 'text/plain'])
      wrong.push([`${endpoint} ${type}`, await send('{}', { 'content-type': type }), 400, 'invalid_request'])
  }
  wrong.push(['no grant', await client.token({}), 400, 'invalid_request'])
  wrong.push(['another grant', await client.token({ grant_type: 'x' }), 400, 'unsupported_grant_type'])
  wrong.push(['no code', await client.token({ grant_type: 'authorization_code' }), 400, 'invalid_grant'])
  wrong.push(['another scope', await client.token({ grant_type: 'client_credentials', scope: 'a"b' }), 400, 'invalid_scope'])
  for (const [what, { status, body, headers }, wanted, error] of wrong) {
    assert.deepEqual([status, body.error], [wanted, error], what)
    assert.match(String(headers['content-type']), /^application\/json/, what)
    assert.match(String(headers['cache-control']), /no-store/, what)
    soundError(body.error, body.error_description)
    if (status === 401) assert.match(String(headers['www-authenticate']), /^Basic realm=/, what)
    if (status === 405) assert.equal(headers.allow, 'POST', what)
  }
})

test('UserInfo says why it refuses, by RFC 6750, and reads no token from an address', async () => {
  const [client, person] = [await theClient(), await somebody()]
  const { accessToken } = await client.signIn(person)
  const { accessToken: without } = {
    accessToken: (await client.token({ grant_type: 'client_credentials', scope: 'profile' })).body.access_token,
  }
  const send = (headers: Record<string, string>, query = '') =>
    client.server.client().request('GET', `/application/o/userinfo/${query}`, { headers })
  const none = await send({})
  assert.deepEqual([none.status, none.headers['www-authenticate']], [401, 'Bearer'], 'RFC 6750 §3.1: no error where no token is')
  assert.equal((await send({}, `?access_token=${accessToken}`)).status, 401)
  const bad = await send({ authorization: 'Bearer nonsense' })
  assert.equal(bad.status, 401)
  assert.match(String(bad.headers['www-authenticate']), /^Bearer error="invalid_token"/)
  const narrow = await send({ authorization: `Bearer ${without}` })
  assert.equal(narrow.status, 403)
  assert.match(String(narrow.headers['www-authenticate']), /^Bearer error="insufficient_scope"/)
  const good = await send({ authorization: `bearer ${accessToken}`, accept: 'application/jwt, text/html;q=0.5' })
  assert.equal(good.status, 200)
  assert.match(String(good.headers['cache-control']), /no-store/)
})

test('a claim without a value is left out, of UserInfo and of ID tokens (OIDC Core §5.3.2)', async () => {
  const { admin } = (await provider()).server
  const expression = 'return {"website": None, "gender": "x", "picture": None}'
  const made = await admin.post('/api/v3/propertymappings/provider/scope/', { name: unique('nothing'), scope_name: 'nothing', expression })
  const client = await aClient({ property_mappings: [made.body.pk], include_claims_in_id_token: true })
  const { claims, accessToken } = await client.signIn(await somebody(), { scope: 'openid nothing' })
  const told = await client.userClaims(accessToken!)
  for (const name of ['website', 'picture']) assert.ok(!(name in claims) && !(name in told), name)
  assert.deepEqual([claims.gender, told.gender], ['x', 'x'])
  assert.ok(((await client.metadata()).claims_supported as string[]).includes('website'), 'it might have one some day')
})

test('documents for programs are JSON in UTF-8 that a HEAD may ask for, and keys are public alone', async () => {
  const client = await theClient()
  const paths = [`/application/o/${client.slug}/.well-known/openid-configuration`, await client.endpoint('jwks_uri')]
  for (const path of paths) {
    const head = await client.server.client().request('HEAD', path)
    assert.equal(head.status, 200, path)
    assert.match(String(head.headers['content-type']), /^application\/(?:json|jwk-set\+json)/)
  }
  const { keys } = (await client.server.client().get(paths[1]!)).body as { keys: Record<string, unknown>[] }
  for (const key of keys) {
    assert.ok(key.kid && key.kty && key.use)
    for (const [name, value] of Object.entries(key))
      if (['n', 'e', 'x', 'y'].includes(name)) assert.match(String(value), /^[\w-]+$/, 'unpadded base64url')
    for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']) assert.ok(!(secret in key))
  }
  assert.equal(`https://${HOST}${paths[0]}`, `${client.issuer}.well-known/openid-configuration`)
})
