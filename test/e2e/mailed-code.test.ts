// needs: chromium
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeIn } from '../codes.ts'
import { aBrowser, screenshot, signIn, taken, theMail, theProgram } from './browser.ts'
import { aPerson } from './onboarding.ts'
import type { Program } from './program.ts'

/** A flow in which people set up codes by mail, as an administrator makes it. */
async function aSetup({ api }: Program): Promise<string> {
  const slug = 'codes-by-mail'
  const flow = await api('POST', '/flows/instances/', {
    name: slug,
    slug,
    title: 'Set up codes by mail',
    designation: 'stage_configuration',
    authentication: 'require_authenticated',
  })
  const stage = await api('POST', '/stages/authenticator/email/', {
    name: slug,
    use_global_settings: true,
    configure_flow: flow.pk,
    friendly_name: 'Codes by mail',
  })
  await api('POST', '/flows/bindings/', { target: flow.pk, stage: stage.pk, order: 0 })
  return `/flows/-/configure/${stage.pk}/`
}

test('somebody sets up codes by mail, and signs in with the next one', async () => {
  const program = await theProgram()
  const setup = await aSetup(program)
  const person = await aPerson(program, { name: 'Jane Roe' })
  const { mails, arrived } = await theMail()
  const hers = ({ to }: { to: string[] }) => to.includes(person.email)
  /** The code of the mail of this number, as soon as it is there. */
  const code = async (number: number): Promise<string> => codeIn((await arrived(number, hers)).at(-1)!.text)

  const first = await aBrowser()
  await first.page.goto(program.origin)
  await signIn(first.page, person.username, person.password)
  await first.page.getByRole('heading', { name: 'My applications' }).waitFor()
  await first.page.goto(program.origin + setup)
  await taken(first.page)
  await first.page.getByText('A code is on its way to j***@example.test').waitFor()
  await screenshot(first.page, 'second-factor-mail-setup')
  const proof = await code(1)
  await first.page.getByLabel('Code').fill(proof === '000000' ? '111111' : '000000')
  await first.page.getByRole('button', { name: 'Continue' }).click()
  await first.page.getByRole('alert').waitFor()
  await first.page.getByLabel('Code').fill(proof)
  await first.page.getByRole('button', { name: 'Continue' }).click()
  await first.page.getByRole('heading', { name: 'My applications' }).waitFor()
  assert.deepEqual(first.complaints, [])

  const second = await aBrowser()
  await second.page.goto(program.origin)
  await signIn(second.page, person.username, person.password)
  await second.page.getByRole('button', { name: 'Send a code to j***@example.test' }).click()
  await second.page.getByText('A code is on its way to j***@example.test').waitFor()
  await second.page.getByLabel('Code').fill(await code(2))
  await second.page.getByRole('button', { name: 'Continue' }).click()
  await second.page.getByRole('heading', { name: 'My applications' }).waitFor()
  assert.equal(mails.filter(hers).length, 2)
  assert.deepEqual(second.complaints, [])
})
