/**
 * The modules of the certification plans for sign-in, by their official names. Each says what has to hold and tries it for one response type
 * and one way of response. Where the suite itself skips a module, because the discovery document does not offer what it would try, the
 * test holds us to that document.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { decodeProtectedHeader, UnsecuredJWT, type JWTPayload } from 'jose'
import { pkce } from '../../src/providers/oauth2/fixture.ts'
import { aPerson, chance, CLAIMS, REDIRECT_URI, soundError, type Asked, type Person, type RelyingParty, type Sending } from './driver.ts'

/** One variant of a module: what is asked for, and by whom. */
export type Trial = {
  client: RelyingParty
  /** A second client of the same provider. */
  other: RelyingParty
  person: Person
  /** Parameters that the variant adds to every request. */
  variant: { response_type: string; response_mode?: 'form_post' }
  /** Lets time pass: s. */
  wait: (seconds: number) => void
}

export type Module = {
  /** Completes the name of the test. */
  says: string
  /** Begins with nobody signed in at the browser; else somebody is. */
  anonymous?: boolean
  run: (trial: Trial) => Promise<void>
}

const wants = ({ variant }: Trial, type: string): boolean => variant.response_type.split(' ').includes(type)
const signIn = ({ client, person, variant }: Trial, params: Asked = {}, options: Sending = {}) =>
  client.signIn(person, { ...variant, ...params }, options)

/** What a person was asked beside consent, which is for the client's kind to decide. */
const withoutConsent = (asked: readonly string[]): string[] => asked.filter(what => what !== 'consent')

/** A request that must simply succeed, parameter or no parameter. */
const succeedsWith =
  (params: Asked): Module['run'] =>
  async trial =>
    void (await signIn(trial, params))

/** The claims that a sign-in makes known: by the UserInfo endpoint where there is an access token, else in the ID token (OIDC Core §5.4). */
async function known(trial: Trial, params: Asked, options: Sending = {}) {
  const { accessToken, claims, front } = await signIn(trial, params, options)
  const told = accessToken === undefined ? claims : await trial.client.userClaims(accessToken)
  assert.equal(told.sub, claims.sub) // OIDC Core §5.3.2
  return { told, claims, front }
}

/** Claims that every ID token may have, whatever was asked for: `EnsureIdTokenDoesNotContainNonRequestedClaims`, OIDC Core §2 and §3.3.2.11. */
const USUAL_CLAIMS = 'iss sub aud exp iat auth_time nonce acr amr azp at_hash c_hash s_hash nbf jti sid'.split(' ')

/** An ID token tells nothing that was not to be told there. */
function onlyUsual(claims: JWTPayload | undefined): void {
  const more = Object.keys(claims ?? {}).filter(name => !USUAL_CLAIMS.includes(name))
  assert.deepEqual(more, [])
}

const scopesGive =
  (...scopes: string[]): Module['run'] =>
  async trial => {
    const { told, claims, front } = await known(trial, { scope: ['openid', ...scopes].join(' ') })
    if (wants(trial, 'code') || wants(trial, 'token')) for (const token of [claims, front]) onlyUsual(token)
    for (const name of scopes.flatMap(scope => CLAIMS[scope] ?? [])) assert.ok(told[name] !== undefined && told[name] !== '', name)
    if (scopes.includes('email')) assert.equal(typeof told.email_verified, 'boolean')
    if (!scopes.includes('profile')) assert.equal(told.name, undefined, '`EnsureUserInfoDoesNotContainName`')
    if (scopes.includes('profile')) {
      assert.equal(typeof told.updated_at, 'number')
      assert.match(String(told.birthdate), /^\d{4}(-\d\d-\d\d)?$/)
    }
    if (scopes.includes('address')) assert.equal(typeof told.address, 'object')
  }

const userInfoBy =
  (by: 'get' | 'header' | 'body'): Module['run'] =>
  async trial => {
    const { accessToken, claims } = await signIn(trial)
    assert.equal((await trial.client.userClaims(accessToken!, by)).sub, claims.sub)
  }

/** The code a second time: refused, and what it bought is worth nothing any more (RFC 6749 §4.1.2). */
async function reuse(trial: Trial, seconds: number): Promise<void> {
  const { client, person, variant, wait } = trial
  const { parameters } = await client.respond(person, variant)
  const { access_token: token } = await client.buy(parameters)
  wait(seconds)
  const again = await client.exchange(parameters.get('code')!)
  assert.equal(again.status, 400)
  assert.equal(again.body.error, 'invalid_grant')
  soundError(again.body.error, again.body.error_description)
  assert.match(String(again.headers['content-type']), /^application\/json/)
  assert.equal((await client.userinfo(token as string)).status, 401)
}

