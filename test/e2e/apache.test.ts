// needs: chromium, apache2
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { startApache, type Apache } from './apache.ts'
import { freePort } from '../ports.ts'
import { aBrowser, atTheEnd, signIn, theProgram } from './browser.ts'
import { aPerson, onboard, type Client, type Person } from './onboarding.ts'
import type { Program } from './program.ts'

const SHOWN = [
  'REMOTE_USER',
  'OIDC_CLAIM_email',
  'OIDC_CLAIM_name',
  'OIDC_CLAIM_preferred_username',
  'OIDC_CLAIM_groups',
  'OIDC_CLAIM_iss',
  'OIDC_CLAIM_aud',
]

describe('Apache with mod_auth_openidc', () => {
  let program: Program
  let apache: Apache
  let client: Client
  let person: Person
  before(async () => {
    program = await theProgram()
    const port = await freePort()
    const callback = `http://127.0.0.1:${port}/signed-in/oidc`
    const everywhere = await program.api('GET', '/flows/instances/?slug=default-invalidation-flow')
    client = await onboard(program, {
      redirects: [callback],
      logouts: [`http://127.0.0.1:${port}/bye.html`],
      provider: { invalidation_flow: everywhere.results[0].pk, logout_uri: `${callback}?logout=backchannel` },
    })
    person = await aPerson(program, { name: 'Ada Lovelace' })
    for (const name of ['Engine Room', 'Library']) {
      const group = await program.api('POST', '/core/groups/', { name })
      await program.api('POST', `/core/groups/${group.pk}/add_user/`, { pk: person.pk })
    }
    apache = await startApache({
      port,
      shown: SHOWN,
      directives: [
        `OIDCProviderMetadataURL ${client.issuer}.well-known/openid-configuration`,
        `OIDCClientID ${client.client_id}`,
        `OIDCClientSecret ${client.client_secret}`,
        `OIDCRedirectURI ${callback}`,
        'OIDCCryptoPassphrase a-passphrase-for-state-and-sessions',
        'OIDCScope "openid email profile"',
        'OIDCRemoteUserClaim preferred_username',
        'OIDCPassClaimsAs environment',
        'OIDCPKCEMethod S256',
        // Five seconds unless told otherwise.
        'OIDCHTTPTimeoutShort 60',
      ],
    })
    atTheEnd(() => apache.stop())
  })

  test('lets people in who sign in here, and tells the application who they are', async () => {
    const { page, complaints } = await aBrowser()
    await page.goto(`${apache.origin}/signed-in/`)
    assert.ok(page.url().startsWith(`${program.origin}/if/flow/`), page.url())
    await signIn(page, person.username, person.password)
    await page.getByRole('heading', { name: 'Signed in' }).waitFor()
    const seen: Record<string, string> = {}
    for (const name of SHOWN) seen[name] = await page.locator(`#${name}`).innerText()
    const { REMOTE_USER, ...claims } = seen
    assert.match(REMOTE_USER ?? '', new RegExp(`^${person.username}\\b`))
    assert.deepEqual(claims, {
      OIDC_CLAIM_email: person.email,
      OIDC_CLAIM_name: 'Ada Lovelace',
      OIDC_CLAIM_preferred_username: person.username,
      OIDC_CLAIM_groups: 'Engine Room,Library',
      OIDC_CLAIM_iss: client.issuer,
      OIDC_CLAIM_aud: client.client_id,
    })
    assert.deepEqual(complaints, [])

    await page.getByRole('link', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Goodbye' }).waitFor()
    assert.equal(new URL(page.url()).pathname, '/bye.html')
    await page.goto(`${apache.origin}/signed-in/`)
    await page.getByLabel('Email or username').waitFor()
    assert.deepEqual(complaints, [])
  })

  test('forgets people whom the back channel says have signed out here', async () => {
    const { page, context, complaints } = await aBrowser()
    await page.goto(`${apache.origin}/signed-in/`)
    await signIn(page, person.username, person.password)
    await page.getByRole('heading', { name: 'Signed in' }).waitFor()
    const library = await context.newPage()
    await library.goto(`${program.origin}/if/user/`)
    await library.getByRole('link', { name: 'Sign out' }).click()
    await library.getByLabel('Email or username').waitFor()
    // It says nothing when it is told; so it is asked until it sends people here.
    while (!page.url().startsWith(program.origin)) await page.goto(`${apache.origin}/signed-in/`)
    await page.getByLabel('Email or username').waitFor()
    assert.doesNotMatch(apache.said(), /logout_token|oidc_handle_logout_backchannel.*error/)
    assert.deepEqual(complaints, [])
  })

  test('lets people in who have JavaScript switched off', async () => {
    const { page, complaints } = await aBrowser({ javaScriptEnabled: false })
    await page.goto(`${apache.origin}/signed-in/`)
    await signIn(page, person.username, person.password)
    await page.getByRole('heading', { name: 'Signed in' }).waitFor()
    assert.equal(await page.locator('#OIDC_CLAIM_email').innerText(), person.email)
    assert.deepEqual(complaints, [])
  })
})
