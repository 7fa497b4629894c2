/** Requests that are sent ahead, and their challenges. */
import assert from 'node:assert/strict'
import { aPerson } from './driver.ts'
import { buys, endsBadly, pushRefused, type FapiModule } from './fapi-module.ts'
import { refused, type FapiClient, type Sent } from './fapi.ts'

/** A request that is not there for this client any more, or never was: the client hears of it, or the person sees a page that says so. */
async function hasRunOut(client: FapiClient, ending: Awaited<ReturnType<FapiClient['go']>>): Promise<void> {
  if (ending.page) assert.match(ending.page.text, /This sign-in has run out/)
  await endsBadly(client, ending, 'invalid_request_uri')
}

export const PUSHED: Readonly<Record<string, FapiModule>> = {
  'par-ensure-reused-request-uri-prior-to-auth-completion-succeeds': {
    says: 'a request may be opened again until it is granted',
    async run({ client }) {
      const stranger = await aPerson() // whom the first visit takes to the sign-in page
      const sent = await client.push()
      const path = await client.party.endpoint('authorization')
      const query = new URLSearchParams({ client_id: client.party.clientId, request_uri: sent.answer.body.request_uri })
      assert.match(String((await stranger.browser.get(`${path}?${query.toString()}`)).headers.location), /\/if\/flow\//)
      assert.ok((await client.response(await client.go(stranger, sent))).get('code'))
    },
  },
  'par-attempt-reuse-request_uri': {
    says: 'and not after',
    async run({ client, person }) {
      const sent = await client.push()
      assert.ok((await client.response(await client.go(person, sent))).get('code'))
      await hasRunOut(client, await client.go(person, sent))
    },
  },
  'par-attempt-to-use-expired-request_uri': {
    says: 'a request that was pushed is over in less than ten minutes',
    async run({ client, person }) {
      const sent = await client.push()
      assert.ok(sent.answer.body.expires_in > 4 && sent.answer.body.expires_in < 600)
      client.wait(sent.answer.body.expires_in + 1)
      await hasRunOut(client, await client.go(person, sent))
    },
  },
  'par-attempt-to-use-request_uri-for-different-client': {
    says: 'a pushed request is of no use to another client',
    async run({ client, other, person }) {
      const sent = await other.push()
      await hasRunOut(client, await client.go(person, sent))
    },
  },
  'par-authorization-request-containing-request_uri-form-param': {
    says: 'a pushed request names no other',
    run: async ({ client }) =>
      refused(
        await client.push({}, { outside: { request_uri: 'urn:ietf:params:oauth:request_uri:x' } }),
        'invalid_request',
        'invalid_request_object',
      ),
  },
  'par-attempt-invalid-http-method': {
    says: 'requests are pushed by POST alone',
    async run({ client }) {
      for (const method of ['GET', 'PUT', 'DELETE'])
        assert.equal((await client.party.server.client().request(method, '/application/o/par/')).status, 405, method)
    },
  },
  'par-ensure-pkce-required': pushRefused(
    'a request without a challenge is refused',
    { code_challenge: undefined, code_challenge_method: undefined },
    'invalid_request',
  ),
  'ensure-pkce-code-verifier-required': {
    says: 'a code is not redeemed without its verifier',
    run: async ({ client, person }) => refused({ answer: await buys(client, person, { code_verifier: undefined }) }, 'invalid_grant'),
  },
  'incorrect-pkce-code-verifier-rejected': {
    says: 'nor with another',
    run: async ({ client, person }) => refused({ answer: await buys(client, person, { code_verifier: 'x'.repeat(43) }) }, 'invalid_grant'),
  },
  'par-plain-pkce-rejected': pushRefused(
    'nor is a challenge taken that shows its verifier',
    { code_challenge_method: 'plain', code_challenge: 'y'.repeat(43) },
    'invalid_request',
  ),
  'par-without-duplicate-parameters': {
    says: 'nothing but the client and the request goes by the browser',
    async run({ client, person }) {
      const sent: Sent = await client.push()
      assert.ok((await client.response(await client.go(person, sent))).get('code'))
      // Most modules let the browser carry what OAuth 2.0 wants there, too.
      const again = await client.push()
      const duplicates = { response_type: 'code', scope: client.scope, redirect_uri: client.redirectUri }
      assert.ok((await client.response(await client.go(person, again, duplicates))).get('code'))
    },
  },
}
