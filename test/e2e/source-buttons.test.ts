// needs: chromium
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { LANGUAGES } from '../../web/flow/languages.ts'
import { aBrowser, taken } from './browser.ts'
import { enrolment, manySources } from './challenges.ts'
import { startFixture, type Fixture } from './sign-in-fixture.ts'

/** The buttons of login sources on the page that asks who is there. */

const FLOW = '/if/flow/sign-in/'
let fixture: Fixture
before(async () => void (fixture = await startFixture()))
after(() => fixture.close())

const buttons = (page: Page) => page.locator('.sources > *')
const namesOf = (page: Page) => buttons(page).evaluateAll(all => all.map(one => one.getAttribute('aria-label')))

describe('the buttons of sources', () => {
  test('stand below the form, promoted ones first and with what they do; the others in their order, each with a name for its picture', async () => {
    const { page, complaints } = await aBrowser()
    fixture.play(manySources)
    await page.goto(fixture.origin + FLOW)
    await taken(page)
    assert.deepEqual(
      await namesOf(page),
      ['Company', 'Discord', 'GitHub', 'GitLab', 'Google', 'Intranet'].map(name => `Continue with ${name}`),
    )
    assert.deepEqual(
      (await buttons(page).allInnerTexts()).map(text => text.trim()),
      ['Continue with Company', '', '', '', '', 'Intranet'],
    )
    assert.equal(await page.getByRole('link', { name: 'Continue with GitHub' }).getAttribute('title'), 'GitHub')
    const drawn = await page
      .locator('.sources img')
      .evaluateAll(all => all.map(one => (one as unknown as { naturalWidth: number }).naturalWidth > 0))
    assert.deepEqual(drawn, [true, true, true, true, true])
    assert.deepEqual(complaints, [])
  })

  test('are reached and pressed by keyboard alone, and lead where the source says', async () => {
    const { page } = await aBrowser()
    fixture.play(manySources)
    const opened = page.waitForRequest(request => request.url().includes('/source/oauth/login/'))
    await page.goto(fixture.origin + FLOW)
    await taken(page)
    await page.getByLabel('Email or username').focus()
    for (const name of ['Log in', 'Continue with Company', 'Continue with Discord', 'Continue with GitHub']) {
      await page.keyboard.press('Tab')
      const focused = page.locator(':focus')
      assert.equal((await focused.getAttribute('aria-label')) ?? (await focused.innerText()), name)
    }
    await page.keyboard.press('Enter')
    assert.equal(new URL((await opened).url()).pathname, '/source/oauth/login/github/')
  })

  test('work without JavaScript, those of Apple too', async () => {
    const { page } = await aBrowser({ javaScriptEnabled: false })
    fixture.play(enrolment)
    await page.goto(fixture.origin + FLOW)
    assert.equal(await page.locator('form').count(), 0)
    const apple = new URL((await page.getByRole('link', { name: 'Continue with Apple' }).getAttribute('href'))!)
    assert.equal(apple.origin + apple.pathname, 'https://appleid.apple.com/auth/authorize')
    assert.deepEqual(Object.fromEntries(apple.searchParams), {
      response_type: 'code id_token',
      response_mode: 'form_post',
      client_id: 'org.example.signin',
      redirect_uri: 'https://id.example.org/source/oauth/callback/apple/',
      scope: 'name email',
      state: 'a-state',
    })
    assert.equal(await page.getByRole('link', { name: 'Use a security key or passkey' }).count(), 1)
  })

  test('show their pictures in the colours of a brand that chose dark for everybody', async () => {
    const { page } = await aBrowser({ colorScheme: 'light' })
    fixture.brand.ui_theme = 'dark'
    fixture.play(manySources)
    await page.goto(fixture.origin + FLOW)
    const picture = await page.locator('.sources img').first().screenshot()
    fixture.brand.ui_theme = 'automatic'
    await page.goto(fixture.origin + FLOW)
    assert.notDeepEqual(await page.locator('.sources img').first().screenshot(), picture)
  })

  test('say what they do in every language', async () => {
    const { page } = await aBrowser()
    const said = new Set<string>()
    fixture.play(manySources)
    for (const tag of Object.keys(LANGUAGES)) {
      await page.goto(`${fixture.origin}${FLOW}?locale=${tag}`)
      const [name] = await namesOf(page)
      assert.match(name, /Company/)
      said.add(name)
    }
    assert.equal(said.size, Object.keys(LANGUAGES).length)
  })
})
