import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, test } from 'node:test'
import { exportJWK, jwtVerify, SignJWT } from 'jose'
import type { Row } from '../../api/model.ts'
import { outgoingOf, useOutgoing } from '../../http/outgoing/client.ts'
import { unique } from '../../../test/builders.ts'
import { assertDone, FlowVisitor } from '../../../test/flows.ts'
import { sendJson } from '../../../test/upstreams/oauth.ts'
import { flowKey, onwards, sourceServer, whoami } from '../../../test/upstreams/sign-in.ts'
import { listen, readForm } from '../../../test/upstreams/upstream.ts'
import { reroute } from '../../../test/upstreams/visit.ts'

/** Providers that do not speak quite as the standards say. */

const server = await sourceServer()
const { app, ctx, admin } = server

/** A server on loopback that stands for others, whose addresses nobody can set. */
async function standIn(serves: string[]) {
  const upstream = { ...(await listen()), serves, people: [], register: () => assert.fail('registers nobody') }
  after(upstream.close)
  const usual = outgoingOf(ctx.config)
  useOutgoing(ctx.config, reroute(usual, upstream))
  return { ...upstream, restore: () => useOutgoing(ctx.config, usual) }
}

async function aSourceOf(provider_type: string, values: Row) {
  const slug = unique(provider_type)
  const made = await admin.post('/api/v3/sources/oauth/', {
    name: slug,
    slug,
    provider_type,
    enrollment_flow: await flowKey(ctx, 'default-source-enrollment'),
    authentication_flow: await flowKey(ctx, 'default-source-authentication'),
    ...values,
  })
  assert.equal(made.status, 201, made.text)
  return slug
}

test('Apple posts its answer, tells the name in the browser once, and is shown a secret that is signed each time', async () => {
  const upstream = await standIn(['https://appleid.apple.com'])
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signer = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = { ...(await exportJWK(signer.publicKey)), kid: 'k', alg: 'RS256', use: 'sig' }
  const sub = `000123.${unique('x')}`
  let nonce = ''
  upstream.serve(async ({ path }, request, response) => {
    if (path === '/.well-known/openid-configuration')
      return sendJson(response, 200, { issuer: 'https://appleid.apple.com', jwks_uri: 'https://appleid.apple.com/auth/keys' })
    if (path === '/auth/keys') return sendJson(response, 200, { keys: [jwk] })
    const form = await readForm(request)
    const { payload, protectedHeader } = await jwtVerify(form.get('client_secret')!, pair.publicKey, {
      audience: 'https://appleid.apple.com',
      issuer: 'TEAM',
      subject: 'org.example.app',
    })
    assert.deepEqual([protectedHeader.kid, form.get('client_id'), form.get('code')], ['KEYID', 'org.example.app', 'a code'])
    assert.ok(payload.exp! - payload.iat! <= 300)
    const id_token = await new SignJWT({ nonce, email: `${sub}@privaterelay.example.test`, email_verified: 'true' })
      .setProtectedHeader({ alg: 'RS256', kid: 'k' })
      .setIssuer('https://appleid.apple.com')
      .setAudience('org.example.app')
      .setSubject(sub)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(signer.privateKey)
    sendJson(response, 200, { access_token: 'a token', token_type: 'Bearer', expires_in: 3600, id_token })
  })
  const slug = await aSourceOf('apple', {
    consumer_key: 'org.example.app;TEAM;KEYID',
    consumer_secret: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  })
  const browser = new FlowVisitor(app)
  const sent = await browser.get(`/source/oauth/login/${slug}/`)
  const asked = new URL(String(sent.headers.location))
  assert.equal(asked.origin + asked.pathname, 'https://appleid.apple.com/auth/authorize')
  assert.deepEqual([asked.searchParams.get('response_mode'), asked.searchParams.get('client_id')], ['form_post', 'org.example.app'])
  nonce = asked.searchParams.get('nonce')!
  const user = JSON.stringify({ name: { firstName: 'Ada', lastName: 'Lovelace' }, email: 'forged@example.test' })
  const back = await browser.request('POST', `/source/oauth/callback/${slug}/`, {
    form: { code: 'a code', state: asked.searchParams.get('state')!, user },
  })
  assert.equal(back.status, 302, back.text)
  assert.equal((await onwards(browser, back.headers.location)).component, 'ak-stage-prompt')
  const username = unique('ada')
  assertDone(await browser.challenge('default-source-enrollment', '', { username }), '/if/user/')
  upstream.restore()
  assert.equal(await whoami(browser), username)
  const made = await ctx.db.selectFrom('user').selectAll().where('username', '=', username).executeTakeFirstOrThrow()
  assert.deepEqual([made.name, made.email], ['Ada Lovelace', `${sub}@privaterelay.example.test`])
  const { identifier } = await ctx.db
    .selectFrom('user_source_connection')
    .select('identifier')
    .where('user', '=', made.id)
    .executeTakeFirstOrThrow()
  assert.equal(identifier, sub)
})

test('WeChat has names of its own for what others call client, and wants questions in the address', async () => {
  const upstream = await standIn(['https://api.weixin.qq.com'])
  const unionid = unique('union')
  upstream.serve(({ path, query, method }, _request, response) => {
    assert.equal(method, 'GET')
    if (path === '/sns/oauth2/access_token') {
      assert.deepEqual([query.get('appid'), query.get('secret'), query.get('code')], ['an app', 'a secret', 'a code'])
      return sendJson(response, 200, { access_token: 'a token', expires_in: 7200, openid: 'an openid' })
    }
    assert.deepEqual([path, query.get('access_token'), query.get('openid')], ['/sns/userinfo', 'a token', 'an openid'])
    sendJson(response, 200, { openid: 'an openid', unionid, nickname: 'Nick' })
  })
  const slug = await aSourceOf('wechat', { consumer_key: 'an app', consumer_secret: 'a secret' })
  const browser = new FlowVisitor(app)
  const asked = new URL(String((await browser.get(`/source/oauth/login/${slug}/`)).headers.location))
  assert.deepEqual([asked.searchParams.get('appid'), asked.searchParams.get('client_id'), asked.hash], ['an app', null, '#wechat_redirect'])
  const back = await browser.get(`/source/oauth/callback/${slug}/?code=a+code&state=${asked.searchParams.get('state')}`)
  assert.equal(back.status, 302, back.text)
  assertDone(await onwards(browser, back.headers.location), '/if/user/')
  upstream.restore()
  assert.equal(await whoami(browser), unionid)
})
