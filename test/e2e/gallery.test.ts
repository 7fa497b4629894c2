// needs: chromium
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { GALLERY } from './challenges.ts'
import { contactSheet, type Picture } from './contact-sheet.ts'
import { startFixture, type Fixture } from './sign-in-fixture.ts'

/** Every view of the sign-in page, on a desk and on a phone, by day and by night; see `GALLERY` for what belongs to it. */

const SCREENS = { wide: { width: 760, height: 640 }, phone: { width: 360, height: 740 } }
const FLOW = '/if/flow/sign-in/?next=%2Fif%2Fuser%2F'
/** Views that a browser with JavaScript leaves at once. */
const LEAVING = new Set(['ak-provider-iframe-logout', 'ak-stage-autosubmit', 'xak-flow-redirect'])

describe('the views of the sign-in page', () => {
  let fixture: Fixture
  let browser: Browser
  before(async () => {
    fixture = await startFixture()
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu'],
    })
  })
  after(async () => {
    await browser.close()
    await fixture.close()
  })

  /** Opens each view in turn, as a browser with these options shows it. */
  async function visitAll(options: BrowserContextOptions, look: (name: string, page: Page, complaints: string[]) => Promise<void>) {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
    const plain = await browser.newContext({ reducedMotion: 'reduce', ...options, javaScriptEnabled: false })
    const complaints: string[] = []
    const page = await context.newPage()
    const quiet = await plain.newPage()
    page.on('console', message => {
      if (/content security policy|trusted/i.test(message.text())) complaints.push(message.text())
    })
    page.on('pageerror', error => complaints.push(String(error)))
    for (const [name, challenge] of Object.entries(GALLERY)) {
      fixture.play(challenge)
      const leaves = LEAVING.has(challenge.component) || options.javaScriptEnabled === false
      await (leaves ? quiet : page).goto(fixture.origin + FLOW)
      if (!leaves) await taken(page)
      await look(name, leaves ? quiet : page, complaints.splice(0))
    }
    await context.close()
    await plain.close()
  }

  test('fit a phone, a narrow one too, and keep to the policy of their page', async () => {
    await visitAll({ locale: 'en', viewport: SCREENS.phone }, async (name, page, complaints) => {
      assert.deepEqual(complaints, [], name)
      assert.equal(await overflow(page), 0, name)
    })
    // German words are long.
    await visitAll({ locale: 'de', viewport: { width: 320, height: 640 }, javaScriptEnabled: false }, async (name, page) => {
      assert.equal(await overflow(page), 0, `${name} in German`)
    })
  })

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
})

const taken = (page: Page) => page.locator('html[data-script=on]').waitFor({ state: 'attached' })

const overflow = (page: Page): Promise<number> => page.locator('html').evaluate(html => html.scrollWidth - html.clientWidth)
