import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Visitor } from '../../../../test/visitor.ts'
import { aParty, aSignedInBrowser, oauthServer, pkce, type Party } from '../fixture.ts'

const CONSENT = 'default-provider-authorization-explicit-consent'

/** Signs somebody in to an application that asks for consent; the tokens. */
async function letIn(party: Party, browser: Visitor, scope: string) {
  const { verifier, challenge } = pkce()
  const sent = await party.authorize(browser, { scope, code_challenge: challenge, code_challenge_method: 'S256' })
  let to = String(sent.headers.location)
  if (to.includes('/if/flow/')) {
    const { token } = await browser.challenge(CONSENT, '')
    to = (await browser.challenge(CONSENT, '', { component: 'ak-stage-consent', token })).to
  }
  return (await party.exchange(new URL(to).searchParams.get('code')!, { code_verifier: verifier })).body
}

/** The text of each line of a section, and what its button would delete. */
async function lines(browser: Visitor, section: 'access' | 'sessions', language = 'en') {
  const { text } = await browser.get(`/if/user/?locale=${language}`)
  const part = new RegExp(`<section class="connected" aria-labelledby="${section}">([\\s\\S]*?)</section>`).exec(text)![1]!
  return [...part.matchAll(/<li>([\s\S]*?)<\/li>/g)].map(([, line]) => ({
    text: line!
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim(),
    paths: /data-remove="([^"]*)"/.exec(line!)?.[1]?.split(' ') ?? [],
  }))
}

test('people see what they let applications have, and withdraw it', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { browser } = await aSignedInBrowser()
  assert.deepEqual(await lines(browser, 'access'), [])
  assert.match((await browser.get('/if/user/')).text, /<p class="none"\s*>No application has been let in yet/)
  const { refresh_token, access_token } = await letIn(party, browser, 'openid email offline_access')
  const [line, ...others] = await lines(browser, 'access')
  assert.deepEqual(others, [])
  assert.match(line!.text, new RegExp(`${party.slug} An identifier, .+ · Your email address · Access while you are away`))
  assert.match(line!.text, /Until \w+ \d+, \d{4} Withdraw$/)
  assert.match((await lines(browser, 'access', 'de'))[0]!.text, / · Ihre E-Mail-Adresse · Zugriff, während Sie nicht da sind/)
  assert.equal(line!.paths.length, 1, 'what goes with the consent is not deleted by itself')
  // Somebody else neither sees nor withdraws it.
  const other = await aSignedInBrowser()
  assert.deepEqual(await lines(other.browser, 'access'), [])
  assert.equal((await other.browser.request('DELETE', line!.paths[0]!)).status, 204, 'of oneself alone')
  assert.equal((await party.userinfo(access_token)).status, 200)
  assert.equal((await browser.request('DELETE', line!.paths[0]!)).status, 204)
  assert.deepEqual(await lines(browser, 'access'), [])
  assert.equal((await party.userinfo(access_token)).status, 401)
  assert.equal((await party.refresh(refresh_token)).body.error, 'invalid_grant')
})

test('an application that asked for no consent and may go on by itself stands there too', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const { refresh_token } = await party.tokens(browser, { scope: 'openid offline_access' })
  const [line] = await lines(browser, 'access')
  assert.match(line!.text, /Access while you are away/)
  for (const path of line!.paths) assert.equal((await browser.request('DELETE', path)).status, 204)
  assert.equal((await party.refresh(refresh_token)).body.error, 'invalid_grant')
  assert.deepEqual(await lines(browser, 'access'), [])
  await party.tokens(browser, { scope: 'openid' })
  assert.deepEqual(await lines(browser, 'access'), [], 'signing in alone leaves nothing to withdraw')
})

