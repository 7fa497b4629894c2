// needs: chromium
// databases: both
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { aGitHub } from '../upstreams/github.ts'
import { anOpenIDProvider, type OpenID } from '../upstreams/openid.ts'
import type { Person, Registration, Upstream } from '../upstreams/upstream.ts'
import { aBrowser, anInstallation, screenshot, signIn, taken } from './browser.ts'
import { aPerson, unique } from './onboarding.ts'
import { BOOTSTRAP, type Program } from './program.ts'

/** People come with accounts of others: from the button on the sign-in page to their own page, and by invitation. */

const ENROLLMENT = 'invitation-social'
const anna: Person = {
  id: '583231',
  username: 'anna',
  name: 'Anna Berg',
  email: 'anna@example.test',
  emailVerified: true,
  groups: ['staff'],
}
const boris: Person = { id: '583232', username: 'boris', name: 'Boris Lind', email: 'boris@example.test', emailVerified: true }

let program: Program
let github: Upstream
let company: OpenID
before(async () => {
  const people = [anna, boris]
  github = await aGitHub(people)
  company = await anOpenIDProvider(people, 'Example Company')
  program = await anInstallation({ ...BOOTSTRAP, SIGNET_OUTGOING_ALLOW: '127.0.0.1' })
  const form = new FormData()
  form.set('path', 'example/flow-invitation-social.yaml')
  const headers = { authorization: `Bearer ${BOOTSTRAP.AUTHENTIK_BOOTSTRAP_TOKEN}` }
  const imported = await fetch(`${program.origin}/api/v3/managed/blueprints/import/`, { method: 'POST', headers, body: form })
  const answer = await imported.text()
  assert.match(answer, /^{"success":true/, answer)

  const callback = (slug: string) => `${program.origin}/source/oauth/callback/${slug}/`
  const credentials = ({ client_id: consumer_key, client_secret: consumer_secret }: Registration) => ({ consumer_key, consumer_secret })
  const atGitHub = await program.api('PATCH', '/sources/oauth/github/', {
    enabled: true,
    ...credentials(github.register(callback('github'))),
    authorization_url: `${github.origin}/login/oauth/authorize`,
    access_token_url: `${github.origin}/login/oauth/access_token`,
    profile_url: `${github.origin}/user`,
  })
  // Only their buttons: nobody leaves this machine.
  const [google, facebook] = await Promise.all(
    ['google', 'facebook'].map(slug => program.api('PATCH', `/sources/oauth/${slug}/`, { enabled: true })),
  )
  const flow = async (slug: string) => (await program.api('GET', `/flows/instances/${slug}/`)).pk
  const atCompany = await program.api('POST', '/sources/oauth/', {
    name: 'Example Company',
    slug: 'company',
    provider_type: 'openidconnect',
    promoted: true,
    pkce: 'S256',
    ...credentials(company.register(callback('company'), `${program.origin}/source/oauth/logout/company/`)),
    oidc_well_known_url: company.wellKnown,
    authentication_flow: await flow('default-source-authentication'),
    enrollment_flow: await flow('default-source-enrollment'),
  })
  const [stage] = (await program.api('GET', '/stages/identification/?name=default-authentication-identification')).results
  await program.api('PATCH', `/stages/identification/${stage.pk}/`, {
    sources: [atGitHub, google, facebook, atCompany].map(({ pk }) => pk),
  })
})
after(() => Promise.all([github.close(), company.close()]))

const library = (page: Page) => page.getByRole('heading', { name: 'My applications' }).waitFor()
const button = (page: Page, name: string) => page.getByRole('link', { name: `Continue with ${name}` })
const whoAmI = (page: Page) =>
  page.evaluate(
    async () =>
      ((await (await fetch('/api/v3/core/users/me/')).json()) as { user: { pk: number; username: string; groups: { name: string }[] } })
        .user,
  )
const accounts = async (): Promise<number> => (await program.api('GET', '/core/users/?page_size=1')).pagination.count
const there = (page: Page, person: Person) => page.getByRole('link', { name: person.name }).click()

async function pictures(page: Page, name: string): Promise<void> {
  await screenshot(page, name)
  await page.emulateMedia({ colorScheme: 'dark' })
  await screenshot(page, `${name}-dark`)
  await page.emulateMedia({ colorScheme: 'light' })
}

async function invitation(group: string) {
  const flow = await program.api('GET', `/flows/instances/${ENROLLMENT}/`)
  const made = await program.api('POST', '/stages/invitation/invitations/', {
    name: unique('invite'),
    flow: flow.pk,
    single_use: true,
    fixed_data: { group },
  })
  return { pk: made.pk as string, link: `${program.origin}/if/flow/${ENROLLMENT}/?itoken=${made.pk}` }
}
const isSpent = async (pk: string) =>
  (await program.api('GET', '/stages/invitation/invitations/')).results.every((row: { pk: string }) => row.pk !== pk)

describe('login sources in a browser', () => {
  test('the company signs people in from the sign-in page, and they come to where they were going', async () => {
    const { page, complaints } = await aBrowser()
    await page.goto(`${program.origin}/if/flow/default-authentication-flow/?next=/if/user/`)
    await taken(page)
    await pictures(page, 'sources')
    await button(page, 'Example Company').click()
    await page.getByRole('heading', { name: 'Example Company' }).waitFor()
    await there(page, boris)
    // The default enrolment makes external accounts, which have no page of their own.
    await page.getByText('Interface can only be accessed by internal users.').waitFor()
    assert.equal((await whoAmI(page)).username, 'boris')
    assert.deepEqual(
      complaints.filter(text => !text.includes('403')),
      [],
    )
  })

  test('R-406: a stranger makes no account, and is told so; nor does somebody who says no over there', async () => {
    const count = await accounts()
    const { page } = await aBrowser()
    await page.goto(program.origin)
    await taken(page)
    await button(page, 'GitHub').click()
    await there(page, anna)
    await page.getByText('Invalid invite: there is no such invitation').waitFor()
    await page.goto(program.origin)
    await taken(page)
    await button(page, 'GitHub').click()
    await page.getByRole('link', { name: 'Cancel' }).click()
    await page.getByRole('heading', { name: 'Signing in did not work' }).waitFor()
    await screenshot(page, 'source-refused')
    await page.getByRole('link', { name: 'Back to signing in' }).click()
    await button(page, 'GitHub').waitFor()
    assert.equal(await accounts(), count)
  })

  test('R-411 R-415: an invitation, opened on a phone, is completed with an account of GitHub', async () => {
    await program.api('POST', '/core/groups/', { name: 'VPN Users' })
    const invited = await invitation('VPN Users')
    const { page, complaints } = await aBrowser({ viewport: { width: 390, height: 760 } })
    await page.goto(invited.link)
    await taken(page)
    assert.equal(await page.getByRole('textbox').count(), 0)
    await pictures(page, 'invitation-social')
    await button(page, 'GitHub').click()
    await there(page, anna)
    await taken(page)
    assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Anna Berg')
    assert.equal(await page.getByLabel('Email').inputValue(), 'anna@example.test')
    await pictures(page, 'invitation-social-form')
    assert.equal(await isSpent(invited.pk), false)
    await page.getByRole('button', { name: 'Continue' }).click()
    await library(page)
    const me = await whoAmI(page)
    assert.deepEqual([me.username, me.groups.map(({ name }) => name).toSorted()], ['anna', ['Allow Login Users', 'VPN Users']])
    assert.equal(await isSpent(invited.pk), true)
    assert.deepEqual(complaints, [])
    await page.getByRole('heading', { name: 'Connected accounts' }).waitFor()

    const late = await aBrowser()
    await late.page.goto(invited.link)
    await late.page.getByText('Invalid invite: there is no such invitation').waitFor()
    // And there is no password to come in by.
    const again = await aBrowser()
    await again.page.goto(program.origin)
    await button(again.page, 'GitHub').click()
    await there(again.page, anna)
    await library(again.page)
    assert.equal((await whoAmI(again.page)).pk, me.pk)
  })

  test('R-415: the same with a passkey', async () => {
    const invited = await invitation('VPN Users')
    const { page, context, complaints } = await aBrowser()
    const devtools = await context.newCDPSession(page)
    await devtools.send('WebAuthn.enable')
    await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    })
    await page.goto(invited.link)
    await taken(page)
    await page.getByRole('link', { name: 'Use a security key or passkey' }).click()
    await taken(page)
    await page.getByLabel('Name', { exact: true }).fill('Carla Moor')
    await page.getByLabel('Email').fill('carla@example.test')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page
      .getByRole('button', { name: /passkey|key/i })
      .first()
      .click()
    await library(page)
    const me = await whoAmI(page)
    assert.deepEqual(
      [me.username, me.groups.map(({ name }) => name).toSorted()],
      ['carla@example.test', ['Allow Login Users', 'VPN Users']],
    )
    assert.equal(await isSpent(invited.pk), true)
    assert.deepEqual(complaints, [])
  })

  test('people connect an account on their own page, sign in with it, and disconnect it again', async () => {
    const person = await aPerson(program, { username: 'dora', name: 'Dora Hill' })
    const dora: Person = { id: '583240', username: 'dora-there', name: 'Dora there', email: 'elsewhere@example.test', emailVerified: true }
    github.people.push(dora)
    const { page, complaints } = await aBrowser()
    await page.goto(program.origin)
    await signIn(page, person.username, person.password)
    await library(page)
    await page.getByRole('link', { name: 'Connect GitHub' }).click()
    await there(page, dora)
    await library(page)
    assert.equal(new URL(page.url()).hash, '#/settings;page-sources')
    await page.getByText('Connected since').waitFor()
    await pictures(page, 'connected-accounts')

    const elsewhere = await aBrowser()
    await elsewhere.page.goto(program.origin)
    await button(elsewhere.page, 'GitHub').click()
    await there(elsewhere.page, dora)
    await library(elsewhere.page)
    assert.equal((await whoAmI(elsewhere.page)).username, 'dora')

    await page.waitForLoadState() // whose script hears of the button
    page.once('dialog', dialog => void dialog.accept())
    await page.getByRole('button', { name: 'Disconnect GitHub?' }).click()
    await page.getByRole('link', { name: 'Connect GitHub' }).waitFor()
    const { results } = await program.api('GET', `/sources/user_connections/all/?user=${person.pk}`)
    assert.deepEqual(results, [])
    assert.deepEqual(complaints, [])
  })

  test('R-405 R-420: an address finds the account that has it where the source is trusted for that alone, for as long as the stage says', async () => {
    const known = await aPerson(program, { username: 'emil', name: 'Emil Ford' })
    const emil: Person = { id: '583250', username: 'emil-there', name: 'Emil there', email: known.email, emailVerified: true }
    github.people.push(emil) // They share the list.
    const arrive = async (source: string) => {
      const { page, context } = await aBrowser()
      await page.goto(program.origin)
      await button(page, source).click()
      await there(page, emil)
      return { page, cookie: async () => (await context.cookies()).find(({ name }) => name === 'authentik_session')! }
    }
    const byAddress = await arrive('GitHub')
    await library(byAddress.page)
    assert.equal((await whoAmI(byAddress.page)).pk, known.pk)
    // Gone with the browser.
    assert.equal((await byAddress.cookie()).expires, -1)

    const byId = await arrive('Example Company')
    await byId.page.getByText('Interface can only be accessed by internal users.').waitFor()
    assert.notEqual((await whoAmI(byId.page)).pk, known.pk)

    const [stage] = (await program.api('GET', '/stages/user_login/?name=default-source-authentication-login')).results
    await program.api('PATCH', `/stages/user_login/${stage.pk}/`, { session_duration: 'weeks=4' })
    const pinned = await arrive('GitHub')
    await library(pinned.page)
    const days = ((await pinned.cookie()).expires - Date.now() / 1000) / 86_400
    assert.ok(days > 27.9 && days < 28.1, String(days))
  })
})
