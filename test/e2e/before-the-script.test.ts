// needs: chromium
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { BrowserContextOptions, Page } from 'playwright-core'
import type { Challenge } from '../../src/interfaces/flow.ts'
import { renderLibrary } from '../../src/interfaces/library.ts'
import { aBrowser, taken } from './browser.ts'
import * as challenges from './challenges.ts'
import { startFixture, type Fixture } from './sign-in-fixture.ts'

/** What a page is between the moment it can be seen and the one in which its script is there: on a slow line, long enough for many presses. */

const FLOW = '/if/flow/sign-in/'
let fixture: Fixture
before(async () => void (fixture = await startFixture()))
after(() => fixture.close())

/** A page whose scripts are on their way until `arrive` is called. */
async function slowPage(path = FLOW, options: BrowserContextOptions = {}) {
  const { page, complaints } = await aBrowser(options)
  const { promise: held, resolve: arrive } = Promise.withResolvers<void>()
  await page.route('**/bundle/*.js', async route => {
    await held
    await route.continue()
  })
  await page.goto(fixture.origin + path, { waitUntil: 'commit' })
  await page.locator('main').waitFor()
  return {
    page,
    complaints,
    arrive: async () => {
      arrive()
      await taken(page)
    },
  }
}

/** What has the focus, after as many presses of the key as bring it around the page once. */
async function reachedByTab(page: Page): Promise<string[]> {
  const reached = []
  for (let presses = 0; presses < 25; presses++) {
    await page.keyboard.press('Tab')
    const at = page.locator(':focus')
    reached.push((await at.count()) === 0 ? '' : ((await at.getAttribute('aria-label')) ?? (await at.innerText())).trim())
  }
  return reached
}

const frontOf = (challenge: Challenge, name: string, pressed: (page: Page) => Promise<unknown>) => ({ challenge, name, pressed })
const BUTTONS = {
  'showing a password': frontOf(challenges.password, 'Show password', page => page.locator('[name=password][type=text]').waitFor()),
  'copying codes': frontOf(challenges.staticSetup, 'Copy all', page => page.getByRole('button', { name: 'Copied' }).waitFor()),
  // Browsers know no passkeys for an address without a name: pressed, the button says so.
  'setting a passkey up': frontOf(challenges.passkeySetup, 'Set up a passkey', page => page.locator('.alert').waitFor()),
  'a source with a view of its own': frontOf(
    { ...challenges.identification, sources: [{ name: 'Plex', icon_url: null, promoted: false, challenge: challenges.dummy }] },
    'Continue with Plex',
    page => page.getByText('A step for testing').waitFor(),
  ),
}

