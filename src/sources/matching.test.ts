import assert from 'node:assert/strict'
import { test } from 'node:test'
import { match, type Matching, type MatchingFacts, type MatchingMode } from './matching.ts'

const MODES: MatchingMode[] = ['identifier', 'email_link', 'email_deny', 'username_link', 'username_deny']
const facts = (more: Partial<MatchingFacts>): MatchingFacts => ({
  mode: 'identifier',
  signedIn: null,
  connected: null,
  property: 'ada@example.test',
  emailVerified: undefined,
  candidates: [],
  ...more,
})
const denied = (reason: string) => ({ action: 'deny', reason })

test('a connection that stands decides in every mode, whatever the properties say', () => {
  for (const mode of MODES) {
    const known = { action: 'authenticate', user: 7 }
    assert.deepEqual(match(facts({ mode, connected: 7, candidates: [8], emailVerified: true })), known)
    assert.deepEqual(match(facts({ mode, connected: 7, property: undefined })), known)
    assert.deepEqual(match(facts({ mode, connected: 7, signedIn: 7 })), known)
    assert.deepEqual(match(facts({ mode, connected: 7, signedIn: 8 })), denied('taken'))
    assert.deepEqual(match(facts({ mode, signedIn: 8, candidates: [7], emailVerified: true })), {
      action: 'link',
      user: 8,
      proven: 'session',
    })
  }
})

const CASES: [MatchingMode, Partial<MatchingFacts>, Matching | { action: string; reason: string }][] = [
  ['identifier', { candidates: [7], emailVerified: true }, { action: 'enroll' }],
  ['identifier', { property: undefined }, { action: 'enroll' }],
  ['email_link', {}, { action: 'enroll' }],
  ['email_link', { property: undefined, emailVerified: true }, denied('missing_property')],
  ['email_link', { property: '', emailVerified: true }, denied('missing_property')],
  ['email_link', { candidates: [7], emailVerified: true }, { action: 'link', user: 7, proven: 'email' }],
  ['email_link', { candidates: [7], emailVerified: false }, denied('unverified')],
  ['email_link', { candidates: [7] }, denied('unverified')],
  ['email_link', { candidates: [7, 8], emailVerified: true }, denied('ambiguous')],
  ['email_deny', { candidates: [7], emailVerified: true }, denied('exists')],
  ['email_deny', { candidates: [7, 8] }, denied('exists')],
  ['email_deny', {}, { action: 'enroll' }],
  ['email_deny', { property: undefined }, denied('missing_property')],
  ['username_link', { property: 'ada', candidates: [7], emailVerified: true }, { action: 'prove', user: 7 }],
  ['username_link', { property: 'ada' }, { action: 'enroll' }],
  ['username_link', { property: undefined }, denied('missing_property')],
  ['username_deny', { property: 'ada', candidates: [7] }, denied('exists')],
  ['username_deny', { property: 'ada' }, { action: 'enroll' }],
]

for (const [mode, known, expected] of CASES) {
  test(`${mode} with ${JSON.stringify(known)} comes to ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(match(facts({ mode, ...known })), expected)
  })
}
