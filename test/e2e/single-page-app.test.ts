// needs: chromium
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import type { UserManager } from 'oidc-client-ts'
import type { Page } from 'playwright-core'
import { aBrowser, atTheEnd, signIn, theProgram } from './browser.ts'
import { aPerson, onboard, type Client, type Person } from './onboarding.ts'
import type { Program } from './program.ts'
import { aSinglePageApp, type SinglePageApp } from './single-page-app.ts'

/** Of the page: what is evaluated there finds it. */
declare const manager: UserManager

describe('a single-page application with oidc-client-ts', () => {
  let program: Program
  let person: Person
  before(async () => {
    program = await theProgram()
    person = await aPerson(program)
  })

  /** Onboards it as a public client: its pages hold no secret. */
  async function anApp(
    host: 'localhost' | '127.0.0.1',
    settings: { scope: string } & Record<string, unknown>,
  ): Promise<[SinglePageApp, Client]> {
    const app = await aSinglePageApp(host)
    atTheEnd(() => app.close())
    const scopes = settings.scope.split(' ')
    const everywhere = await program.api('GET', '/flows/instances/?slug=default-invalidation-flow')
    const provider = { client_type: 'public', invalidation_flow: everywhere.results[0].pk }
    const client = await onboard(program, { redirects: app.redirects, logouts: [app.bye], scopes, provider })
    app.configure({ authority: client.issuer, client_id: client.client_id, loadUserInfo: true, ...settings })
    return [app, client]
  }
  const user = (page: Page) => page.evaluate(() => manager.getUser())

  /** Signs in by sending the window away and back. */
  async function enter(page: Page, app: SinglePageApp): Promise<void> {
    await page.goto(app.origin)
    await page.evaluate(() => void manager.signinRedirect())
    await signIn(page, person.username, person.password)
    await page.waitForURL(`${app.origin}/`)
  }

  test('on another site signs in, renews by its refresh token, revokes and signs out', async () => {
    const [app, client] = await anApp('127.0.0.1', { scope: 'openid profile email offline_access' })
    const { page, complaints } = await aBrowser()
    await enter(page, app)
    const first = (await user(page))!
    assert.equal(first.profile.email, person.email)
    assert.equal(first.profile.iss, client.issuer)

    await page.evaluate(() => manager.signinSilent())
    const second = (await user(page))!
    assert.notEqual(second.access_token, first.access_token)
    assert.equal(second.profile.sub, first.profile.sub)

    const asked = (token: string) =>
      page.evaluate(
        async ([url, token]) => (await fetch(url!, { headers: { authorization: `Bearer ${token}` } })).status,
        [`${program.origin}/application/o/userinfo/`, token],
      )
    assert.equal(await asked(second.access_token), 200)
    await page.evaluate(() => manager.revokeTokens())
    assert.deepEqual(complaints, [])
    assert.equal(await asked(second.access_token), 401)
    complaints.length = 0 // the browser tells of the 401

    await page.evaluate(() => void manager.signoutRedirect())
    await page.waitForFunction('document.title === "Goodbye"')
    assert.equal(await user(page), null)
    assert.deepEqual(complaints, [])
  })

  test('whose tokens are bound to a key of the browser is told the nonce that its proofs want', async () => {
    const [app, client] = await anApp('127.0.0.1', { scope: 'openid email offline_access', loadUserInfo: false, dpop: true })
    await program.api('POST', '/signet/oauth2_clients/', { provider: client.pk, dpop_bound_access_tokens: true, dpop_nonce_required: true })
    const { page } = await aBrowser()
    await enter(page, app)
    const { token_type, access_token } = (await user(page))!
    assert.equal(token_type, 'DPoP')
    const renewed = (await page.evaluate(() => manager.signinSilent()))!
    assert.notEqual(renewed.access_token, access_token)
    const url = `${program.origin}/application/o/userinfo/`
    const email = await page.evaluate(async url => {
      const user = (await manager.getUser())!
      const headers = { authorization: `DPoP ${user.access_token}`, dpop: (await manager.dpopProof(url, user, 'GET'))! }
      return ((await (await fetch(url, { headers })).json()) as { email: string }).email
    }, url)
    assert.equal(email, person.email)
  })

  test('on the same site renews in a hidden frame, opens a window to sign in, and hears of a sign-out', async () => {
    const [app] = await anApp('localhost', { scope: 'openid profile email', monitorSession: true, checkSessionIntervalInSeconds: 1 })
    const { page, context, complaints } = await aBrowser()
    await page.goto(app.origin)
    const refused = await page.evaluate(() => manager.signinSilent().catch((error: { error: string }) => error.error))
    assert.equal(refused, 'login_required')
    const opened = context.waitForEvent('page')
    const signedIn = page.evaluate(() => manager.signinPopup())
    await signIn(await opened, person.username, person.password)
    const first = await signedIn
    assert.equal(first.profile.email, person.email)

    const second = (await page.evaluate(() => manager.signinSilent()))!
    assert.equal(second.profile.sub, first.profile.sub)
    assert.notEqual(second.access_token, first.access_token)

    await page.evaluate('globalThis.heard = new Promise(resolve => manager.events.addUserSignedOut(resolve)); undefined')
    const library = await context.newPage()
    await library.goto(`${program.origin}/if/user/`)
    await library.getByRole('link', { name: 'Sign out' }).click()
    await page.evaluate('globalThis.heard')
    assert.deepEqual(complaints, [])
  })
})
