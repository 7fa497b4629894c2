// needs: chromium
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import de from '../../web/flow/locales/de.ts'
import { taken, theBrowser } from './browser.ts'
import { GALLERY } from './challenges.ts'
import { contactSheet, type Picture } from './contact-sheet.ts'
import { startFixture, type Fixture } from './sign-in-fixture.ts'

/** Every view of the sign-in page, with JavaScript and without; see `GALLERY` for what belongs to it. */

const SCREENS = { wide: { width: 760, height: 640 }, phone: { width: 360, height: 740 } }
const FLOW = '/if/flow/sign-in/?next=%2Fif%2Fuser%2F'
/** Views that a browser with JavaScript leaves at once. */
const LEAVING = new Set(['ak-provider-iframe-logout', 'ak-stage-autosubmit', 'xak-flow-redirect'])

/** What only makes sense with JavaScript, or without. */
const EITHER = new RegExp(
  [
    de.remember_username, de.static_copy, de.file_needs_script, de.needs_script, de.captcha_working, de.captcha_done, de.code_again_in,
    de.code_again, de.duo_waiting_setup, `${de.passkey_setup}$`, de.passkey_use, de.passkey_needs_script,
  ]
    .map(text => text.replaceAll('.', '\\.').replace('{seconds}', '\\d+'))
    .join('|'),
  'gm',
) // prettier-ignore

describe('the views of the sign-in page', () => {
  let fixture: Fixture
  let browser: Browser
  let scripted: Page
  let plain: Page
  const complaints: string[] = []
  before(async () => {
    fixture = await startFixture()
    browser = await theBrowser()
    // German words are long, and phones can be narrow.
    const phone = { locale: 'de', viewport: { width: 320, height: 640 }, reducedMotion: 'reduce' } as const
    scripted = await browser.newPage(phone)
    plain = await browser.newPage({ ...phone, javaScriptEnabled: false })
    scripted.on('console', message => {
      if (/content security policy|trusted/i.test(message.text())) complaints.push(message.text())
    })
    scripted.on('pageerror', error => complaints.push(String(error)))
  })
  after(async () => {
    await Promise.all([scripted.close(), plain.close()])
    await fixture.close()
  })

  const textOf = async (page: Page) => (await page.locator('#flow').innerText()).replace(EITHER, '').replace(/\s+/g, ' ')
  const overflow = (page: Page): Promise<number> => page.locator('html').evaluate(html => html.scrollWidth - html.clientWidth)

  for (const [name, challenge] of Object.entries(GALLERY)) {
    const stays = !LEAVING.has(challenge.component)
    test(`${name} fits a narrow phone${stays ? ', says the same with JavaScript and without, and keeps to its policy' : ''}`, async () => {
      fixture.play(challenge)
      complaints.length = 0
      await Promise.all([plain, ...(stays ? [scripted] : [])].map(page => page.goto(fixture.origin + FLOW)))
      assert.equal(await overflow(plain), 0, 'without JavaScript')
      if (!stays) return
      await taken(scripted)
      assert.equal(await overflow(scripted), 0, 'with JavaScript')
      assert.equal(await textOf(scripted), await textOf(plain))
      assert.deepEqual(complaints, [])
    })
  }

  if (process.env.SIGNET_SCREENSHOTS === '1') {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const [screen, viewport] of Object.entries(SCREENS)) {
        test(`have their pictures taken: ${screen}, ${colorScheme}`, async () => {
          const pictures: Picture[] = []
          await visitAll({ locale: 'en', colorScheme, viewport }, async (name, page) => {
            await page.evaluate('document.fonts.ready')
            pictures.push({ name, png: await page.screenshot({ animations: 'disabled', caret: 'hide', fullPage: true }) })
          })
          await contactSheet(browser, `sign-in-${screen}-${colorScheme}`, pictures, viewport.width)
        })
      }
    }
  }

  /** Opens each view in turn, as a browser with these options shows it. */
  async function visitAll(options: BrowserContextOptions, look: (name: string, page: Page) => Promise<void>) {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
    const quiet = await browser.newContext({ reducedMotion: 'reduce', ...options, javaScriptEnabled: false })
    const [page, still] = [await context.newPage(), await quiet.newPage()]
    for (const [name, challenge] of Object.entries(GALLERY)) {
      fixture.play(challenge)
      const shown = LEAVING.has(challenge.component) ? still : page
      await shown.goto(fixture.origin + FLOW)
      if (shown === page) await taken(page)
      await look(name, shown)
    }
    await context.close()
    await quiet.close()
  }
})
