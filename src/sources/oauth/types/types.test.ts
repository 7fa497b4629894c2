import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contractDocument } from '../../../../test/contract/schema.ts'
import type { Row } from '../../../api/model.ts'
import { clientAuthOf, pkceOf, scopesOf, urlOf } from '../settings.ts'
import { PROVIDER_TYPES, providerType } from './index.ts'
import { github } from './social.ts'

/** What a provider answers, and who that is: identifier, user name, address, name, whether the address is vouched for. */
const ANSWERS: Record<string, [answer: Row, ...read: unknown[]]> = {
  openidconnect: [
    { sub: 's1', nickname: 'nick', preferred_username: 'pref', email: 'a@x.test', email_verified: true, name: 'A' },
    's1',
    'nick',
    'a@x.test',
    'A',
    true,
  ],
  okta: [{ sub: 's1', preferred_username: 'pref', email: 'a@x.test', email_verified: 'true' }, 's1', 'pref', 'a@x.test', null, true],
  apple: [
    { sub: '001.a', email: 'x@privaterelay.appleid.com', email_verified: 'true' },
    '001.a',
    undefined,
    'x@privaterelay.appleid.com',
    null,
    true,
  ],
  discord: [
    { id: '80351110224678912', username: 'nelly', global_name: 'Nelly', email: 'nelly@x.test', verified: false },
    '80351110224678912',
    'nelly',
    'nelly@x.test',
    'nelly',
    false,
  ],
  entraid: [
    { id: '87d349ed', userPrincipalName: 'adele@corp.test', mail: 'adele@corp.test', displayName: 'Adele' },
    '87d349ed',
    'adele@corp.test',
    'adele@corp.test',
    'Adele',
    undefined,
  ],
  facebook: [{ id: '10', name: 'Jane Doe', email: 'jane@x.test' }, '10', 'Jane Doe', 'jane@x.test', 'Jane Doe', true],
  github: [{ id: 1, login: 'octocat', name: 'mona', email: null }, '1', 'octocat', null, 'mona', undefined],
  gitlab: [
    { sub: '12', nickname: 'n', preferred_username: 'jo', email: 'jo@x.test', email_verified: true, name: 'Jo' },
    '12',
    'jo',
    'jo@x.test',
    'Jo',
    true,
  ],
  google: [{ id: '117', email: 'g@gmail.test', verified_email: true, name: 'G' }, '117', undefined, 'g@gmail.test', 'G', true],
  mailcow: [
    { success: true, username: 'm@x.test', id: 'm@x.test', email: 'm@x.test', full_name: 'Em', active: 1 },
    'm@x.test',
    'Em',
    'm@x.test',
    'Em',
    true,
  ],
  patreon: [
    { data: { id: '9', type: 'user', attributes: { email: 'p@x.test', full_name: 'Pat', is_email_verified: false, vanity: 'pat' } } },
    '9',
    'pat',
    'p@x.test',
    'Pat',
    false,
  ],
  reddit: [{ id: 'abc', name: 'snoo' }, 'abc', 'snoo', null, 'snoo', undefined],
  slack: [{ sub: 'U1', email: 's@x.test', email_verified: true, name: 'S' }, 'U1', null, 's@x.test', 'S', true],
  twitch: [{ sub: '7', preferred_username: 'tw', email: 't@x.test', email_verified: true }, '7', 'tw', 't@x.test', 'tw', true],
  twitter: [{ data: { id: '2244', name: 'Dev', username: 'dev' } }, '2244', 'dev', null, 'Dev', undefined],
  wechat: [{ openid: 'o1', unionid: 'u1', nickname: 'Wei' }, 'u1', 'u1', null, 'Wei', undefined],
}

