/** RP-Initiated Logout OP: `oidcc-rp-initiated-logout-certification-test-plan`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import type { Person, RelyingParty } from './driver.ts'
import {
  aClientToLeave,
  aRegisteredClientToLeave,
  assertBack,
  assertDiscovered,
  assertSignedOut,
  BYE,
  leave,
  RESPONSE_TYPES,
  somebodyIn,
  STATE,
} from './logout.ts'

let client: Promise<RelyingParty> | undefined
const theClient = () => (client ??= aClientToLeave())
let sharing: Promise<RelyingParty> | undefined
let registered: Promise<RelyingParty> | undefined

/** With which response type, by which client. */
const VARIANTS: readonly (readonly [says: string, type: string, client: () => Promise<RelyingParty>])[] = [
  ...RESPONSE_TYPES.map(type => [type, type, theClient] as const),
  ['code, one issuer', 'code', () => (sharing ??= aClientToLeave({ issuer_mode: 'global' }))],
  ['code, a client that registered itself', 'code', () => (registered ??= aRegisteredClientToLeave())],
]

type Trial = { client: RelyingParty; person: Person; idToken: string; state: string; claims: Record<string, unknown> }

/** One module, for each response type of the plan. */
function module(name: string, says: string, run: (trial: Trial) => Promise<void>): void {
  for (const [variant, type, clientOf] of VARIANTS) {
    void test(`${name}: ${says} (${variant})`, async () => {
      const party = await clientOf()
      await run({ client: party, state: STATE, ...(await somebodyIn(party, type)) })
    })
  }
}

/** What a client sends that does everything right. */
const good = ({ idToken, state }: Trial) => ({ id_token_hint: idToken, post_logout_redirect_uri: BYE, state })

/** The browser must not come back; the person is asked, or told what is wrong. */
async function staysHere({ client, person }: Trial, params: Record<string, string>): Promise<void> {
  const asked = await leave(client, person, params, { agree: false })
  assert.equal(asked.to, undefined)
  assert.equal(asked.shown[0]?.component, 'ak-stage-consent')
  const agreed = await leave(client, person, params)
  assert.equal(agreed.to, undefined, 'also when the person agrees')
  assert.equal(agreed.shown.at(-1)?.component, 'ak-stage-session-end')
}

/** The person is signed out and sees that. */
async function saysGoodbye({ client, person }: Trial, params: Record<string, string>): Promise<void> {
  const { to, shown } = await leave(client, person, params)
  assert.equal(to, undefined)
  assert.equal(shown.at(-1)?.component, 'ak-stage-session-end')
  await assertSignedOut(client, person)
}

void test('oidcc-rp-initiated-logout-discovery-endpoint-verification: the document names where to sign out', async () => {
  await assertDiscovered(await theClient(), {})
})

module('oidcc-rp-initiated-logout', 'with a hint and a registered address the browser comes back, signed out', async trial => {
  const { client, person, state } = trial
  await assertBack(client, person, await leave(client, person, good(trial)), state)
})

module('oidcc-rp-initiated-logout-no-state', 'without a state none comes back', async ({ client, person, idToken }) => {
  await assertBack(client, person, await leave(client, person, { id_token_hint: idToken, post_logout_redirect_uri: BYE }), null)
})

module('oidcc-rp-initiated-logout-bad-post-logout-redirect-uri', 'an address that is not registered gets nobody', trial =>
  staysHere(trial, { ...good(trial), post_logout_redirect_uri: 'https://app.example.test/test/a/other' }),
)

module('oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri', 'a registered address with a query added is another', trial =>
  staysHere(trial, { ...good(trial), post_logout_redirect_uri: `${BYE}?foo=bar` }),
)

module('oidcc-rp-initiated-logout-bad-id-token-hint', 'a hint that somebody else signed is none', async trial => {
  const { clientId, issuer, provider } = trial.client
  const { privateKey } = await generateKeyPair('RS256')
  const bySecret = new TextEncoder().encode(String(provider.client_secret))
  const now = Math.floor(trial.client.server.deps.now().getTime() / 1000)
  const ofClient = { iss: clientId, sub: 'SubjectID', aud: issuer, nonce: 'flibble', iat: now, exp: now + 300 } // as the suite makes one
  for (const claims of [trial.claims, ofClient])
    for (const [alg, key] of [['RS256', privateKey] as const, ['HS256', bySecret] as const]) {
      const forged = await new SignJWT(claims).setProtectedHeader({ alg }).sign(key)
      const asked = await leave(trial.client, trial.person, { ...good(trial), id_token_hint: forged }, { agree: false })
      assert.equal(asked.to, undefined)
      assert.equal(asked.shown[0]?.component, 'ak-stage-consent')
    }
  await staysHere(trial, {
    ...good(trial),
    id_token_hint: await new SignJWT(ofClient).setProtectedHeader({ alg: 'RS256' }).sign(privateKey),
  })
})

module('oidcc-rp-initiated-logout-modified-id-token-hint', 'a hint without its signature is none', async trial => {
  const bare = new UnsecuredJWT(trial.claims).encode()
  await staysHere(trial, { ...good(trial), id_token_hint: bare })
})

module('oidcc-rp-initiated-logout-no-id-token-hint', 'without a hint the person is asked, and only who agrees goes back', async trial => {
  const { client, person, state } = trial
  const params = { post_logout_redirect_uri: BYE, state }
  for (const asked of [params, { ...params, client_id: client.clientId }]) {
    const { to, shown } = await leave(client, person, asked, { agree: false })
    assert.equal(to, undefined)
    assert.equal(shown[0]?.component, 'ak-stage-consent')
  }
  // Where clients share an endpoint, they say who they are.
  await assertBack(client, person, await leave(client, person, { ...params, client_id: client.clientId }), state)
})

module('oidcc-rp-initiated-logout-no-params', 'without parameters the person is asked and signed out', trial => saysGoodbye(trial, {}))

module('oidcc-rp-initiated-logout-no-post-logout-redirect-uri', 'without an address the person is signed out and told so', trial =>
  saysGoodbye(trial, { id_token_hint: trial.idToken, state: trial.state }),
)

module('oidcc-rp-initiated-logout-only-state', 'a state alone changes nothing', trial => saysGoodbye(trial, { state: trial.state }))
