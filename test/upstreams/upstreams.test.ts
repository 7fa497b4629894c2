import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import * as oidc from 'openid-client'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { receiver } from '../http-receiver.ts'
import { makeOutgoing } from '../../src/http/outgoing/outgoing.ts'
import { parseAllowed } from '../../src/http/outgoing/addresses.ts'
import { aFacebook } from './facebook.ts'
import { broken, endless, redirects, rewrites, says, silent, stalled } from './faults.ts'
import { aGitHub } from './github.ts'
import { aGoogle } from './google.ts'
import { anOpenIDProvider } from './openid.ts'
import type { Registration, Upstream } from './upstream.ts'
import { reroute, visit } from './visit.ts'

/** The upstreams that tests of login sources use are held to what the real ones publish. */

const BACK = 'https://id.example.test/source/oauth/callback/there/'
const anna = { id: '583231', username: 'anna', name: 'Anna Berg', email: 'anna@example.test', emailVerified: true, groups: ['staff'] }

/** The sign-in of an application: the code that the browser brings back. */
async function codeAt(upstream: Upstream, path: string, { client_id }: Registration, query: Record<string, string> = {}) {
  upstream.signsIn = anna.id
  const asked = new URLSearchParams({ client_id, redirect_uri: BACK, response_type: 'code', state: 'a state', ...query })
  const back = await visit(upstream, `${upstream.origin}${path}?${asked.toString()}`)
  assert.equal(back.searchParams.get('state'), 'a state')
  return back.searchParams.get('code') ?? ''
}

const post = async (url: string, form: Record<string, string>, headers: Record<string, string> = {}) => {
  const answer = await fetch(url, { method: 'POST', body: new URLSearchParams(form), headers: { accept: 'application/json', ...headers } })
  return { status: answer.status, body: (await answer.json()) as any }
}
const get = async (url: string, token: string) => {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  return { status: answer.status, body: (await answer.json()) as any }
}

describe('the OpenID provider', async () => {
  const upstream = await anOpenIDProvider([{ ...anna, claims: { department: 'R & D' } }])
  after(upstream.close)
  const discover = ({ client_id, client_secret }: Registration) =>
    oidc.discovery(new URL(upstream.origin), client_id, client_secret, undefined, { execute: [oidc.allowInsecureRequests] })
  async function signIn(registration: Registration) {
    const config = await discover(registration)
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: BACK,
      scope: 'openid profile email groups',
      state: 'a state',
      nonce: 'a nonce',
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    })
    upstream.signsIn = anna.id
    const back = await visit(upstream, url.href)
    const tokens = await oidc.authorizationCodeGrant(config, back, { pkceCodeVerifier, expectedNonce: 'a nonce', expectedState: 'a state' })
    return { config, tokens }
  }

  test('signs people in for a client that checks everything, and tells who they are', async () => {
    const { config, tokens } = await signIn(upstream.register(BACK))
    const info = await oidc.fetchUserInfo(config, tokens.access_token, anna.id)
    const { sub, preferred_username, nickname, email, email_verified, groups } = info
    assert.deepEqual(
      { sub, preferred_username, nickname, email, email_verified, groups },
      { sub: anna.id, preferred_username: 'anna', nickname: 'anna', email: anna.email, email_verified: true, groups: ['staff'] },
    )
  })

  test('signs with a new key when told to', async () => {
    const registration = upstream.register(BACK)
    const before = await signIn(registration)
    upstream.rotateKeys()
    const keys = await (await fetch(`${upstream.origin}/jwks`)).json()
    await assert.rejects(jwtVerify(before.tokens.id_token!, createLocalJWKSet(keys as never)))
    await signIn(registration)
  })

  test('tells applications of a sign-out', async () => {
    const application = await receiver(() => ({}))
    after(application.close)
    const registration = upstream.register(BACK, `${application.origin}/logout`)
    const { tokens } = await signIn(registration)
    await upstream.signOut(anna.id)
    const keys = createLocalJWKSet((await (await fetch(`${upstream.origin}/jwks`)).json()) as never)
    const real = new URLSearchParams(application.received[0]!.body).get('logout_token')!
    const sid = tokens.claims()!.sid as string
    assert.equal(typeof sid, 'string')
    for (const token of [real, await upstream.logoutToken(registration, { sub: anna.id, sid })]) {
      const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer: upstream.origin, audience: registration.client_id })
      assert.deepEqual([payload.sub, payload.sid, protectedHeader.typ], [anna.id, sid, 'logout+jwt'])
    }
  })

  test('people may say no', async () => {
    upstream.signsIn = 'nobody'
    const { client_id } = upstream.register(BACK)
    const query = new URLSearchParams({ client_id, redirect_uri: BACK, response_type: 'code', scope: 'openid', state: 'x' })
    const back = await visit(upstream, `${upstream.origin}/auth?${query.toString()}`)
    assert.equal(back.searchParams.get('error'), 'access_denied')
  })
})