test('there are the types of the contract, each with the addresses that it needs', () => {
  const { components } = contractDocument() as { components: { schemas: Record<string, { enum?: string[] }> } }
  assert.deepEqual(
    PROVIDER_TYPES.map(({ name }) => name),
    components.schemas.ProviderTypeEnum!.enum,
  )
  for (const type of PROVIDER_TYPES) {
    const own = [type.authorization_url, type.access_token_url]
    assert.ok(type.urls_customizable || own.every(url => url?.startsWith('https://')), type.name)
    if (!type.urls_customizable && type.profileFrom === 'url') assert.ok(type.profile_url?.startsWith('https://'), type.name)
  }
})

test('every type reads who it is from what its provider answers', () => {
  for (const type of PROVIDER_TYPES) {
    const [answer, identifier, username, email, name, verified] = ANSWERS[type.name]!
    const profile = type.read(answer)
    const { properties: told } = profile
    assert.deepEqual(
      [profile.identifier, told.username, told.email, told.name, profile.emailVerified],
      [identifier, username, email, name, verified],
      type.name,
    )
  }
})

test('an answer of another shape names nobody and vouches for nothing', () => {
  const odd = [
    {},
    { id: {}, sub: [], data: 7, email: ['a@x.test'], verified: 1, email_verified: 1, verified_email: 'yes' },
    { id: '', sub: '' },
  ]
  for (const type of PROVIDER_TYPES) {
    for (const answer of odd) {
      const { identifier, emailVerified, properties } = type.read(answer)
      assert.deepEqual([identifier, emailVerified ?? false, properties.email ?? null], [undefined, false, null], type.name)
    }
  }
})

test('GitHub vouches for the addresses of its list that are verified', async () => {
  const list = [
    { email: 'old@x.test', primary: false, verified: false },
    { email: 'main@x.test', primary: true, verified: true },
  ]
  const complete = async (info: Row, answer = async (): Promise<unknown> => list) => {
    const whole = await github.complete!(info, { ask: answer, profileUrl: 'https://api.github.com/user', scopes: [] })
    const { properties, emailVerified } = github.read(whole)
    return [properties.email, emailVerified]
  }
  assert.deepEqual(await complete({ id: 1, email: null }), ['main@x.test', true])
  assert.deepEqual(await complete({ id: 1, email: 'old@x.test' }), ['old@x.test', false])
  assert.deepEqual(await complete({ id: 1, email: 'elsewhere@x.test' }), ['elsewhere@x.test', false])
  assert.deepEqual(await complete({ id: 1, email: null }, async () => ({ message: 'no list' })), [null, false])
  const forbidden = async () => Promise.reject(new Error('403'))
  assert.deepEqual(await complete({ id: 1, email: 'old@x.test' }, forbidden), ['old@x.test', false])
})

test('the settings of a source count as far as its type lets them', () => {
  const source = (provider_type: string, values: Row = {}): Row => ({
    provider_type,
    additional_scopes: '',
    pkce: 'none',
    authorization_code_auth_method: 'basic_auth',
    authorization_url: 'https://own.test/',
    ...values,
  })
  assert.equal(urlOf(source('google'), 'authorization_url'), 'https://accounts.google.com/o/oauth2/auth')
  assert.equal(urlOf(source('github'), 'authorization_url'), 'https://own.test/')
  assert.equal(urlOf(source('github', { authorization_url: '' }), 'authorization_url'), 'https://github.com/login/oauth/authorize')
  assert.equal(urlOf(source('okta', { authorization_url: null }), 'authorization_url'), null)
  assert.deepEqual(scopesOf(source('google')), ['email', 'profile'])
  assert.deepEqual(scopesOf(source('google', { additional_scopes: ' email  calendar ' })), ['email', 'profile', 'calendar'])
  assert.deepEqual(scopesOf(source('google', { additional_scopes: '*openid  x' })), ['openid', 'x'])
  assert.deepEqual([pkceOf(source('twitter')), pkceOf(source('google', { pkce: 'plain' }))], ['S256', 'plain'])
  assert.deepEqual([clientAuthOf(source('google')), clientAuthOf(source('openidconnect'))], ['post_body', 'basic_auth'])
  assert.equal(providerType('of another version').name, 'openidconnect')
})
