import assert from 'node:assert/strict'
import { oauthServer, type Party, type SignedIn } from '../src/providers/oauth2/fixture.ts'
import type { Visitor } from './visitor.ts'

/** What refused grants look like, RFC 6749 §5.2. */
export const invalidGrant = { status: 400, body: { error: 'invalid_grant' } }

/** Each of these redirect URIs is answered with a page of ours, and nobody is sent anywhere. */
export async function everyRefused(party: Party, browser: Visitor, uris: readonly string[]): Promise<void> {
  for (const redirect_uri of uris) {
    const answer = await party.authorize(browser, { redirect_uri })
    assert.equal(answer.status, 400, redirect_uri)
    assert.equal(answer.headers.location, undefined, redirect_uri)
  }
}

/** Puts what one person's session remembers, the plan of a flow with it, into the session of another. */
export async function movePlan(from: SignedIn, to: SignedIn): Promise<void> {
  const { ctx } = await oauthServer()
  const { data } = await ctx.db
    .selectFrom('session')
    .select('data')
    .where('session_hash', '=', from.session.session_hash)
    .executeTakeFirstOrThrow()
  await ctx.db
    .updateTable('session')
    .set({ data: JSON.stringify(data) })
    .where('session_hash', '=', to.session.session_hash)
    .execute()
}

/** The person at the page that a device sends them to: opens the address, and says yes to what is asked. Answers what that leads to. */
export async function letIn(browser: Visitor, address: string): Promise<Record<string, any>> {
  const opened = await browser.follow(address)
  const slug = /\/if\/flow\/([^/]+)\//.exec(opened.path)?.[1]
  assert.ok(slug, opened.path)
  let shown = await browser.challenge(slug, '')
  assert.equal(shown.component, 'ak-stage-consent')
  while (shown.component === 'ak-stage-consent')
    shown = await browser.challenge(slug, '', { component: shown.component, token: shown.token })
  return shown
}

export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

/** A session ends by its own age; nobody has cleaned up yet. */
export async function expire({ session }: Pick<SignedIn, 'session'>): Promise<void> {
  const { ctx } = await oauthServer()
  await ctx.db
    .updateTable('session')
    .set({ expires: new Date(ctx.now().getTime() - 1) })
    .where('session_hash', '=', session.session_hash)
    .execute()
}
