// needs: chromium
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import type { BrowserContextOptions, CDPSession, Page } from 'playwright-core'
import { apiAt, type Api } from './program.ts'
import { aBrowser, screenshot, signIn, taken, theProgram } from './browser.ts'

/** Passkeys in a browser that has an authenticator in software (CDP, domain WebAuthn). */

const PASSWORD = 'a password of my own'
const SETUP = '/if/flow/default-authenticator-webauthn-setup/?next=%2Fif%2Fuser%2F'

/** Notes what the page asks of authenticators, in `asked`. */
const WATCH = `
  globalThis.asked = []
  const get = navigator.credentials.get.bind(navigator.credentials)
  navigator.credentials.get = options => (asked.push(options), get(options))`

/** Takes away what browsers learned in 2025. */
const OLDER = `
  delete PublicKeyCredential.parseCreationOptionsFromJSON
  delete PublicKeyCredential.parseRequestOptionsFromJSON
  delete PublicKeyCredential.prototype.toJSON`

type Key = { cdp: CDPSession; id: string }

describe('passkeys in a browser', () => {
  let origin: string
  let api: Api
  before(async () => {
    const program = await theProgram()
    // Passkeys belong to a name, not to an address.
    origin = program.origin.replace('127.0.0.1', 'localhost')
    api = apiAt(program.origin)
  })

  /** Somebody with a password. */
  async function aPerson(username: string): Promise<number> {
    const { pk } = await api('POST', '/core/users/', { username, name: username, email: `${username}@example.test`, type: 'internal' })
    await api('POST', `/core/users/${pk}/set_password/`, { password: PASSWORD })
    return pk as number
  }

  const devicesOf = (user: number) =>
    api('GET', `/authenticators/admin/all/?user=${user}`) as Promise<{ pk: string; name: string; last_used: string | null }[]>

  /** A browser whose machine has an authenticator with a fingerprint reader. */
  async function aBrowserWithKey(options: BrowserContextOptions = {}) {
    const visit = await aBrowser(options)
    const cdp = await visit.context.newCDPSession(visit.page)
    await cdp.send('WebAuthn.enable')
    const { authenticatorId: id } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    })
    return { ...visit, key: { cdp, id } }
  }
  /** Whether somebody touches the authenticator as soon as it asks. */
  const touch = ({ cdp, id }: Key, enabled: boolean) =>
    cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: id, enabled })
  const recognise = ({ cdp, id }: Key, isUserVerified: boolean) =>
    cdp.send('WebAuthn.setUserVerified', { authenticatorId: id, isUserVerified })
  const credentials = async ({ cdp, id }: Key) => (await cdp.send('WebAuthn.getCredentials', { authenticatorId: id })).credentials

  const library = (page: Page) => page.getByRole('heading', { name: 'My applications' }).waitFor()
  const me = (page: Page) =>
    page.evaluate(async () => ((await (await fetch('/api/v3/core/users/me/')).json()) as { user: { username: string } }).user.username)

  async function signInWithPassword(page: Page, username: string) {
    await page.goto(`${origin}/`)
    await taken(page)
    await signIn(page, username, PASSWORD)
  }

  /** Somebody who has signed in and set up a passkey, signed out again. */
  async function aPersonWithPasskey(username: string, options: BrowserContextOptions = {}) {
    const user = await aPerson(username)
    const browser = await aBrowserWithKey(options)
    await signInWithPassword(browser.page, username)
    await library(browser.page)
    await browser.page.goto(origin + SETUP)
    await taken(browser.page)
    await browser.page.getByRole('button', { name: 'Set up a passkey' }).click()
    await library(browser.page)
    await browser.context.clearCookies()
    return { ...browser, user }
  }

  /** Values of the default flow's stage that asks for a name; `restore` puts back what was. */
  async function changeIdentification(values: Record<string, unknown>) {
    const { results } = await api('GET', '/stages/identification/?name=default-authentication-identification')
    const [stage] = results as Record<string, unknown>[]
    await api('PATCH', `/stages/identification/${String(stage!.pk)}/`, values)
    const old = Object.fromEntries(Object.keys(values).map(name => [name, stage![name]]))
    return { restore: () => api('PATCH', `/stages/identification/${String(stage!.pk)}/`, old) }
  }
  const validationStage = async () =>
    ((await api('GET', '/stages/authenticator/validate/?name=default-authentication-mfa-validation')).results as { pk: string }[])[0]!.pk

  test('a passkey is set up; what goes wrong is said, and may be tried again', async () => {
    const user = await aPerson('setup')
    const { page, key, complaints } = await aBrowserWithKey()
    await signInWithPassword(page, 'setup')
    await library(page)
    const stage = (await api('GET', '/stages/authenticator/webauthn/?name=default-authenticator-webauthn-setup')).results[0].pk as string
    await api('PATCH', `/stages/authenticator/webauthn/${stage}/`, { user_verification: 'required' })
    await page.goto(origin + SETUP)
    await taken(page)
    await screenshot(page, 'passkey-setup')
    await recognise(key, false)
    const button = page.getByRole('button', { name: 'Set up a passkey' })
    await button.click()
    await page.getByRole('alert').getByText('Nothing was confirmed').waitFor()
    assert.deepEqual(await devicesOf(user), [])
    await recognise(key, true)
    await button.click()
    await library(page)
    assert.partialDeepStrictEqual(await devicesOf(user), [{ name: 'WebAuthn Device', confirmed: true }])
    // The authenticator knows that it holds one for this account.
    await page.goto(origin + SETUP)
    await taken(page)
    await button.click()
    await page.getByText('This authenticator is set up already.').waitFor()
    assert.equal((await credentials(key)).length, 1)
    assert.deepEqual(complaints, [])
    await api('PATCH', `/stages/authenticator/webauthn/${stage}/`, { user_verification: 'preferred' })
  })

  test('after the password the passkey is asked for at once, and is the second factor', async () => {
    const { page, user, key, complaints } = await aPersonWithPasskey('second-factor')
    assert.equal((await devicesOf(user))[0]!.last_used, null)
    await signInWithPassword(page, 'second-factor')
    await library(page)
    assert.equal(await me(page), 'second-factor')
    assert.ok((await devicesOf(user))[0]!.last_used)
    assert.equal((await credentials(key))[0]!.signCount > 1, true)
    assert.deepEqual(complaints, [])
  })

  test('a passkey is offered where the name is typed, and signs in without a name', async () => {
    const { restore } = await changeIdentification({ webauthn_stage: await validationStage() })
    try {
      const { page, complaints } = await aPersonWithPasskey('autofill')
      const html = await (await page.request.get(`${origin}/`)).text()
      // Whoever chooses the suggestion touches the authenticator; here it is touched as soon as it may be.
      await page.goto(`${origin}/`, { waitUntil: 'commit' })
      await library(page)
      assert.match(html, /name="uid_field"[^>]*autocomplete="username webauthn"|autocomplete="username webauthn"[^>]*name="uid_field"/)
      assert.equal(await me(page), 'autofill')
      assert.deepEqual(complaints, [])
    } finally {
      await restore()
    }
  })

  test('who types a name is not disturbed by passkeys, and who empties the field is offered them again', async () => {
    const { restore } = await changeIdentification({ webauthn_stage: await validationStage() })
    try {
      await aPerson('typist')
      const { page, key, complaints } = await aBrowserWithKey()
      await touch(key, false)
      await page.addInitScript(WATCH)
      const asked = (states: string) =>
        page.waitForFunction(wanted => {
          const { asked } = globalThis as unknown as { asked: { signal: AbortSignal }[] }
          return asked.map(({ signal }) => (signal.aborted ? 'ended' : 'waits')).join() === wanted
        }, states)
      await page.goto(`${origin}/`)
      await taken(page)
      await asked('waits')
      const name = page.getByLabel('Email or username')
      await name.fill('t')
      await asked('ended')
      await name.fill('')
      await asked('ended,waits')
      await name.fill('typist')
      await page.getByRole('button', { name: 'Log in' }).click()
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
      await asked('ended,ended')
      await page.getByRole('button', { name: 'Continue' }).click()
      await library(page)
      assert.deepEqual(complaints, [])
    } finally {
      await restore()
    }
  })

  test('a button uses a passkey where the browser offers none by itself', async () => {
    const { restore } = await changeIdentification({ webauthn_stage: await validationStage() })
    try {
      const { page, complaints } = await aPersonWithPasskey('button')
      await page.addInitScript('PublicKeyCredential.isConditionalMediationAvailable = async () => false')
      await page.goto(`${origin}/`)
      await taken(page)
      await page.getByRole('button', { name: 'Use a passkey' }).click()
      await library(page)
      assert.equal(await me(page), 'button')
      assert.deepEqual(complaints, [])
    } finally {
      await restore()
    }
  })

  test('a flow of its own signs in with a passkey alone, also in browsers without the newer calls', async () => {
    const stage = await api('POST', '/stages/authenticator/validate/', {
      name: 'passkey-alone',
      device_classes: ['webauthn'],
      not_configured_action: 'deny',
      webauthn_user_verification: 'required',
    })
    const flow = await api('POST', '/flows/instances/', {
      name: 'webauthn', slug: 'webauthn', title: 'Sign in with a passkey', designation: 'authentication', authentication: 'require_unauthenticated',
    }) // prettier-ignore
    const login = (await api('GET', '/stages/user_login/?name=default-authentication-login')).results[0].pk as string
    await api('POST', '/flows/bindings/', { target: flow.pk, stage: stage.pk, order: 10 })
    await api('POST', '/flows/bindings/', { target: flow.pk, stage: login, order: 100 })
    const { restore } = await changeIdentification({ passwordless_flow: flow.pk })
    try {
      const { page, key, complaints } = await aPersonWithPasskey('alone')
      await recognise(key, false)
      await page.goto(`${origin}/`)
      await taken(page)
      await page.getByRole('link', { name: 'Use a security key or passkey' }).click()
      await page.getByText('Nothing was confirmed').waitFor()
      await screenshot(page, 'passkey-refused')
      await recognise(key, true)
      await page.getByRole('button', { name: 'Use a passkey' }).click()
      await library(page)
      assert.equal(await me(page), 'alone')

      await page.context().clearCookies()
      await page.addInitScript(OLDER)
      await page.goto(`${origin}/if/flow/webauthn/?next=%2Fif%2Fuser%2F`)
      await library(page)
      assert.equal(await me(page), 'alone')
      await page.goto(origin + SETUP)
      await page.getByRole('button', { name: 'Set up a passkey' }).click()
      await page.getByText('This authenticator is set up already.').waitFor()
      assert.deepEqual(complaints, [])
    } finally {
      await restore()
    }
  })

  test('a browser without passkeys says so', async () => {
    const { page, complaints } = await aBrowser()
    await aPerson('plain')
    await page.addInitScript('delete globalThis.PublicKeyCredential')
    await signInWithPassword(page, 'plain')
    await library(page)
    await page.goto(origin + SETUP)
    await taken(page)
    await page.getByRole('button', { name: 'Set up a passkey' }).click()
    await page.getByText('This browser cannot use passkeys here.').waitFor()
    assert.deepEqual(complaints, [])
  })
})