/** Signs in twice, the second time with other parameters; what the second ID token says beside the first. */
async function twice(trial: Trial, first: Asked, second: Asked) {
  const one = await signIn(trial, first)
  trial.wait(2)
  const two = await signIn(trial, second)
  assert.equal(two.claims.sub, one.claims.sub)
  assert.equal(two.claims.iss, one.claims.iss)
  assert.equal(typeof two.claims.auth_time, 'number')
  return { one, two, laterBy: (two.claims.auth_time as number) - (one.claims.auth_time as number) }
}

export const MODULES = {
  'oidcc-server': {
    says: 'somebody signs in, and everything that the client is given fits together',
    anonymous: true,
    async run(trial) {
      const { asked, accessToken, claims, front } = await signIn(trial)
      assert.deepEqual(withoutConsent(asked), ['sign-in'])
      for (const token of [claims, front]) onlyUsual(token)
      if (accessToken !== undefined) assert.equal((await trial.client.userClaims(accessToken)).sub, claims.sub)
    },
  },
  'oidcc-server-client-secret-post': {
    says: 'the same with the secret in the body',
    run: async trial => void (await signIn(trial, {}, { basic: false })),
  },
  'oidcc-response-type-missing': {
    says: 'a request without response_type is refused',
    async run({ client, person, variant }) {
      const error = await client.refusal(person, { ...variant, response_type: undefined })
      assert.ok(error === 'invalid_request' || error === 'unsupported_response_type', String(error))
    },
  },
  'oidcc-idtoken-signature': {
    says: 'an ID token is signed with RS256 by a key that its header names',
    async run(trial) {
      const header = decodeProtectedHeader((await signIn(trial)).idToken)
      assert.equal(header.alg, 'RS256')
      assert.equal(typeof header.kid, 'string')
    },
  },
  'oidcc-idtoken-unsigned': {
    says: 'unsigned ID tokens are not offered',
    async run({ client }) {
      const offered = (await client.metadata()).id_token_signing_alg_values_supported as string[]
      assert.ok(!offered.includes('none'))
    },
  },
  'oidcc-userinfo-get': { says: 'claims are told for a token in the header of a GET', run: userInfoBy('get') },
  'oidcc-userinfo-post-header': { says: 'claims are told for a token in the header of a POST', run: userInfoBy('header') },
  'oidcc-userinfo-post-body': { says: 'claims are told for a token in the body of a POST', run: userInfoBy('body') },
  'oidcc-ensure-request-without-nonce-succeeds-for-code-flow': {
    says: 'where no ID token comes by the browser a nonce is the client’s choice',
    run: async trial => assert.equal((await signIn(trial, { nonce: undefined })).claims.nonce, undefined),
  },
  'oidcc-ensure-request-without-nonce-fails': {
    says: 'an ID token by the browser demands a nonce',
    async run({ client, person, variant }) {
      assert.equal(await client.refusal(person, { ...variant, nonce: undefined }), 'invalid_request')
    },
  },
  'oidcc-scope-profile': { says: 'the scope profile gives its claims', run: scopesGive('profile') },
  'oidcc-scope-email': { says: 'the scope email gives its claims', run: scopesGive('email') },
  'oidcc-scope-address': { says: 'the scope address gives its claim', run: scopesGive('address') },
  'oidcc-scope-phone': { says: 'the scope phone gives its claims', run: scopesGive('phone') },
  'oidcc-scope-all': { says: 'all scopes together give all claims', run: scopesGive('address', 'email', 'phone', 'profile') },
  'oidcc-ensure-other-scope-order-succeeds': {
    says: 'the order of scopes does not matter',
    run: async trial => assert.ok((await known(trial, { scope: 'email openid' })).told.email),
  },
  'oidcc-alternate-happy-flow': {
    says: 'nor does the order of parameters',
    run: async trial => {
      const { told, claims, front } = await known(trial, { scope: 'email openid' }, { backwards: true })
      assert.ok(told.email)
      if (wants(trial, 'code') || wants(trial, 'token')) for (const token of [claims, front]) onlyUsual(token)
    },
  },
  'oidcc-display-page': { says: 'display=page does no harm', run: succeedsWith({ display: 'page' }) },
  'oidcc-display-popup': { says: 'display=popup does no harm', run: succeedsWith({ display: 'popup' }) },
  'oidcc-prompt-login': {
    says: 'who is signed in signs in again, and the ID token says when',
    async run(trial) {
      const { two, laterBy } = await twice(trial, {}, { prompt: 'login' })
      assert.deepEqual(withoutConsent(two.asked), ['sign-in'])
      assert.ok(laterBy > 0)
    },
  },
  'oidcc-prompt-none-not-logged-in': {
    says: 'nobody is signed in and nobody is asked',
    anonymous: true,
    async run({ client, person, variant }) {
      const error = await client.refusal(person, { ...variant, prompt: 'none', state: 'a1B2c3D4'.repeat(16) })
      assert.equal(error, 'login_required')
    },
  },
  'oidcc-prompt-none-logged-in': {
    says: 'who is signed in is not asked, and the sign-in is the same',
    async run(trial) {
      const { two, laterBy } = await twice(trial, {}, { prompt: 'none' })
      assert.deepEqual(two.asked, [])
      assert.equal(laterBy, 0)
    },
  },
  'oidcc-max-age-1': {
    says: 'a sign-in of two seconds ago is too old for max_age=1',
    async run(trial) {
      const { two, laterBy } = await twice(trial, {}, { max_age: '1' })
      assert.deepEqual(two.asked, ['sign-in'])
      assert.ok(laterBy > 0)
    },
  },
  'oidcc-max-age-10000': {
    says: 'a sign-in of a moment ago is fresh enough, and stays the same',
    async run(trial) {
      const { two, laterBy } = await twice(trial, { max_age: '15000' }, { max_age: '10000' })
      assert.deepEqual(two.asked, [])
      assert.equal(laterBy, 0)
    },
  },
  'oidcc-ensure-request-with-unknown-parameter-succeeds': {
    says: 'a parameter that nobody knows is passed over',
    run: succeedsWith({ extra: 'foobar' }),
  },
  'oidcc-id-token-hint': {
    says: 'with the ID token of who is signed in nobody is asked',
    async run(trial) {
      const { idToken, claims } = await signIn(trial)
      const again = await signIn(trial, { prompt: 'none', id_token_hint: idToken })
      assert.equal(again.claims.sub, claims.sub)
    },
  },
  'oidcc-login-hint': { says: 'login_hint does no harm', anonymous: true, run: succeedsWith({ login_hint: 'buffy@example.test' }) },
  'oidcc-ui-locales': { says: 'ui_locales does no harm', run: succeedsWith({ ui_locales: 'se' }) },
  'oidcc-claims-locales': { says: 'claims_locales does no harm', run: succeedsWith({ claims_locales: 'se' }) },
  'oidcc-ensure-request-with-acr-values-succeeds': {
    says: 'a context class that is offered can be asked for, and the ID token names it',
    async run(trial) {
      const offered = (await trial.client.metadata()).acr_values_supported as string[]
      const { claims, front } = await signIn(trial, { acr_values: offered.join(' ') })
      for (const token of front ? [claims, front] : [claims]) assert.ok(offered.includes(String(token.acr)))
    },
  },
  'oidcc-codereuse': { says: 'a code works once', run: trial => reuse(trial, 0) },
  'oidcc-codereuse-30seconds': { says: 'a code works once, also half a minute later', run: trial => reuse(trial, 30) },
  'oidcc-ensure-registered-redirect-uri': {
    says: 'an address that is not registered gets nothing, and the person a page',
    async run({ client, person, variant }) {
      const { callback, page } = await client.ask(person, { ...variant, redirect_uri: `${REDIRECT_URI}/elsewhere` })
      assert.equal(callback, undefined)
      assert.equal(page?.status, 400)
      assert.match(page.text, /redirect_uri/)
    },
  },
  'oidcc-ensure-post-request-succeeds': {
    says: 'a request may come as a form, and finds who is signed in',
    run: async trial => assert.deepEqual(withoutConsent((await signIn(trial, {}, { method: 'POST' })).asked), []),
  },
  'oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported': {
    says: 'an address that the client did not register is not read',
    async run({ client, person, variant }) {
      assert.equal(
        await client.refusal(person, { ...variant, request_uri: 'https://app.example.test/request' }),
        'request_uri_not_supported',
      )
      assert.equal((await client.metadata()).request_uri_parameter_supported, false)
    },
  },
  'oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported': {
    says: 'an unsigned request object is refused, and not offered',
    run: refusesUnsigned,
  },
  'oidcc-ensure-request-object-with-redirect-uri': {
    says: 'nobody is sent to the address in an object that is not read: a bad one beside it is shown to the person',
    async run(trial) {
      const { client, person, variant } = trial
      const request = new UnsecuredJWT({ client_id: client.clientId, redirect_uri: REDIRECT_URI, state: 'inside', ...variant }).encode()
      // `EnsureOPDoesNotUseDefaultRedirectUriInCaseOfInvalidRedirectUri`
      for (const redirect_uri of ['https://elsewhere.example.test/', undefined]) {
        const { callback, page } = await client.ask(person, { ...variant, request, redirect_uri })
        assert.equal(callback, undefined)
        assert.equal(page?.status, 400)
        if (redirect_uri !== undefined) assert.match(page.text, /redirect_uri/)
      }
      await refusesUnsigned(trial)
    },
  },
  'oidcc-claims-essential': {
    says: 'a claim that is asked for by name is told',
    run: nameIsTold,
  },
  'oidcc-refresh-token': { says: 'a refresh token works for its client alone, and the sign-in stays the same', run: refreshes },
  'oidcc-ensure-request-with-valid-pkce-succeeds': {
    says: 'a code with a challenge is bought with its verifier',
    async run({ client, person, variant }) {
      const { challenge, verifier } = pkce()
      const { parameters } = await client.respond(person, { ...variant, code_challenge: challenge, code_challenge_method: 'S256' })
      await client.buy(parameters, { code_verifier: verifier })
    },
  },
} as const satisfies Readonly<Record<string, Module>>

