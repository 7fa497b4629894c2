// needs: chromium
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { BrowserContextOptions } from 'playwright-core'
import { aContext, taken } from './browser.ts'
import { FLOW, focusOn, openPage } from './flow-page.ts'
import * as challenges from './challenges.ts'
import { startFixture, type Fixture } from './sign-in-fixture.ts'

const { identification, fullIdentification, password, refused } = challenges

describe('the sign-in page in a browser', () => {
  let fixture: Fixture
  before(async () => {
    fixture = await startFixture()
  })
  after(() => fixture.close())
  const open = (path?: string, options?: BrowserContextOptions) => openPage(fixture, path, options)

  test('keeps a code that is typed before the answer is there that it was sent', async () => {
    fixture.play(password, answer =>
      'password' in answer
        ? challenges.validateMail
        : 'code' in answer
          ? challenges.redirect('/arrived')
          : refused(challenges.validateMail, { non_field_errors: 'Empty response' }),
    )
    const { page } = await open()
    await page.getByLabel('Password', { exact: true }).fill('right')
    await page.keyboard.press('Enter')
    const send = page.getByRole('button', { name: 'Send a code to j***e@example.org' })
    await send.waitFor()
    const { promise: held, resolve: release } = Promise.withResolvers<void>()
    await page.route('**/api/v3/flows/executor/**', async route => {
      await held
      await route.continue()
    })
    await send.click()
    await page.getByText('A code is on its way to j***e@example.org.').waitFor()
    await page.getByLabel('Code', { exact: true }).fill('123456')
    release()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.waitForURL('**/arrived')
    assert.deepEqual(fixture.answers.at(-1), { component: 'ak-stage-authenticator-validate', code: '123456' })
  })

  test('takes over the markup of the server without changing it, and keeps what was typed before', async () => {
    fixture.play(fullIdentification)
    const page = await (await aContext()).newPage()
    let release = () => {}
    const held = new Promise<void>(resolve => (release = resolve))
    await page.route('**/bundle/flow-*.js', async route => {
      await held
      await route.continue()
    })
    await page.goto(fixture.origin + FLOW, { waitUntil: 'commit' })
    await page.getByLabel('Email or username').fill('jane')
    await page.waitForFunction('document.readyState === "interactive"') // all of it has come
    const before = await page.locator('#flow').innerHTML()
    release()
    await taken(page)
    const after = (await page.locator('#flow').innerHTML()).replace(' novalidate=""', '')
    assert.equal(after, before.replaceAll(' disabled=""', ''))
    assert.equal(await page.getByLabel('Email or username').inputValue(), 'jane')
  })

  test('keeps what is typed before the script is there, on a page that refuses something too', async () => {
    fixture.play(password, () => refused(password, { password: 'Invalid password' }))
    const page = await (await aContext()).newPage()
    const { promise: held, resolve: release } = Promise.withResolvers<void>()
    await page.route('**/bundle/flow-*.js', async route => {
      await held
      await route.continue()
    })
    await page.goto(fixture.origin + FLOW, { waitUntil: 'commit' })
    await page.getByLabel('Password', { exact: true }).fill('wrong')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('Invalid password').waitFor()
    await page.getByLabel('Password', { exact: true }).fill('right')
    release()
    await taken(page)
    assert.equal(await page.getByLabel('Password', { exact: true }).inputValue(), 'right')
    assert.deepEqual(fixture.answers, [{ component: 'ak-stage-password', password: 'wrong' }])
  })

  test('says errors beside the field, ties them to it and puts the focus there', async () => {
    fixture.play(password, () => refused(password, { password: 'Invalid password' }))
    const { page } = await open()
    await page.getByLabel('Password', { exact: true }).fill('wrong')
    await page.getByRole('button', { name: 'Continue' }).click()
    const field = page.locator('[name=password][aria-invalid=true]')
    await field.waitFor()
    await focusOn(page, 'password')
    assert.equal(await field.inputValue(), '')
    const described = await field.getAttribute('aria-describedby')
    assert.equal(await page.locator(`#${described}`).innerText(), 'Invalid password')
  })

  test('keeps what is typed as soon as a refusal can be seen', async () => {
    fixture.play(password, () => refused(password, { password: 'Invalid password' }))
    const { page } = await open()
    const field = page.getByLabel('Password', { exact: true })
    await field.fill('wrong')
    // Faster than any hand: in the very moment in which the refusal stands in the page.
    await page.evaluate(`
      const seen = new MutationObserver(() => {
        if (!document.querySelector('.error')) return
        seen.disconnect()
        document.querySelector('[name=password]').value = 'right'
      })
      seen.observe(document.body, { childList: true, subtree: true })`)
    await page.keyboard.press('Enter')
    await page.locator('.error').waitFor()
    await page.evaluate('new Promise(painted => requestAnimationFrame(() => setTimeout(painted)))')
    assert.equal(await field.inputValue(), 'right')
  })

  test('says form errors in an alert and keeps the name that was typed', async () => {
    fixture.play(fullIdentification, () => refused(fullIdentification, { non_field_errors: 'Failed to authenticate.' }))
    const { page } = await open(FLOW, { locale: 'de' })
    await page.getByLabel('E-Mail oder Benutzername').fill('jane')
    await page.getByLabel('Passwort', { exact: true }).fill('wrong')
    await page.getByRole('button', { name: 'Anmelden', exact: true }).click()
    assert.equal(await page.getByRole('alert').innerText(), 'Anmeldung fehlgeschlagen.')
    assert.equal(await page.getByLabel('E-Mail oder Benutzername').inputValue(), 'jane')
    assert.equal(await page.getByLabel('Passwort', { exact: true }).inputValue(), '')
    await focusOn(page, 'password')
  })

  test('tells of empty required fields without asking the server', async () => {
    fixture.play(challenges.initialSetup)
    const { page } = await open()
    await page.getByLabel('Email').fill('root@example.com')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.locator('[aria-invalid=true]').first().waitFor()
    await focusOn(page, 'password')
    assert.equal(await page.getByText('This field is required.').count(), 2)
    assert.deepEqual(fixture.answers, [])
  })

  test('offers to try again when the network fails, and then sends the same answer', async () => {
    fixture.play(identification, () => password)
    const { page } = await open()
    await page.getByLabel('Email or username').fill('jane')
    await page.context().setOffline(true)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('The server cannot be reached.').waitFor()
    await page.context().setOffline(false)
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByLabel('Password', { exact: true }).waitFor()
    assert.deepEqual(fixture.answers, [{ component: 'ak-stage-identification', uid_field: 'jane' }])
  })

  test('sends an answer once, however often the button is pressed while it is on its way', async () => {
    fixture.play(identification, () => password)
    const { page } = await open()
    await page.getByLabel('Email or username').fill('jane')
    await page.evaluate('for (let presses = 0; presses < 3; presses++) document.forms[0].requestSubmit()')
    await page.getByLabel('Password', { exact: true }).waitFor()
    assert.deepEqual(fixture.answers, [{ component: 'ak-stage-identification', uid_field: 'jane' }])
  })

  test('explains a refused CSRF token and loads the page afresh', async () => {
    fixture.play(identification, () => 403)
    const { page } = await open()
    await page.getByLabel('Email or username').fill('jane')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('Your session has changed').waitFor()
    await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: 'Reload the page' }).click()])
    assert.equal(await page.getByText('Your session has changed').count(), 0)
  })

  test('tells at once of a file that is too large', async () => {
    fixture.play({
      ...challenges.everyPrompt,
      fields: (challenges.everyPrompt.fields as { type: string }[]).filter(field => field.type === 'file'),
    })
    const { page } = await open()
    await page.getByLabel('Avatar').setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: Buffer.alloc(1_200_000) })
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('This file is too large: a megabyte is the most.').waitFor()
    await focusOn(page, 'avatar')
    assert.deepEqual(fixture.answers, [])
  })
})
