import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { outgoingOf, useOutgoing } from '../../src/http/outgoing/client.ts'
import { form } from '../contract/examples.ts'
import { ownServer, type TestServer } from '../harness.ts'
import { anOpenIDProvider, type OpenID } from '../upstreams/openid.ts'

/** What docs/sources.md tells operators to send is sent, as it stands there. */

const A = '/api/v3'
const page = readFileSync('docs/sources.md', 'utf8')
const blocks = (language: string) => [...page.matchAll(new RegExp('```' + language + '\\n(.*?)```', 'gs'))].map(([, text]) => text!)
const bodies = blocks('json').map(text => JSON.parse(text.replaceAll(/<(\w+)>/g, '$1')) as Row)

let own = {} as TestServer
let provider: OpenID
const opened: OpenID[] = []
after(() => Promise.all(opened.map(upstream => upstream.close())))
before(async () => {
  own = await ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.1' })
  provider = await anOpenIDProvider([])
  opened.push(provider)
  const outgoing = outgoingOf(own.deps.config)
  // Wherever the example's document lies, a real one is found.
  useOutgoing(own.deps.config, (url, request) => outgoing(url.includes('/.well-known/') ? provider.wellKnown : url, request))
})

describe('docs/sources.md', () => {
  test('tells of each provider what the API takes', async () => {
    const types = new Set(bodies.map(body => body.provider_type).filter(Boolean))
    assert.deepEqual(
      [...types].toSorted((a, b) => String(a).localeCompare(String(b))),
      ['apple', 'discord', 'entraid', 'facebook', 'github', 'gitlab', 'google', 'mailcow', 'okta', 'openidconnect', 'reddit', 'twitch'],
    )
    for (const body of bodies) {
      const kind = body.provider_type === undefined ? 'ldap' : 'oauth'
      const made = await own.admin.post(`${A}/sources/${kind}/`, { ...body, enabled: kind === 'oauth' })
      assert.equal(made.status, 201, `${String(body.slug)}: ${made.text}`)
      if (kind === 'oauth') assert.equal(made.body.callback_url, `https://id.example.test/source/oauth/callback/${String(body.slug)}/`)
    }
    const keycloak = (await own.admin.get(`${A}/sources/oauth/keycloak/`)).body
    assert.deepEqual([keycloak.authorization_url, keycloak.pkce], [`${provider.origin}/auth`, 'S256'])
  })

  test('has blueprints that apply', async () => {
    for (const content of blocks('yaml')) {
      // What comes by the API reads neither the environment nor files.
      const text = content.replaceAll(/!(?:Env|File) \[[^,]+, ([^\]]+)\]/g, '$1')
      const upload = { filename: 'mine.yaml', content: text, type: 'application/yaml' }
      const { body } = await own.admin.request('POST', `${A}/managed/blueprints/import/`, form({}, upload))
      assert.ok(body.success, JSON.stringify(body))
    }
    const [stage] = (await own.admin.get(`${A}/stages/user_login/?name=default-source-authentication-login`)).body.results
    assert.equal(stage.session_duration, 'weeks=4')
  })

  test('has mappings that can be stored, and names what there is', async () => {
    const [expression] = blocks('python').map(text => text.replaceAll(/^ {2}/gm, ''))
    const made = await own.admin.post(`${A}/propertymappings/source/oauth/`, { name: 'Picture and language', expression })
    assert.equal(made.status, 201, made.text)
    for (const [, path] of page.matchAll(/\]\((screenshots\/[^)]+|[\w-]+\.md)\)/g)) assert.ok(existsSync(`docs/${path!}`), path!)
    for (const name of [
      'default-source-authentication-login',
      'default-source-enrollment-login',
      'default-authentication-identification',
      'default-authentication-password',
    ]) {
      assert.ok(page.includes(name))
      assert.equal((await own.admin.get(`${A}/stages/all/?name=${name}`)).body.results.length, 1, name)
    }
    assert.ok((await own.admin.get(`${A}/propertymappings/source/ldap/`)).body.results.length >= 9)
  })
})