export type ModuleName = keyof typeof MODULES

/** `name` in the UserInfo answer, and there alone; or in the ID token where there is no such answer (OIDC Core §5.5). */
async function nameIsTold(trial: Trial): Promise<void> {
  const where = wants(trial, 'code') || wants(trial, 'token') ? 'userinfo' : 'id_token'
  const { told, claims, front } = await known(trial, { claims: JSON.stringify({ [where]: { name: { essential: true } } }) })
  assert.ok(told.name)
  for (const token of front ? [claims, front] : [claims]) assert.equal(token.name !== undefined, where === 'id_token')
}

async function refusesUnsigned({ client, person, variant }: Trial): Promise<void> {
  for (const state of ['outside', undefined]) {
    const claims = { client_id: client.clientId, redirect_uri: REDIRECT_URI, scope: 'openid', state: 'inside', nonce: 'inside', ...variant }
    const request = new UnsecuredJWT(claims).encode()
    assert.equal(await client.refusal(person, { ...variant, request, state, nonce: state }), 'request_not_supported')
  }
  const offered = (await client.metadata()).request_object_signing_alg_values_supported as string[] | undefined
  assert.ok(!offered?.includes('none'))
}

async function refreshes(trial: Trial): Promise<void> {
  const { client, other, person, variant, wait } = trial
  const params = { ...variant, scope: 'openid offline_access', prompt: 'consent' }
  assert.ok(((await client.metadata()).grant_types_supported as string[]).includes('refresh_token'))
  const mine = await client.signIn(person, params)
  const theirs = await other.signIn(person, { ...params, nonce: randomBytes(32).toString('base64url') })
  assert.ok(mine.asked.includes('consent'))
  wait(1)
  await refreshed(client, mine, { scope: params.scope })
  const token = await refreshed(other, theirs)
  const stolen = await client.refresh(token, { scope: params.scope })
  assert.equal(stolen.status, 400)
  assert.match(String(stolen.headers['content-type']), /^application\/json/)
  assert.equal(stolen.body.error, 'invalid_grant')
  soundError(stolen.body.error, stolen.body.error_description)
}