describe('before the script of a page is there', () => {
  for (const [what, { challenge, name, pressed }] of Object.entries(BUTTONS)) {
    test(`${what} cannot be pressed by anybody, and can right after`, async () => {
      fixture.play(challenge)
      const { page, arrive } = await slowPage(FLOW, { permissions: ['clipboard-write'] })
      const button = page.getByRole('button', { name, disabled: true })
      await button.waitFor()
      assert.equal((await reachedByTab(page)).includes(name), false)
      await button.focus()
      assert.equal(await button.and(page.locator(':focus')).count(), 0)
      await button.click({ force: true })
      await arrive()
      await page.getByRole('button', { name, disabled: false }).press('Enter')
      await pressed(page)
    })
  }

  test('nothing takes the focus away from where somebody has gone since; where nobody has, it goes to the button that waited', async () => {
    fixture.play(challenges.passkeySetup)
    const first = await slowPage()
    await first.arrive()
    await first.page.locator('button:focus', { hasText: 'Set up a passkey' }).waitFor()
    const second = await slowPage()
    await second.page.getByRole('link', { name: 'Cancel' }).focus()
    await second.arrive()
    await second.page.getByRole('button', { name: 'Set up a passkey', disabled: false }).waitFor()
    assert.equal(await second.page.locator(':focus').innerText(), 'Cancel')
  })

  test('an answer that a browser can send by itself is sent, by Enter as by a press', async () => {
    for (const send of [
      (page: Page) => page.keyboard.press('Enter'),
      (page: Page) => page.getByRole('button', { name: 'Log in' }).click(),
    ]) {
      fixture.play(challenges.identification, () => challenges.password)
      const { page } = await slowPage()
      await page.getByLabel('Email or username').fill('jane')
      await send(page)
      await page.getByLabel('Password', { exact: true }).waitFor()
      assert.deepEqual(fixture.answers, [{ component: 'ak-stage-identification', uid_field: 'jane' }])
    }
  })

  test('one that needs a proof or a file from the script stays where it is, as typed, and is sent once the script is there', async () => {
    fixture.play(challenges.withCaptcha, () => challenges.dummy)
    const captcha = await slowPage()
    await captcha.page.getByLabel('Email or username').fill('jane')
    await captcha.page.keyboard.press('Enter')
    await captcha.page.getByRole('button', { name: 'Log in', disabled: true }).click({ force: true })
    await captcha.arrive()
    assert.equal(await captcha.page.getByLabel('Email or username').inputValue(), 'jane')
    assert.deepEqual(fixture.answers, [])
    await captcha.page.getByLabel('Email or username').press('Enter')
    await captcha.page.getByText('A step for testing').waitFor()

    const fields = (challenges.everyPrompt.fields as { type: string }[]).filter(({ type }) => type === 'file' || type === 'email')
    fixture.play({ ...challenges.everyPrompt, fields }, () => challenges.dummy)
    const prompt = await slowPage()
    await prompt.page.getByLabel('Email').fill('jane@example.org')
    await prompt.page.getByLabel('Avatar').setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('picture') })
    await prompt.page.getByLabel('Email').press('Enter')
    await prompt.arrive()
    assert.deepEqual(fixture.answers, [])
    await prompt.page.getByLabel('Email').press('Enter')
    await prompt.page.getByText('A step for testing').waitFor()
    assert.match(String((fixture.answers.at(0) as Record<string, unknown> | undefined)?.avatar), /^data:image\/png;base64,/)

    fixture.play({ ...challenges.everyPrompt, fields }, () => challenges.dummy)
    const plain = await aBrowser({ javaScriptEnabled: false })
    await plain.page.goto(fixture.origin + FLOW)
    await plain.page.getByLabel('Email').fill('jane@example.org')
    await plain.page.getByLabel('Email').press('Enter')
    await plain.page.getByText('A step for testing').waitFor()
  })

  test('a name that is to be remembered cannot be ticked to no avail', async () => {
    fixture.play(challenges.fullIdentification)
    const { page, arrive } = await slowPage()
    const box = page.getByLabel('Remember me on this device')
    assert.equal(await box.isDisabled(), true)
    await arrive()
    await page.getByLabel('Email or username').fill('jane')
    await box.check()
    await page.reload()
    await taken(page)
    assert.equal(await page.getByLabel('Email or username').inputValue(), 'jane')
  })

  const library = (search?: string) => {
    const applications = Array.from({ length: 13 }, (_, index) => ({
      name: `Application ${index + 1}`, launch_url: `/arrived?${index + 1}`, icon: null, description: '', group: index < 6 ? '' : 'More',
    })) // prettier-ignore
    const session = { uuid: 'a', browser: 'Firefox', system: 'Linux', address: '192.0.2.1', lastUsed: new Date(0), current: false }
    fixture.show('/if/user/', context =>
      renderLibrary({
        ...context, user: { username: 'jane', name: 'Jane Doe', avatar: '' }, sources: [], access: [], sessions: [session], applications,
        signout_url: '/out', is_superuser: false, search,
      }),
    ) // prettier-ignore
  }
  const tiles = (page: Page) => page.locator('.tiles li:visible').allInnerTexts()

  test('what is typed into the library’s search is looked for by the server, or by the script as soon as it is there', async () => {
    library()
    const typed = await slowPage('/if/user/')
    await typed.page.getByRole('searchbox').fill('tion 12')
    await typed.arrive()
    assert.deepEqual(await tiles(typed.page), ['A\nApplication 12'])

    const sent = await slowPage('/if/user/')
    await sent.page.getByRole('searchbox').fill('tion 12')
    const asked = sent.page.waitForRequest('**/if/user/?search=tion+12')
    library('tion 12')
    await sent.page.keyboard.press('Enter')
    await asked
    await sent.page.waitForURL('**/if/user/?search=tion+12', { waitUntil: 'commit' })
    assert.deepEqual(await tiles(sent.page), ['A\nApplication 12'])
    await sent.arrive()
    assert.deepEqual(await tiles(sent.page), ['A\nApplication 12'])
  })

  test('nothing on one’s own page can be taken back to no avail', async () => {
    library()
    const { page, arrive } = await slowPage('/if/user/')
    await page.getByRole('button', { name: 'Firefox', disabled: true }).waitFor()
    await arrive()
    await page.getByRole('button', { name: 'Firefox', disabled: false }).waitFor()
  })
})
