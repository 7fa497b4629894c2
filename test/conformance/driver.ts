/**
 * What the conformance profiles share: a provider that listens, the two clients that the suite wants of it, and a person at a browser.
 * Everything goes over HTTP, as behind a proxy that ends TLS; what the client believes it learned from the discovery document.
 */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after } from 'node:test'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose'
import type { Row } from '../../src/api/model.ts'
import { sessionCookieValue, startSession } from '../../src/core/session/session.ts'
import { aParty, mounted, oauthServer, Party, REDIRECT_URI, type OAuthServer } from '../../src/providers/oauth2/fixture.ts'
import { aUser, unique } from '../builders.ts'
import { clientOf, HOST, type Answer, type Send } from '../harness.ts'
import { Visitor } from '../visitor.ts'
import { overHttp } from './over-http.ts'

export { REDIRECT_URI }

let listening: Promise<{ send: Send; server: OAuthServer }> | undefined
const closing: (() => Promise<void>)[] = []
after(() => Promise.all(closing.map(close => close())))

/** In which header the proxy in front of the provider tells of certificates of clients. */
export const CERTIFICATE_HEADER = 'ssl-client-cert'

async function listen() {
  const plain = await oauthServer()
  const config = { ...plain.deps.config, web: { ...plain.deps.config.web, client_certificate_header: CERTIFICATE_HEADER } }
  const shared = { ...plain, deps: { ...plain.deps, config }, ctx: { ...plain.ctx, config } }
  const app = await mounted(shared.deps)
  await app.listen({ host: '127.0.0.1', port: 0 })
  closing.push(() => app.close())
  const send = overHttp((app.server.address() as { port: number }).port)
  const client: OAuthServer['client'] = token =>
    clientOf(send, (): Record<string, string> => (token === undefined ? {} : { authorization: `Bearer ${token}` }))
  return { send, server: { ...shared, client, admin: client(shared.adminToken) } }
}

/** The provider under test, the same for all profiles of a process. */
export const provider = () => (listening ??= listen())

/** What the standard's own scopes give, as an operator would write it; the stock profile has fewer claims (OIDC Core §5.4). */
const SCOPES: Readonly<Record<string, string>> = {
  profile: `return {
    "name": request.user.name, "given_name": "Jane", "family_name": "Doe", "middle_name": "Q", "nickname": "jane",
    "preferred_username": request.user.username, "profile": "https://app.example.test/jane", "picture": "https://app.example.test/jane.png",
    "website": "https://jane.example.test", "gender": "female", "birthdate": "1980-02-29", "zoneinfo": "Europe/Berlin", "locale": "en-GB",
    "updated_at": 1700000000,
  }`,
  email: 'return {"email": request.user.email, "email_verified": True}',
  address: 'return {"address": {"formatted": "1 Long Street", "street_address": "1 Long Street", "country": "DE"}}',
  phone: 'return {"phone_number": "+49 30 1234567", "phone_number_verified": False}',
  'user:email': 'return {}', // opens a resource that wants no OpenID Connect
}

/** Claims of each scope, OIDC Core §5.4. */
export const CLAIMS: Readonly<Record<string, readonly string[]>> = {
  profile: [
    'name given_name family_name middle_name nickname preferred_username profile picture website gender birthdate zoneinfo locale updated_at',
  ].flatMap(names => names.split(' ')),
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
}

let mappings: Promise<string[]> | undefined

async function standardScopes(): Promise<string[]> {
  const { admin, ctx } = (await provider()).server
  const keys: string[] = []
  for (const [scope, expression] of Object.entries(SCOPES)) {
    const made = await admin.post('/api/v3/propertymappings/provider/scope/', { name: unique(scope), scope_name: scope, expression })
    assert.equal(made.status, 201, made.text)
    keys.push(made.body.pk)
  }
  const stock = await ctx.db
    .selectFrom('property_mapping')
    .select('pm_uuid')
    .where('managed', 'in', ['goauthentik.io/providers/oauth2/scope-openid', 'goauthentik.io/providers/oauth2/scope-offline_access'])
    .execute()
  return [...keys, ...stock.map(({ pm_uuid }) => pm_uuid)]
}

/** Keys of the mappings for all standard scopes. */
export const standardMappings = () => (mappings ??= standardScopes())

/** Where a response arrived at the client. */
export type Callback = { parameters: URLSearchParams; by: 'query' | 'fragment' | 'form_post' }

/** How an authorization request ended: at the client, or at a page that only the person sees. */
export type Ending = {
  callback?: Callback
  page?: Answer
  /** What the person was asked on the way. */
  asked: ('sign-in' | 'consent')[]
  sent: URLSearchParams
}