/** A refresh token that nobody guesses: `EnsureMinimumRefreshTokenEntropy`, RFC 6749 §10.10 and §A.17. */
function soundRefreshToken(token: unknown): string {
  assert.match(String(token), /^[\u0020-\u007e]{22,}$/)
  assert.ok(chance(String(token)) > 128)
  return String(token)
}

/** What a sign-in gave, refreshed: `RefreshTokenRequestSteps`. The refresh token that is good from then on. */
async function refreshed(client: RelyingParty, before: Awaited<ReturnType<RelyingParty['signIn']>>, params: Asked = {}): Promise<string> {
  const { body, headers, status, text } = await client.refresh(soundRefreshToken(before.tokens!.refresh_token), params)
  assert.equal(status, 200, text)
  assert.match(String(headers['cache-control']), /no-store/)
  assert.match(String(headers['content-type']), /^application\/json/)
  assert.equal(body.token_type, 'Bearer')
  assert.ok(Number.isInteger(body.expires_in) && body.expires_in > 0)
  assert.match(body.access_token, /^[\u0020-\u007e]{22,}$/)
  assert.ok(chance(body.access_token) > 128)
  assert.notEqual(body.access_token, before.tokens!.access_token)
  assert.equal((await client.userClaims(body.access_token)).sub, before.claims.sub)
  const claims = await client.idToken(body.id_token, { accessToken: body.access_token })
  for (const name of ['iss', 'sub', 'aud', 'auth_time', 'acr', 'azp'] as const) assert.deepEqual(claims[name], before.claims[name], name)
  assert.ok(claims.iat! > before.claims.iat!)
  return soundRefreshToken(body.refresh_token)
}

/** A trial of a module. Each has a browser of its own. */
export async function tryModule(name: ModuleName, trial: Omit<Trial, 'person'>): Promise<void> {
  const module: Module = MODULES[name]
  const person = await aPerson()
  if (!module.anonymous) await person.signIn()
  await module.run({ ...trial, person })
}
