import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseScope, readParameters } from './parameters.ts'
import { isChallenge, verifierMatches } from './authorize/pkce.ts'

test('a parameter sent twice has no value and is a fault (RFC 6749 §3.1)', () => {
  const params = readParameters('a=1&b=2&a=3')
  assert.equal(params.get('a'), undefined)
  assert.equal(params.get('b'), '2')
  assert.match(params.fault!.why, /a is repeated/)
})

test('a parameter without a value is as if it were omitted (RFC 6749 §3.1)', () => {
  const params = readParameters('a=&b=2')
  assert.equal(params.get('a'), undefined)
  assert.equal(params.fault, undefined)
})

test('requests are bounded in size, number and length', () => {
  assert.equal(readParameters(`a=${'x'.repeat(60_000)}`).fault?.name, '')
  assert.equal(readParameters(Array.from({ length: 65 }, (_, index) => `p${index}=1`).join('&')).fault?.name, '')
  assert.equal(readParameters(`state=${'x'.repeat(4_097)}`).fault?.name, 'state')
  assert.equal(readParameters(`state=${'x'.repeat(4_096)}`).fault, undefined)
  assert.equal(readParameters('state=a%00b').fault?.name, 'state')
})

test('names of scopes are tokens, and not too many (RFC 6749 §3.3)', () => {
  assert.deepEqual(parseScope('openid  email openid'), ['openid', 'email'])
  assert.deepEqual(parseScope(undefined), [])
  assert.equal(parseScope('a"b'), undefined)
  assert.equal(parseScope('a\\b'), undefined)
  assert.equal(parseScope(Array.from({ length: 65 }, (_, index) => `s${index}`).join(' ')), undefined)
})

test('verifier and challenge fit as in the example of RFC 7636 appendix B', () => {
  const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
  const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
  assert.ok(verifierMatches(verifier, challenge, 'S256'))
  assert.ok(!verifierMatches(`${verifier}x`, challenge, 'S256'))
  assert.ok(verifierMatches(verifier, verifier, 'plain'))
  assert.ok(!verifierMatches(verifier, challenge, 'plain'))
  assert.ok(!verifierMatches('short', 'short', 'plain'), '43 characters at least (§4.1)')
  assert.ok(!verifierMatches('x'.repeat(129), 'x'.repeat(129), 'plain'), '128 at most')
  assert.ok(isChallenge(challenge, 'S256'))
  assert.ok(!isChallenge(`${challenge}=`, 'S256'))
})