test('16 what is withdrawn ends at once, whether or not there was a consent: every token of the person, code and device', async () => {
  const party = await aParty()
  const [one, other] = [await aSignedInBrowser(), await aSignedInBrowser()]
  const away = await party.tokens(one.browser, { scope: 'openid offline_access' })
  const here = await party.tokens(one.browser, { scope: 'openid' })
  const theirs = await party.tokens(other.browser, { scope: 'openid offline_access' })
  const { verifier, challenge } = pkce()
  const unspent = await party.code(one.browser, { code_challenge: challenge, code_challenge_method: 'S256' })
  const [line] = await lines(one.browser, 'access')
  for (const path of line!.paths) assert.equal((await one.browser.request('DELETE', path)).status, 204)
  for (const { access_token: token } of [away, here]) assert.equal((await party.userinfo(token)).status, 401)
  assert.equal((await party.refresh(away.refresh_token)).body.error, 'invalid_grant')
  assert.equal((await party.exchange(unspent, { code_verifier: verifier })).body.error, 'invalid_grant')
  assert.equal((await party.userinfo(theirs.access_token)).status, 200)
  assert.equal((await party.refresh(theirs.refresh_token)).status, 200)
  const { ctx } = party.server
  const logged = await ctx.db.selectFrom('event').select(['user', 'context']).where('action', '=', 'model_deleted').execute()
  type Logged = { user: { pk: number }; context: { model: { model_name: string } } }
  const theirOwn = (logged as unknown as Logged[]).filter(event => event.user.pk === one.user.id)
  assert.deepEqual(
    theirOwn.map(event => event.context.model.model_name),
    ['refreshtoken'],
  )
})

test('16 a refresh token that is deleted takes the access tokens of its grant along, and one that was replaced takes nothing', async () => {
  const party = await aParty()
  const { browser } = await aSignedInBrowser()
  const path = '/api/v3/oauth2/refresh_tokens/'
  const first = await party.tokens(browser, { scope: 'openid offline_access' })
  const next = (await party.refresh(first.refresh_token)).body
  const { results } = (await browser.get(path)).body
  const [replaced, living] = [true, false].map(revoked => results.find((token: { revoked: boolean }) => token.revoked === revoked))
  assert.equal((await browser.request('DELETE', `${path}${replaced.pk}/`)).status, 204)
  assert.equal((await party.userinfo(next.access_token)).status, 200)
  assert.equal((await browser.request('DELETE', `${path}${living.pk}/`)).status, 204)
  for (const { access_token: token } of [first, next]) assert.equal((await party.userinfo(token)).status, 401)
})

test('what names no application is not found', async () => {
  const { browser } = await aSignedInBrowser()
  for (const key of ['x', '8d0f6f0e-6f0e-4f0e-8f0e-6f0e4f0e8f0e'])
    assert.equal((await browser.request('DELETE', `/api/v3/signet/own_access/${key}/`)).status, 404)
})

test('a consent that ran out is not shown', async () => {
  const party = await aParty({ consent: 'explicit' })
  const { clock } = await oauthServer()
  const { browser } = await aSignedInBrowser(undefined, { lifetime: 90 * 86_400_000 })
  await letIn(party, browser, 'openid email')
  assert.equal((await lines(browser, 'access')).length, 1)
  clock.advance(29 * 86_400_000)
  try {
    assert.deepEqual(await lines(browser, 'access'), [])
  } finally {
    clock.reset()
  }
})

test('31 people see the browsers that they are signed in with, and end all but this one from there', async () => {
  const { browser, user } = await aSignedInBrowser()
  const away = await aSignedInBrowser(user)
  const [here, there, ...others] = await lines(browser, 'sessions')
  assert.deepEqual(others, [])
  assert.match(here!.text, /This browser/)
  assert.deepEqual(here!.paths, [])
  assert.equal((await browser.request('DELETE', there!.paths[0]!)).status, 204)
  assert.equal((await away.browser.get('/if/user/')).status, 302)
  assert.equal((await lines(browser, 'sessions')).length, 1)
})
