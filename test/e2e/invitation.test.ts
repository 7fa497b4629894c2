// needs: chromium
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { Delivered, mailServer } from '../smtp.ts'
import { aBrowser, screenshot, signIn, taken, theMail, theProgram } from './browser.ts'
import type { Program } from './program.ts'

/** From the mail to the account, in a browser, with a mail server that takes what is sent. */

const PASSWORD = 'a password of my own'

let smtp: Awaited<ReturnType<typeof mailServer>>
let program: Program
before(async () => {
  smtp = await theMail()
  program = await theProgram()
})

const linkIn = (mail: Delivered): string => /http:\S+(?:itoken|flow_token)=[\w.-]+/.exec(mail.text)![0]
const continues = (page: Page) => page.getByRole('button', { name: 'Continue' }).click()
const library = (page: Page) => page.getByRole('heading', { name: 'My applications' }).waitFor()
const whoAmI = (page: Page) =>
  page.evaluate(
    async () => ((await (await fetch('/api/v3/core/users/me/')).json()) as { user: { username: string; groups: { name: string }[] } }).user,
  )

/** What a page looks like in light and in dark colours. */
async function pictures(page: Page, name: string): Promise<void> {
  await screenshot(page, name)
  await page.emulateMedia({ colorScheme: 'dark' })
  await screenshot(page, `${name}-dark`)
  await page.emulateMedia({ colorScheme: 'light' })
}

test('an invitation arrives by mail, survives being looked at, and makes an account in its group', async () => {
  const flow = await program.api('GET', '/flows/instances/invitation-enrollment/')
  const group = await program.api('POST', '/core/groups/', { name: 'media-users' })
  const made = await program.api('POST', '/signet/invitations/', {
    name: 'mary-doe',
    flow: flow.pk,
    fixed_data: { name: 'Mary Doe' },
    email: 'mary@example.test',
    groups: [group.pk],
    send_email: true,
  })
  const [mail] = await smtp.arrived(1, sent => sent.to.includes('mary@example.test'))
  const link = linkIn(mail!)
  assert.equal(link, made.link)

  const scanner = await aBrowser()
  await scanner.page.goto(link)
  await scanner.page.getByLabel('Username').waitFor()
  const { page, complaints } = await aBrowser()
  await page.goto(link)
  await taken(page)
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Mary Doe')
  assert.equal(await page.getByLabel('Email').inputValue(), 'mary@example.test')
  await pictures(page, 'invitation')
  const opened = await program.api('GET', `/signet/invitations/${made.pk}/`)
  assert.deepEqual([opened.state, opened.opened_count], ['opened', 2])

  await page.getByLabel('Username').fill('mary')
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByLabel('Password (repeat)').fill('another one')
  await continues(page)
  await page.getByText("Passwords don't match.").waitFor()
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByLabel('Password (repeat)').fill(PASSWORD)
  await continues(page)
  await library(page)
  const me = await whoAmI(page)
  assert.deepEqual([me.username, me.groups.map(({ name }) => name)], ['mary', ['media-users']])
  assert.deepEqual(complaints, [])
  const used = await program.api('GET', `/signet/invitations/${made.pk}/`)
  assert.deepEqual([used.state, used.used_by[0].username], ['used', 'mary'])

  const late = await aBrowser()
  await late.page.goto(link)
  await late.page.getByText('Invalid invite: there is no such invitation').waitFor()
  await pictures(late.page, 'invitation-used')
})

test('a forgotten password is replaced by way of the mail, in another browser than the one that asked', async () => {
  await program.api('POST', '/core/users/', { username: 'john', name: 'John Roe', email: 'john@example.test', type: 'internal' })
  const { page, complaints } = await aBrowser()
  await page.goto(program.origin)
  await taken(page)
  await page.getByRole('link', { name: 'Forgot password?' }).click()
  await taken(page)
  await pictures(page, 'recovery')
  await page.getByLabel('Email or username').fill('john')
  await page.getByRole('button').first().click()
  await page.getByRole('button', { name: /send/i }).waitFor()
  await pictures(page, 'recovery-sent')
  const [mail] = await smtp.arrived(1, sent => sent.to.includes('john@example.test'))
  const link = linkIn(mail!)

  const reader = await aBrowser()
  await reader.page.goto(link)
  await taken(reader.page)
  await pictures(reader.page, 'recovery-link')
  await continues(reader.page)
  await reader.page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await pictures(reader.page, 'recovery-password')
  await reader.page.getByLabel('Password (repeat)').fill(PASSWORD)
  await continues(reader.page)
  await library(reader.page)
  assert.equal((await whoAmI(reader.page)).username, 'john')

  const again = await aBrowser()
  await again.page.goto(program.origin)
  await signIn(again.page, 'john', PASSWORD)
  await library(again.page)
  assert.deepEqual([...complaints, ...reader.complaints], [])
})
