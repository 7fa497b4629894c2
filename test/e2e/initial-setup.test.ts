// needs: chromium
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aBrowser, anInstallation, screenshot, signIn, taken } from './browser.ts'

test('the first visitor of a new installation sets the administrator’s password; nobody can again', async () => {
  const program = await anInstallation({})
  const { page, complaints } = await aBrowser()
  const late = await aBrowser()
  await page.goto(program.origin)
  await taken(page)
  assert.equal(new URL(page.url()).pathname, '/if/flow/initial-setup/')
  await screenshot(page, 'initial-setup')
  // Somebody else has the page open at the same time.
  await late.page.goto(program.origin)
  await taken(late.page)
  assert.equal(new URL(late.page.url()).pathname, '/if/flow/initial-setup/')

  await page.getByLabel('Email').fill('admin@example.test')
  await page.getByLabel('Password', { exact: true }).fill('a password of my own')
  await page.getByLabel('Password (repeat)').fill('another one')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText("Passwords don't match.").waitFor()
  await page.getByLabel('Password', { exact: true }).fill('a password of my own')
  await page.getByLabel('Password (repeat)').fill('a password of my own')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('heading', { name: 'My applications' }).waitFor()
  const me = await page.evaluate(async () => (await fetch('/api/v3/core/users/me/')).json() as Promise<{ user: object }>)
  assert.partialDeepStrictEqual(me.user, { username: 'akadmin', email: 'admin@example.test', is_superuser: true })
  assert.deepEqual(complaints, [])

  await late.page.getByLabel('Email').fill('mallory@example.test')
  await late.page.getByLabel('Password', { exact: true }).fill('the password of a thief')
  await late.page.getByLabel('Password (repeat)').fill('the password of a thief')
  await late.page.getByRole('button', { name: 'Continue' }).click()
  await late.page.getByText('Initial set-up was already completed.').waitFor()
  await late.page.goto(`${program.origin}/if/flow/initial-setup/`)
  await late.page.getByText('Initial set-up was already completed.').waitFor()
  await late.page.goto(program.origin)
  await signIn(late.page, 'akadmin', 'the password of a thief')
  await late.page.getByText('Invalid password').waitFor()
  await late.page.getByLabel('Password', { exact: true }).fill('a password of my own')
  await late.page.getByRole('button', { name: 'Continue' }).click()
  await late.page.getByRole('heading', { name: 'My applications' }).waitFor()
})
