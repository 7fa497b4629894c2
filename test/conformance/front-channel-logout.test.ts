/** Front-Channel Logout OP: `oidcc-frontchannel-rp-initiated-logout-certification-test-plan`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  aClientToLeave,
  aRegisteredClientToLeave,
  assertBack,
  assertDiscovered,
  BYE,
  leave,
  RESPONSE_TYPES,
  somebodyIn,
  STATE,
} from './logout.ts'

const LISTENS = 'https://app.example.test/test/a/frontchannel_logout'
const aListener = (values = {}) => aClientToLeave({ logout_method: 'frontchannel', logout_uri: LISTENS, ...values })

void test('oidcc-frontchannel-logout-discovery-endpoint-verification: the document offers it, with sessions', async () => {
  await assertDiscovered(await aListener(), { frontchannel_logout_supported: true, frontchannel_logout_session_supported: true })
})

const REGISTERED = { frontchannel_logout_uri: LISTENS, frontchannel_logout_session_required: true }
const VARIANTS = [
  ...RESPONSE_TYPES.map(type => [type, type, () => aListener()] as const),
  ['code, one issuer', 'code', () => aListener({ issuer_mode: 'global' })] as const,
  ['code, a client that registered itself', 'code', () => aRegisteredClientToLeave(REGISTERED)] as const,
]

for (const [variant, type, clientOf] of VARIANTS) {
  void test(`oidcc-frontchannel-rp-initiated-logout: the browser opens the client’s address with iss and sid, then comes back (${variant})`, async () => {
    const client = await clientOf()
    const { person, idToken, claims } = await somebodyIn(client, type)
    const state = STATE
    const left = await leave(client, person, { id_token_hint: idToken, post_logout_redirect_uri: BYE, state })
    const [frames] = left.shown
    assert.equal(frames?.component, 'ak-provider-iframe-logout')
    const [opened, ...more] = frames.logout_urls as { url: string }[]
    assert.equal(more.length, 0)
    const url = new URL(opened!.url)
    assert.equal(url.origin + url.pathname, LISTENS)
    assert.deepEqual(Object.fromEntries(url.searchParams), { iss: client.issuer, sid: claims.sid })
    await assertBack(client, person, left, state)
  })
}