describe('GitHub', async () => {
  const upstream = await aGitHub([{ ...anna, moreEmails: [{ email: 'old@example.test', verified: true }] }])
  after(upstream.close)
  const TOKEN = `${upstream.origin}/login/oauth/access_token`

  test('hides addresses from the profile, and tells them to those that may ask', async () => {
    const registration = upstream.register(BACK)
    for (const [scope, status] of [
      ['read:user user:email', 200],
      ['read:user', 404],
    ] as const) {
      const code = await codeAt(upstream, '/login/oauth/authorize', registration, { scope })
      const { body } = await post(TOKEN, { ...registration, redirect_uri: BACK, code } as never)
      assert.deepEqual([body.token_type, body.scope], ['bearer', scope.replace(' ', ',')])
      const { body: user } = await get(`${upstream.origin}/user`, body.access_token)
      assert.deepEqual([user.id, user.login, user.email], [583231, 'anna', null])
      const emails = await get(`${upstream.origin}/user/emails`, body.access_token)
      assert.equal(emails.status, status)
      if (status === 200)
        assert.partialDeepStrictEqual(emails.body, [{ primary: false }, { email: anna.email, primary: true, verified: true }])
    }
  })

  test('takes a code once, and says so with status 200; answers in forms unless asked for JSON', async () => {
    const registration = upstream.register(BACK)
    const code = await codeAt(upstream, '/login/oauth/authorize', registration)
    const form = { ...registration, redirect_uri: BACK, code } as never
    const first = await fetch(TOKEN, { method: 'POST', body: new URLSearchParams(form) })
    assert.match(await first.text(), /^access_token=\w+&scope=&token_type=bearer$/)
    const again = await post(TOKEN, form)
    assert.deepEqual([again.status, again.body.error], [200, 'bad_verification_code'])
    const wrong = await post(TOKEN, { ...(form as object), client_secret: 'wrong' })
    assert.equal(wrong.body.error, 'incorrect_client_credentials')
  })
})

test('Google tells the identifier by version, and what the scopes allow', async () => {
  const upstream = await aGoogle([anna])
  after(upstream.close)
  const registration = upstream.register(BACK)
  const code = await codeAt(upstream, '/o/oauth2/auth', registration, { scope: 'email profile' })
  const { body } = await post(`${upstream.origin}/token`, { ...registration, redirect_uri: BACK, code } as never)
  assert.equal(body.token_type, 'Bearer')
  const one = await get(`${upstream.origin}/oauth2/v1/userinfo`, body.access_token)
  assert.partialDeepStrictEqual(one.body, { id: anna.id, email: anna.email, verified_email: true, name: anna.name })
  const three = await get(`${upstream.origin}/oauth2/v3/userinfo`, body.access_token)
  assert.partialDeepStrictEqual(three.body, { sub: anna.id, email_verified: true })
  assert.equal((await get(`${upstream.origin}/oauth2/v1/userinfo`, 'wrong')).status, 401)
})

test('Facebook tells what `fields` names, and takes no HTTP Basic', async () => {
  const upstream = await aFacebook([anna])
  after(upstream.close)
  const registration = upstream.register(BACK)
  const code = await codeAt(upstream, '/v7.0/dialog/oauth', registration, { scope: 'email' })
  const url = `${upstream.origin}/v7.0/oauth/access_token`
  const { client_id, client_secret } = registration
  const basic = { authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` }
  assert.equal((await post(url, { redirect_uri: BACK, code }, basic)).body.error.type, 'OAuthException')
  const { body } = await post(url, { client_id, client_secret, redirect_uri: BACK, code })
  assert.deepEqual((await get(`${upstream.origin}/v7.0/me`, body.access_token)).body, { id: anna.id, name: anna.name })
  const all = await get(`${upstream.origin}/me?fields=id,name,email`, body.access_token)
  assert.deepEqual(all.body, { id: anna.id, name: anna.name, email: anna.email })
})

test('answers go wrong as told, and the addresses of the real ones lead to loopback', async () => {
  const upstream = await aGoogle([anna])
  after(upstream.close)
  const { host } = new URL(upstream.origin)
  const outgoing = reroute(makeOutgoing([parseAllowed(host.split(':')[0]!)!]), upstream)
  const URL_THERE = 'https://www.googleapis.com/oauth2/v1/userinfo'
  const ask = (options = {}) => outgoing(URL_THERE, options)
  assert.equal((await ask()).status, 401)
  const path = '/oauth2/v1/userinfo'
  for (const fault of [silent, stalled]) {
    upstream.faults.set(path, fault)
    await assert.rejects(ask({ timeout: 50 }), { code: 'timeout' })
  }
  upstream.faults.set(path, broken)
  await assert.rejects(ask(), { code: 'connect' })
  upstream.faults.set(path, endless)
  await assert.rejects(ask(), { code: 'too_large' })
  upstream.faults.set(path, redirects(`${upstream.origin}${path}`))
  await assert.rejects(ask(), { code: 'redirects' })
  upstream.faults.set(path, says(502, 'no JSON'))
  assert.equal(Buffer.from((await ask()).body).toString(), 'no JSON')
  upstream.faults.set(
    path,
    rewrites(json => ({ ...json, more: true })),
  )
  assert.equal((JSON.parse(Buffer.from((await ask()).body).toString()) as { more: boolean }).more, true)
})
