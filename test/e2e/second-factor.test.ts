// needs: chromium
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { codeOf } from '../codes.ts'
import { aBrowser, screenshot, signIn, taken, theProgram } from './browser.ts'
import { aPerson } from './onboarding.ts'
import type { Program } from './program.ts'

const NO_SCRIPT: BrowserContextOptions = { javaScriptEnabled: false }
const arrived = (page: Page) => page.getByRole('heading', { name: 'My applications' }).waitFor()

describe('second factors in a browser', () => {
  let program: Program
  before(async () => {
    program = await theProgram()
  })

  /** Somebody's browser at the page that comes after name and password. */
  async function signedIn(person: { username: string; password: string }, options: BrowserContextOptions = {}) {
    const visit = await aBrowser(options)
    await visit.page.goto(program.origin)
    await signIn(visit.page, person.username, person.password)
    return visit
  }

  /** Opens the set-up of a kind as the user's own page does. */
  async function setUp(page: Page, title: string) {
    const settings = (await program.api('GET', '/stages/all/user_settings/')) as { title: string; configure_url: string }[]
    await page.goto(program.origin + settings.find(one => one.title === title)!.configure_url)
  }

  const keyOn = async (page: Page) => (await page.locator('code.secret').innerText()).replaceAll(' ', '')

  for (const [name, options] of [
    ['with JavaScript', {}],
    ['without JavaScript', NO_SCRIPT],
  ] as const) {
    test(`an app and codes on paper are set up on one's own page, and asked for from then on, ${name}`, async () => {
      const person = await aPerson(program)
      const { page, complaints } = await signedIn(person, options)
      await arrived(page)

      await setUp(page, 'TOTP Device')
      if (options !== NO_SCRIPT) await taken(page)
      await page.getByRole('img', { name: 'QR code that sets up the app' }).waitFor()
      if (options !== NO_SCRIPT) await screenshot(page, 'second-factor-app-setup')
      const key = await keyOn(page)
      assert.equal(
        await page
          .getByRole('link', { name: 'Open in an app on this device' })
          .getAttribute('href')
          .then(url => new URL(url!).searchParams.get('secret')),
        key,
      )
      const field = page.getByLabel('Code', { exact: true })
      assert.deepEqual([await field.getAttribute('autocomplete'), await field.getAttribute('inputmode')], ['one-time-code', 'numeric'])
      await field.fill('000000')
      await page.getByRole('button', { name: 'Continue' }).click()
      await page.getByText('This code is not the right one').waitFor()
      assert.equal(await keyOn(page), key)
      const spent = new Date()
      await field.fill(codeOf(key, spent))
      await page.getByRole('button', { name: 'Continue' }).click()
      await arrived(page)

      await setUp(page, 'Static tokens')
      const codes = await page.getByRole('list', { name: 'Recovery codes' }).getByRole('listitem').allInnerTexts()
      assert.equal(codes.length, 6)
      await page.getByRole('button', { name: 'I have kept them' }).click()
      await arrived(page)

      const second = await signedIn(person, options)
      await second.page.getByText('Enter the code that your authenticator app shows.').waitFor()
      if (options !== NO_SCRIPT) await screenshot(second.page, 'second-factor')
      // The code of the set-up is spent; that of the step after it is good before its time comes, and after.
      await second.page.getByLabel('Code', { exact: true }).fill(codeOf(key, new Date(spent.getTime() + 30_000)))
      await second.page.getByRole('button', { name: 'Continue' }).click()
      await arrived(second.page)

      const third = await signedIn(person, options)
      await third.page.getByRole('button', { name: 'Recovery code' }).click()
      await third.page.getByText('Enter one of the recovery codes').waitFor()
      await third.page.getByLabel('Code', { exact: true }).fill(codes[0]!.toUpperCase())
      await third.page.getByRole('button', { name: 'Continue' }).click()
      await arrived(third.page)

      const fourth = await signedIn(person, options)
      await fourth.page.getByLabel('Code', { exact: true }).fill(codes[0]!)
      await fourth.page.getByRole('button', { name: 'Continue' }).click()
      await fourth.page.getByText('This code is not right, or it was used already.').waitFor()
      assert.equal(await fourth.page.getByLabel('Code', { exact: true }).inputValue(), '')
      assert.deepEqual([...complaints, ...second.complaints, ...third.complaints, ...fourth.complaints], [])
    })
  }
})