const unescaped = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&')

/** The form that a page sends by itself (Form Post Response Mode §2). */
function formOf(html: string): Callback | undefined {
  const [, action] = /<form method="post" action="([^"]*)">/.exec(html) ?? []
  if (action === undefined || unescaped(action) !== REDIRECT_URI) return undefined
  const fields = [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
  const pairs = fields.map(([, name = '', value = '']): [string, string] => [unescaped(name), unescaped(value)])
  return { by: 'form_post', parameters: new URLSearchParams(pairs) }
}

const TYPES: Readonly<Record<string, readonly string[]>> = {
  boolean: ['email_verified', 'phone_number_verified'],
  number: ['updated_at'],
  object: ['address'],
}

/** The standard's own claims are of the types that it gives them, and say something (OIDC Core §5.1, §5.3.2). */
export function soundClaims(claims: Readonly<Record<string, unknown>>): void {
  const standard = ['sub', ...Object.values(CLAIMS).flat()]
  for (const [name, value] of Object.entries(claims)) {
    assert.ok(value !== null && value !== undefined, `${name} has no value`)
    if (!standard.includes(name)) continue
    const [type = 'string'] = Object.entries(TYPES).find(([, names]) => names.includes(name)) ?? []
    assert.equal(typeof value, type, name)
    if (type === 'string') assert.doesNotMatch(String(value), /^(?:\s*|null)$/i, `${name} says something`)
    // `EnsureIdTokenUpdatedAtValid`: seconds, of a time when there were accounts, and not in the future.
    if (name === 'updated_at') assert.ok((value as number) > 946_684_800 && (value as number) < 10_000_000_000, String(value))
    if (name === 'birthdate') assert.match(String(value), /^(?:\d{4}-\d\d-\d\d|\d{4})$/)
    if (name === 'address') for (const part of Object.values(value)) assert.equal(typeof part, 'string', 'address')
  }
}

/** What an error may be written with, RFC 6749 §4.1.2.1 and §5.2: no quotes, no backslashes, nothing beyond ASCII. */
export function soundError(error: unknown, description: unknown): void {
  assert.match(String(error), /^[a-z_]+$/)
  if (description !== undefined && description !== null) assert.match(String(description), /^[\u0020\u0021\u0023-\u005b\u005d-\u007e]+$/)
}

/** Bits of chance that a text seems to hold, by how often each of its letters stands there: `AbstractEnsureMinimumEntropy` (RFC 6749 §10.10). */
export function chance(text: string): number {
  const counts = new Map<string, number>()
  for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1)
  return counts.values().reduce((bits, count) => bits - count * Math.log2(count / text.length), 0)
}

const callbackAt = (url: URL): Callback =>
  url.hash === '' ? { by: 'query', parameters: url.searchParams } : { by: 'fragment', parameters: new URLSearchParams(url.hash.slice(1)) }

/** Somebody with an account, at a browser of their own. */
export class Person {
  readonly user: Row
  readonly browser: Visitor
  readonly #password: string
  /** Says no where they are asked whether an application may know them. */
  declines = false

  constructor(browser: Visitor, user: Row, password: string) {
    this.browser = browser
    this.user = user
    this.#password = password
  }

  /** Signs the browser in before the test begins: a session as the sign-in page would have made it. */
  async signIn(): Promise<void> {
    const { ctx } = (await provider()).server
    const { key } = await startSession(ctx, { user: this.user.id as number, authMethod: 'password', lifetime: 86_400_000 })
    this.browser.cookies.set('authentik_session', sessionCookieValue(ctx, key, this.user))
    this.browser.cookies.set('authentik_csrf', randomBytes(16).toString('base64url'))
  }

