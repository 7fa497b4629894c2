import assert from 'node:assert/strict'
import type { Party } from '../src/providers/oauth2/fixture.ts'
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
