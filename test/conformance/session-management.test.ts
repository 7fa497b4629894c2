/** Session Management OP: `oidcc-session-management-certification-test-plan`. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { aClientToLeave, assertBack, assertDiscovered, BYE, leave, RESPONSE_TYPES, somebodyIn } from './logout.ts'
import { REDIRECT_URI, type Person, type RelyingParty } from './driver.ts'

void test('oidcc-session-management-discovery-endpoint-verification: the document names the page that clients ask', async () => {
  const client = await aClientToLeave()
  await assertDiscovered(client, {})
  assert.match(String((await client.metadata()).check_session_iframe), /^https:\/\//)
})

/** What the provider's page, which reads one cookie, tells a client's page (§3.2); test/e2e/ asks the page itself. */
function answerOf(client: RelyingParty, { browser }: Person, sessionState: string): 'changed' | 'unchanged' {
  const [hash, salt] = sessionState.split('.')
  const said = [client.clientId, new URL(REDIRECT_URI).origin, browser.cookies.get('authentik_browser_state') ?? '', salt].join(' ')
  return createHash('sha256').update(said).digest('hex') === hash ? 'unchanged' : 'changed'
}

const VARIANTS = [
  ...RESPONSE_TYPES.map(type => [type, type, {}] as const),
  ['code, one issuer', 'code', { issuer_mode: 'global' }] as const,
]

for (const [variant, type, values] of VARIANTS) {
  void test(`oidcc-session-management-rp-initiated-logout: the state is unchanged until the person signs out (${variant})`, async () => {
    const client = await aClientToLeave(values)
    const { person, idToken, parameters } = await somebodyIn(client, type)
    const sessionState = parameters.get('session_state')
    assert.ok(sessionState, 'the response has a session_state')
    assert.ok(!sessionState.includes(' '), '§2: no blanks')
    const page = await person.browser.get(await client.endpoint('check_session_iframe'))
    assert.equal(page.status, 200)
    assert.equal(answerOf(client, person, sessionState), 'unchanged')
    const left = await leave(client, person, { id_token_hint: idToken, post_logout_redirect_uri: BYE, state: 'a state' })
    assert.equal(answerOf(client, person, sessionState), 'changed')
    await assertBack(client, person, left, 'a state')
  })
}