  /**
   * What a browser says when a page of a client sends it here (Fetch Metadata §2). With a form go only those of its cookies that say
   * `SameSite=None`, as the session's does.
   */
  fromElsewhere(method: 'GET' | 'POST'): Record<string, string> {
    const usual = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
      referer: 'https://app.example.test/',
    }
    if (method === 'GET') return usual
    const session = this.browser.cookies.get('authentik_session')
    return { ...usual, origin: 'https://app.example.test', cookie: session === undefined ? '' : `authentik_session=${session}` }
  }

  /** Goes where the browser is sent, signs in and agrees where asked, until the client has its response or a page says why not. */
  async follow(answer: Answer, sent: URLSearchParams): Promise<Ending> {
    const asked: Ending['asked'] = []
    for (let hop = 0; hop < 20; hop++) {
      const { location } = answer.headers
      if (typeof location !== 'string') {
        const callback = answer.status === 200 ? formOf(answer.text) : undefined
        return callback ? { callback, asked, sent } : { page: answer, asked, sent }
      }
      const url = new URL(location, `https://${HOST}`)
      if (url.host !== HOST) return { callback: callbackAt(url), asked, sent }
      const slug = /^\/if\/flow\/([^/]+)\/$/.exec(url.pathname)?.[1]
      if (slug === undefined) {
        answer = await this.browser.get(url.pathname + url.search)
        continue
      }
      const done = await this.#answer(slug, url.search.slice(1), asked)
      if (done.component === 'ak-stage-password') {
        answer = await this.browser.get(String((done.flow_info as Row).cancel_url)) // "Not you?"
        continue
      }
      if (done.component === 'ak-stage-autosubmit')
        return { callback: { by: 'form_post', parameters: new URLSearchParams(done.attrs as Record<string, string>) }, asked, sent }
      if (done.component !== 'xak-flow-redirect') return { page: { ...answer, body: done, text: JSON.stringify(done) }, asked, sent }
      const to = new URL(String(done.to), `https://${HOST}`)
      if (to.host !== HOST) return { callback: callbackAt(to), asked, sent }
      answer = await this.browser.get(to.pathname + to.search)
    }
    throw new Error('the browser is sent around without end')
  }

  /** What the page of a flow offers to whoever would rather not: the way back to the client. */
  async asking({ pathname, search }: URL): Promise<{ leave: string }> {
    const { text } = await this.browser.get(pathname + search)
    const [leave] = /(?<="leave":)"[^"]+"/.exec(text) ?? []
    assert.ok(leave, 'the page has a way back')
    return { leave: JSON.parse(leave) as string }
  }

  /** Answers a flow to its end, or to where it takes the person for somebody else. */
  async #answer(slug: string, query: string, asked: Ending['asked']): Promise<Row> {
    let challenge = await this.browser.challenge(slug, query)
    for (let step = 0; step < 8; step++) {
      const { component } = challenge
      const answers: { [component: string]: Row | undefined } = {
        'ak-stage-identification': { uid_field: this.user.username, ...(challenge.password_fields && { password: this.#password }) },
        'ak-stage-password': challenge.pending_user === this.user.username ? { password: this.#password } : undefined,
        'ak-stage-consent': { token: challenge.token, ...(this.declines && { decline: true }) },
      }
      const answer = answers[component as string]
      if (!answer) return challenge
      if (component === 'ak-stage-identification') asked.push('sign-in')
      if (component === 'ak-stage-consent') asked.push('consent')
      challenge = await this.browser.challenge(slug, query, { component, ...answer })
    }
    throw new Error(`the flow ${slug} does not end`)
  }
}

const PASSWORD = 'a password that is long enough'
let account: Promise<Row> | undefined

/** Somebody at a fresh browser. The account is the same for all, since its password costs time to hash. */
export async function aPerson(): Promise<Person> {
  const { send, server } = await provider()
  const user = await (account ??= aUser(server.ctx, { password: PASSWORD, name: 'Jane Doe' }))
  return new Person(new Visitor(send), user, PASSWORD)
}

export type Asked = { [parameter: string]: string | undefined }

/** How a request goes out. */
export type Sending = {
  method?: 'GET' | 'POST'
  /** Parameters in the reverse order of their names. */
  backwards?: boolean
  /** The client proves itself by Basic, else by its secret in the body. */
  basic?: boolean
}

/** s */
const YEAR = 31_536_000

const HASHES: Readonly<Record<string, string>> = { ES384: 'sha384', ES512: 'sha512', PS384: 'sha384', RS384: 'sha384', RS512: 'sha512' }

/** `at_hash` and `c_hash`, OIDC Core §3.1.3.6 and §3.3.2.11. */
function halfHash(alg: string, text: string): string {
  const digest = createHash(HASHES[alg] ?? 'sha256')
    .update(text)
    .digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

/** A client as the suite plays it. */
export class RelyingParty extends Party {
  #metadata: Promise<Row> | undefined

  /** The issuer of this client: that of its application, or the one that it shares with others. */
  override get issuer(): string {
    return this.provider.issuer_mode === 'global' ? `https://${HOST}/` : super.issuer
  }

  /** The provider's metadata as this client discovers it. */
  metadata(): Promise<Row> {
    return (this.#metadata ??= this.#fetch(`${new URL(this.issuer).pathname}.well-known/openid-configuration`))
  }

  async #fetch(path: string): Promise<Row> {
    const { status, body } = await this.server.client().get(path)
    assert.equal(status, 200, path)
    return body as Row
  }

  /** The path of an endpoint, from the metadata. */
  async endpoint(name: string): Promise<string> {
    const url = new URL(String((await this.metadata())[`${name}_endpoint`] ?? (await this.metadata())[name]))
    assert.equal(url.origin, `https://${HOST}`)
    return url.pathname
  }

  /** An authorization request to its end; `undefined` leaves a parameter out. State and nonce are fresh. */
  async ask(person: Person, params: Asked = {}, options: Sending = {}): Promise<Ending> {
    const [state, nonce] = [randomBytes(10).toString('hex'), randomBytes(10).toString('hex')]
    const pairs = [...new URLSearchParams(this.query({ state, nonce, ...params }))]
    const sent = new URLSearchParams(options.backwards ? pairs.toSorted(([one], [other]) => (one < other ? 1 : -1)) : pairs)
    const path = await this.endpoint('authorization')
    const answer =
      options.method === 'POST'
        ? await person.browser.request('POST', path, { form: Object.fromEntries(sent), headers: person.fromElsewhere('POST') })
        : await person.browser.get(`${path}?${sent.toString()}`, person.fromElsewhere('GET'))
    return person.follow(answer, sent)
  }

  /** The successful response to a request; fails when there is none, or when it breaks a rule that holds for every response. */
  async respond(person: Person, params: Asked = {}, options: Sending = {}) {
    const ending = await this.ask(person, params, options)
    const { parameters } = this.checked(ending)
    assert.equal(parameters.get('error'), null, parameters.toString())
    const types = (params.response_type ?? 'code').split(' ')
    for (const [type, name] of Object.entries({ code: 'code', id_token: 'id_token', token: 'access_token' }))
      assert.equal(parameters.has(name), types.includes(type), `${name} in ${parameters.toString()}`)
    if (types.includes('code')) {
      assert.match(parameters.get('code')!, /^[\w.~-]{22,}$/)
      assert.ok(chance(parameters.get('code')!) > 96)
    }
    if (types.includes('token')) {
      assert.equal(parameters.get('token_type'), 'Bearer') // RFC 6749 §4.2.2
      assert.match(parameters.get('expires_in')!, /^[1-9]\d*$/)
    }
    return { ...ending, parameters }
  }

  /** The error that a request ended with, at the client. */
  async refusal(person: Person, params: Asked = {}): Promise<string | null> {
    const { parameters } = this.checked(await this.ask(person, params))
    const known = ['error', 'error_description', 'state', 'iss']
    assert.deepEqual(
      [...parameters.keys()].filter(name => !known.includes(name)),
      [],
    ) // RFC 6749 §4.1.2.1
    soundError(parameters.get('error'), parameters.get('error_description'))
    return parameters.get('error')
  }

  /** What holds for every response, good or bad: it came as was asked, with the state that was sent and the name of who answers. */
  checked({ callback, page, sent }: Ending): Callback {
    assert.ok(callback, `a page instead of a response: ${page?.status} ${page?.text.replaceAll(/<[^>]*>/g, ' ').slice(0, 400)}`)
    const inFragment = /token/.test(sent.get('response_type') ?? '')
    assert.equal(callback.by, sent.get('response_mode') ?? (inFragment ? 'fragment' : 'query'))
    assert.equal(callback.parameters.get('state'), sent.get('state'))
    assert.equal(callback.parameters.get('iss'), this.issuer) // RFC 9207 §2.4
    return callback
  }

  /** Buys tokens for the code of a response. */
  async buy(parameters: URLSearchParams, more: Asked = {}, options: { basic?: boolean } = {}): Promise<Row> {
    const secret = options.basic === false ? { client_secret: String(this.provider.client_secret) } : {}
    const form = { grant_type: 'authorization_code', code: parameters.get('code') ?? undefined, redirect_uri: REDIRECT_URI }
    const answer = await this.token({ ...form, ...secret, ...more }, options)
    assert.equal(answer.status, 200, answer.text)
    assert.match(String(answer.headers['cache-control']), /no-store/) // RFC 6749 §5.1
    assert.match(String(answer.headers['content-type']), /^application\/json/)
    assert.equal(answer.body.token_type, 'Bearer')
    assert.ok(Number.isInteger(answer.body.expires_in) && answer.body.expires_in > 0 && answer.body.expires_in <= YEAR)
    assert.match(answer.body.access_token, /^[\u0020-\u007e]{22,}$/) // RFC 6749 §A.12
    assert.ok(chance(answer.body.access_token) > 128)
    return answer.body as Row
  }

  /** The claims of an ID token that a client must accept: OIDC Core §3.1.3.7, §3.2.2.11, §3.3.2.12. */
  async idToken(
    token: unknown,
    expected: { nonce?: string | null; accessToken?: unknown; code?: string | null } = {},
  ): Promise<JWTPayload> {
    assert.equal(typeof token, 'string', 'there is an ID token')
    const keys = createLocalJWKSet((await this.#fetch(await this.endpoint('jwks_uri'))) as unknown as JSONWebKeySet)
    const now = this.server.deps.now()
    const { payload } = await jwtVerify(token as string, keys, {
      issuer: this.issuer,
      audience: this.clientId,
      requiredClaims: ['sub', 'iat', 'exp'],
      currentDate: now,
    })
    const { alg = '' } = decodeProtectedHeader(token as string)
    assert.ok(((await this.metadata()).id_token_signing_alg_values_supported as string[]).includes(alg), alg)
    assert.ok(decodeProtectedHeader(token as string).kid, 'OIDC Core §10.1: there may be several keys')
    assert.ok(Math.abs(payload.iat! - now.getTime() / 1000) < 300)
    assert.ok(payload.exp! > payload.iat! && payload.exp! < payload.iat! + 50 * YEAR)
    const since = payload.iat! - Number(payload.auth_time ?? payload.iat)
    assert.ok(since >= 0 && since < YEAR, 'somebody signed in, less than a year ago')
    assert.ok(payload.acr === undefined || (typeof payload.acr === 'string' && payload.acr !== ''))
    assert.ok(payload.azp === undefined || payload.azp === this.clientId)
    assert.ok(payload.amr === undefined || (Array.isArray(payload.amr) && payload.amr.every(way => typeof way === 'string')))
    soundClaims(payload)
    assert.match(payload.sub!, /^[\u0021-\u007e]{1,255}$/)
    assert.equal(payload.nonce ?? null, expected.nonce ?? null)
    if (expected.accessToken !== undefined) assert.equal(payload.at_hash, halfHash(alg, expected.accessToken as string))
    if (expected.code) assert.equal(payload.c_hash, halfHash(alg, expected.code))
    return payload
  }

  /** A whole sign-in: the claims of every ID token on the way, which agree, and what came with them. */
  async signIn(person: Person, params: Asked = {}, options: Sending = {}) {
    const { parameters, asked, sent } = await this.respond(person, params, options)
    const [nonce, code] = [sent.get('nonce'), parameters.get('code')]
    const accessToken = parameters.get('access_token') ?? undefined
    const front = parameters.has('id_token') ? await this.idToken(parameters.get('id_token'), { nonce, accessToken, code }) : undefined
    const tokens = code === null ? undefined : await this.buy(parameters, {}, options)
    const back = tokens && (await this.idToken(tokens.id_token, { nonce, accessToken: tokens.access_token }))
    if (front && back) for (const name of ['iss', 'sub'] as const) assert.equal(front[name], back[name]) // OIDC Core §3.3.3.6
    const claims = (back ?? front)!
    const idToken = String(tokens?.id_token ?? parameters.get('id_token'))
    return {
      parameters,
      asked,
      sent,
      tokens,
      claims,
      idToken,
      front,
      accessToken: (tokens?.access_token ?? accessToken) as string | undefined,
    }
  }

  /** The claims of the UserInfo endpoint, OIDC Core §5.3. */
  async userClaims(accessToken: string, by: 'get' | 'header' | 'body' = 'get'): Promise<Row> {
    const path = await this.endpoint('userinfo')
    const client = this.server.client(by === 'body' ? undefined : accessToken)
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer =
      by === 'get'
        ? await client.get(path)
        : await client.request('POST', path, {
            headers: form,
            payload: by === 'body' ? new URLSearchParams({ access_token: accessToken }).toString() : '',
          })
    assert.equal(answer.status, 200, answer.text)
    assert.match(String(answer.headers['content-type']), /^application\/json/)
    soundClaims(answer.body as Row)
    return answer.body as Row
  }
}

/**
 * A client of the provider, configured as the certification asks: RS256, all standard scopes, one redirect URI, and claims by UserInfo alone where there
 * is one (`EnsureIdTokenDoesNotContainEmailForScopeEmail`).
 */
export async function aClient(values: Parameters<typeof aParty>[0] = {}): Promise<RelyingParty> {
  const { server } = await provider()
  const usual = { key: 'rsa', property_mappings: await standardMappings(), include_claims_in_id_token: false } as const
  const party = await aParty({ ...usual, ...values })
  return new RelyingParty(server, party.provider, party.application)
}
