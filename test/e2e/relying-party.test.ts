// needs: chromium
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { aBrowser, atTheEnd, screenshot, signIn, taken, theProgram } from './browser.ts'
import { aPerson, onboard, unique, type Client, type Person } from './onboarding.ts'
import type { Program } from './program.ts'
import { aRelyingParty, type RelyingParty } from './relying-party.ts'

describe('an application that signs its people in here', () => {
  let program: Program
  let party: RelyingParty
  let jane: Person
  before(async () => {
    program = await theProgram()
    party = await aRelyingParty()
    atTheEnd(() => party.close())
    jane = await aPerson(program, { username: 'jane' })
    const group = await program.api('POST', '/core/groups/', { name: 'Book Club' })
    await program.api('POST', `/core/groups/${group.pk}/add_user/`, { pk: jane.pk })
  })

  /** Onboards the application once more and lets it know. */
  async function aClient(options: Partial<Parameters<typeof onboard>[1]> & { asks?: Record<string, string> } = {}): Promise<Client> {
    const client = await onboard(program, { redirects: [party.callback], logouts: [party.bye], ...options })
    await party.register({ ...client, scope: 'openid email profile', asks: options.asks })
    return client
  }
  const open = async (page: Page) => {
    await page.goto(party.origin)
    await page.getByRole('link', { name: 'Sign in' }).click()
  }
  /** The claims that the application shows. */
  const claims = async (page: Page) => {
    await page.getByRole('heading', { name: 'Signed in' }).waitFor()
    return JSON.parse(await page.locator('pre').innerText()) as Record<string, unknown>
  }

  test('sends them to the sign-in page, which refuses a wrong password, and gets them back with their claims', async () => {
    await aClient({ name: 'Family Notes' })
    const { page, complaints } = await aBrowser()
    await open(page)
    await taken(page)
    await screenshot(page, 'sign-in')
    await page.getByLabel('Email or username').fill(jane.username)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByLabel('Password', { exact: true }).fill('not her password')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('Invalid password').waitFor()
    await page.mouse.move(0, 0)
    await screenshot(page, 'sign-in-error')
    await page.getByLabel('Password', { exact: true }).fill(jane.password)
    await page.getByRole('button', { name: 'Continue' }).click()
    assert.partialDeepStrictEqual(await claims(page), {
      email: jane.email,
      name: 'Jane Doe',
      preferred_username: 'jane',
      groups: ['Book Club'],
    })
    // A second application asks nothing.
    await aClient()
    await open(page)
    assert.equal((await claims(page)).preferred_username, 'jane')
    assert.deepEqual(complaints, [])
  })

  test('signs them in with JavaScript switched off', async () => {
    await aClient()
    const { page, complaints } = await aBrowser({ javaScriptEnabled: false })
    await open(page)
    await page.getByLabel('Email or username').fill(jane.username)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByLabel('Password', { exact: true }).fill('not her password')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('Invalid password').waitFor()
    await page.getByLabel('Password', { exact: true }).fill(jane.password)
    await page.getByRole('button', { name: 'Continue' }).click()
    assert.equal((await claims(page)).preferred_username, 'jane')
    assert.deepEqual(complaints, [])
  })

  test('asks for consent where its flow wants it: once', async () => {
    await aClient({ name: 'Photo Album', consent: true })
    for (const first of [true, false]) {
      const { page, complaints } = await aBrowser()
      await open(page)
      await signIn(page, jane.username, jane.password)
      if (first) {
        await page.getByRole('heading', { name: 'Continue to Photo Album' }).waitFor()
        await taken(page)
        await screenshot(page, 'consent')
        await page.getByRole('button', { name: 'Continue' }).click()
      }
      assert.equal((await claims(page)).preferred_username, 'jane')
      assert.deepEqual(complaints, [])
      if (!first) await withdraws(page)
    }
  })

  /** On one's own page: a failure is said and changes nothing, the next try takes the line away. By keyboard. */
  async function withdraws(page: Page): Promise<void> {
    await page.goto(`${program.origin}/if/user/`)
    const section = page.getByRole('region', { name: 'What applications may know' })
    const button = section.getByRole('button', { name: 'Withdraw what Photo Album gets?' })
    page.on('dialog', dialog => void dialog.accept())
    await page.route('**/api/v3/signet/own_access/**', route => route.abort(), { times: 1 })
    await button.press('Enter')
    await section.getByText('This did not work.').waitFor()
    await button.press('Enter')
    await section.getByText('Photo Album gets nothing any more.').waitFor()
    assert.equal(await button.count(), 0)
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'What applications may know')
    await page.goto(`${party.origin}/login`)
    await page.getByRole('heading', { name: 'Continue to Photo Album' }).waitFor()
  }

  test('asks for consent with JavaScript switched off', async () => {
    const client = await aClient({ consent: true })
    const { page } = await aBrowser({ javaScriptEnabled: false })
    await open(page)
    await signIn(page, jane.username, jane.password)
    await page.getByRole('heading', { name: `Continue to ${client.name}` }).waitFor()
    await page.getByRole('button', { name: 'Continue' }).click()
    assert.equal((await claims(page)).preferred_username, 'jane')
  })

  test('hears of it when somebody declines, with JavaScript and without', async () => {
    const client = await aClient({ consent: true })
    for (const options of [{}, { javaScriptEnabled: false }]) {
      const { page, complaints } = await aBrowser(options)
      await open(page)
      await page.getByRole('link', { name: `Cancel and go back to ${client.name}` }).click()
      await page.getByText('access_denied').waitFor()
      await page.getByRole('link', { name: 'Sign in' }).click()
      await signIn(page, jane.username, jane.password)
      await page.getByRole('heading', { name: `Continue to ${client.name}` }).waitFor()
      await page.getByRole('button', { name: 'Decline' }).click()
      await page.getByText('access_denied').waitFor()
      assert.ok(page.url().startsWith(party.callback))
      assert.deepEqual(complaints, [])
    }
  })

  test('gets its answer by a form after consent, yes or no', async () => {
    await aClient({ consent: true, asks: { response_mode: 'form_post', prompt: 'consent' } })
    const { page, complaints } = await aBrowser()
    await open(page)
    await signIn(page, jane.username, jane.password)
    for (const [button, brought] of [
      ['Decline', /"error":"access_denied"/],
      ['Continue', /"code":"/],
    ] as const) {
      await page.getByRole('button', { name: button }).click()
      await page.getByRole('heading', { name: 'Posted' }).waitFor()
      assert.match(await page.locator('pre').innerText(), brought)
      await open(page)
    }
    assert.deepEqual(complaints, [])
  })

  test('is told who it is where it wants a choice, and who is not the one that it guessed says so', async () => {
    await aClient({ asks: { login_hint: 'somebody.else', ui_locales: 'tlh de' } })
    const { page, complaints } = await aBrowser()
    await open(page)
    await page.getByText('somebody.else').waitFor()
    assert.equal(await page.locator('html').getAttribute('lang'), 'de')
    await page.getByRole('link', { name: 'Nicht Sie?' }).click()
    await page.getByLabel('E-Mail oder Benutzername').fill(jane.username)
    await page.getByRole('button', { name: 'Anmelden' }).click()
    await page.getByLabel('Passwort', { exact: true }).fill(jane.password)
    await page.getByRole('button', { name: 'Weiter' }).click()
    assert.equal((await claims(page)).preferred_username, 'jane')
    const other = await aPerson(program, { name: 'Kim Park' })
    await aClient({ asks: { prompt: 'select_account', ui_locales: 'en' } })
    await open(page)
    await signIn(page, other.username, other.password)
    assert.equal((await claims(page)).preferred_username, other.username)
    assert.deepEqual(complaints, [])
  })

  test('signs them out of itself, and everywhere when its invalidation flow says so', async () => {
    const everywhere = (await program.api('GET', '/flows/instances/?slug=default-invalidation-flow')).results[0].pk as string
    for (const provider of [{}, { invalidation_flow: everywhere }]) {
      const client = await aClient({ provider })
      const { page, complaints } = await aBrowser()
      await open(page)
      await signIn(page, jane.username, jane.password)
      await claims(page)
      const { access_token } = party.tokens()!
      const userinfo = async () =>
        (await fetch(`${program.origin}/application/o/userinfo/`, { headers: { authorization: `Bearer ${access_token}` } })).status
      assert.equal(await userinfo(), 200)
      await page.getByRole('link', { name: 'Sign out' }).click()
      await page.getByRole('heading', { name: 'Goodbye' }).waitFor()
      assert.equal(new URL(page.url()).searchParams.get('state'), 'a state')
      assert.equal(await userinfo(), 401, `${client.name}: the token outlived the sign-out`)
      await page.getByRole('link', { name: 'Sign in' }).click()
      if ('invalidation_flow' in provider) await page.getByLabel('Email or username').waitFor()
      else await claims(page)
      assert.deepEqual(complaints, [])
    }
  })

  test('keeps out who is not in its group, and says so', async () => {
    const client = await aClient({ name: 'Board Minutes' })
    const application = await program.api('GET', `/core/applications/${client.slug}/`)
    const group = await program.api('POST', '/core/groups/', { name: unique('Board') })
    await program.api('POST', '/policies/bindings/', {
      target: application.pk,
      group: group.pk,
      order: 0,
      enabled: true,
      negate: false,
      timeout: 30,
    })
    const { page, complaints } = await aBrowser()
    await open(page)
    await taken(page)
    await signIn(page, jane.username, jane.password)
    await page.getByRole('heading', { name: 'Permission denied' }).waitFor()
    await screenshot(page, 'access-denied')
    assert.ok(page.url().startsWith(program.origin))
    await program.api('POST', `/core/groups/${group.pk}/add_user/`, { pk: jane.pk })
    await open(page)
    assert.equal((await claims(page)).preferred_username, 'jane')
    assert.deepEqual(complaints, [])
  })

  test('stands in the library of those who may open it', async () => {
    for (const [name, meta_description] of [
      ['Film Shelf', 'Every film we own'],
      ['Music Room', ''],
      ['Radio', 'Live, and what you missed'],
    ] as const) {
      await aClient({ name, application: { group: 'Listen and watch', meta_description } })
    }
    await aClient({ name: 'Recipe Box', application: { group: 'Kitchen', meta_description: 'What we cook, and how' } })
    const person = await aPerson(program, { name: 'Sam Lee' })
    const { page, complaints } = await aBrowser()
    await page.goto(program.origin)
    await taken(page)
    await signIn(page, person.username, person.password)
    await page.getByRole('heading', { name: 'My applications' }).waitFor()
    await screenshot(page, 'library')
    const tile = page.getByRole('link', { name: 'Recipe Box' })
    assert.equal(await tile.getAttribute('href'), `${party.origin}/`)
    assert.match(await tile.innerText(), /What we cook, and how/)
    assert.equal(await page.getByText('Board Minutes').count(), 0, 'it shows what the person may not open')
    await tile.click()
    await page.getByRole('link', { name: 'Sign in' }).click()
    assert.equal((await claims(page)).preferred_username, person.username)
    await page.goto(`${program.origin}/if/user/`)
    await page.getByRole('link', { name: 'Sign out' }).click()
    await page.getByLabel('Email or username').waitFor()
    await page.goto(`${program.origin}/if/user/`)
    await page.getByLabel('Email or username').waitFor()
    assert.deepEqual(complaints, [])
  })

  test('gets nobody to an address that it did not register', async () => {
    const client = await aClient()
    const { page, complaints } = await aBrowser()
    for (const redirect_uri of [
      `${party.callback}/`,
      party.callback.replace('callback', 'Callback'),
      party.callback.replace('http:', 'https:'),
    ]) {
      const query = new URLSearchParams({ client_id: client.client_id, redirect_uri, response_type: 'code', scope: 'openid' })
      const answer = await page.goto(`${program.origin}/application/o/authorize/?${query.toString()}`)
      assert.equal(answer?.status(), 400)
      await page.getByRole('heading', { name: 'Redirect URI Error' }).waitFor()
    }
    assert.deepEqual(
      complaints.filter(text => !text.includes('status of 400')),
      [],
    )
  })

  test('is signed in to from a phone and in the dark', async () => {
    await aClient({ name: 'Shopping List' })
    for (const [name, options] of [
      ['sign-in-dark', { colorScheme: 'dark' }],
      ['sign-in-phone', { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }],
    ] as const) {
      const { page, complaints } = await aBrowser(options)
      await open(page)
      await taken(page)
      await screenshot(page, name)
      const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
      assert.equal(wide, 0, 'the page scrolls sideways')
      await signIn(page, jane.username, jane.password)
      await claims(page)
      assert.deepEqual(complaints, [])
    }
  })
})
