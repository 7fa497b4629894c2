// needs: chromium
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { aBrowser, atTheEnd, signIn, taken, theProgram } from './browser.ts'
import { aPerson, onboard, type Person } from './onboarding.ts'
import type { Program } from './program.ts'
import { aRelyingParty, type RelyingParty } from './relying-party.ts'

describe('signing out', () => {
  let program: Program
  let everywhere: string
  let person: Person
  let notes: RelyingParty
  let photos: RelyingParty
  before(async () => {
    program = await theProgram()
    everywhere = (await program.api('GET', '/flows/instances/?slug=default-invalidation-flow')).results[0].pk
    person = await aPerson(program)
    ;[notes, photos] = await Promise.all([aRelyingParty(), aRelyingParty()])
    atTheEnd(() => Promise.all([notes.close(), photos.close()]))
  })

  async function onboarded(party: RelyingParty, options: { consent?: boolean; provider: object }): Promise<void> {
    const client = await onboard(program, { redirects: [party.callback], logouts: [party.bye], ...options })
    await party.register({ ...client, scope: 'openid email profile' })
  }
  const isIn = async (page: Page, party: RelyingParty): Promise<boolean> => {
    await page.goto(party.origin)
    return (await page.getByRole('heading').first().innerText()) === 'Signed in'
  }
  const enter = async (page: Page, party: RelyingParty) => {
    await page.goto(party.origin)
    await page.getByRole('link', { name: 'Sign in' }).click()
  }
  const inside = (page: Page) => page.getByRole('heading', { name: 'Signed in' }).waitFor()

  /** Signs in to both applications; the second one asks for consent. */
  async function enterBoth(page: Page): Promise<void> {
    await enter(page, notes)
    await signIn(page, person.username, person.password)
    await inside(page)
    await enter(page, photos)
    await page.getByRole('button', { name: 'Continue' }).click()
    await inside(page)
  }

  test('of one application leaves the other, and of the library ends it by the back channel', async () => {
    await onboarded(notes, { provider: { logout_uri: notes.backchannel } })
    await onboarded(photos, { consent: true, provider: { logout_uri: photos.backchannel } })
    const { page, complaints } = await aBrowser()
    await enterBoth(page)

    const own = notes.heard()
    await page.goto(notes.origin)
    await page.getByRole('link', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Goodbye' }).waitFor()
    await own
    assert.ok(!(await isIn(page, notes)))
    assert.ok(await isIn(page, photos))

    const other = photos.heard()
    await page.goto(`${program.origin}/if/user/`)
    await page.getByRole('link', { name: 'Sign out' }).click()
    await page.getByLabel('Email or username').waitFor()
    await other
    assert.ok(!(await isIn(page, photos)))
    await enter(page, photos)
    await page.getByLabel('Email or username').waitFor()
    assert.deepEqual(complaints, [])
  })

  for (const [how, options] of [
    ['with JavaScript', {}],
    ['without JavaScript', { javaScriptEnabled: false }],
  ] as const) {
    test(`of one application tells the other through the browser, ${how}`, async () => {
      await onboarded(notes, { provider: { invalidation_flow: everywhere } })
      await onboarded(photos, { consent: true, provider: { logout_method: 'frontchannel', logout_uri: photos.frontchannel } })
      const { page, complaints } = await aBrowser(options)
      await enterBoth(page)
      const other = photos.heard()
      await page.goto(notes.origin)
      await page.getByRole('link', { name: 'Sign out' }).click()
      if ('javaScriptEnabled' in options) {
        await other
        await page.getByRole('button', { name: 'Continue' }).click()
      }
      await page.getByRole('heading', { name: 'Goodbye' }).waitFor()
      await other
      assert.ok(!(await isIn(page, photos)))
      assert.deepEqual(complaints, [])
    })
  }

  test('goes on where an application does not answer the browser', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    atTheEnd(() => silent.close().closeAllConnections())
    const asked = once(silent, 'request')
    await once(silent, 'listening')
    await onboarded(notes, {
      provider: {
        invalidation_flow: everywhere,
        logout_method: 'frontchannel',
        logout_uri: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`,
      },
    })
    const { page, complaints } = await aBrowser()
    await page.clock.install()
    await enter(page, notes)
    await signIn(page, person.username, person.password)
    await inside(page)
    await page.getByRole('link', { name: 'Sign out' }).click()
    await page.getByText('Telling applications').waitFor()
    await taken(page) // whose script counts the seconds
    await asked // so that the page of the frames is there already: it is gone with its stage
    await page.clock.runFor(4_500)
    await page.getByRole('heading', { name: 'Goodbye' }).waitFor()
    assert.deepEqual(complaints, [])
  })

  test('waits for its own page that tells applications, however slow the line', async () => {
    await onboarded(notes, { provider: { invalidation_flow: everywhere } })
    await onboarded(photos, { consent: true, provider: { logout_method: 'frontchannel', logout_uri: photos.frontchannel } })
    const { page, complaints } = await aBrowser()
    await page.clock.install()
    await enterBoth(page)
    const { promise: held, resolve: release } = Promise.withResolvers<void>()
    const asks = Promise.withResolvers<void>()
    let asked = 0
    await page.route('**/if/logout/', async route => {
      asked++
      asks.resolve()
      await held
      await route.continue()
    })
    const other = photos.heard()
    const posted: string[] = []
    page.on('request', request => void (request.method() === 'POST' && posted.push(request.url())))
    await page.goto(notes.origin)
    await page.getByRole('link', { name: 'Sign out' }).click()
    await asks.promise
    await page.clock.runFor(60_000)
    assert.deepEqual(posted, [], 'it went on before anybody was told')
    assert.equal(asked, 1)
    release()
    await other
    await page.getByRole('heading', { name: 'Goodbye' }).waitFor()
    assert.ok(!(await isIn(page, photos)))
    assert.deepEqual(complaints, [])
  })

  test('is noticed by an application’s page that asks ours, in a frame (OIDC Session Management §3)', async () => {
    // On the site of the provider: browsers keep cookies from frames of other sites.
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><link rel="icon" href="data:," /><title>App</title>')
    }).listen(0, '127.0.0.1')
    atTheEnd(() => server.close().closeAllConnections())
    await once(server, 'listening')
    const origin = `http://localhost:${(server.address() as AddressInfo).port}`
    const client = await onboard(program, { redirects: [`${origin}/back`], provider: { invalidation_flow: everywhere } })
    const metadata = (await (await fetch(`${client.issuer}.well-known/openid-configuration`)).json()) as { check_session_iframe: string }
    const frame = metadata.check_session_iframe
    const { page, context, complaints } = await aBrowser()
    const request = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: `${origin}/back`,
      response_type: 'code',
      scope: 'openid',
    })
    await page.goto(`${program.origin}/application/o/authorize/?${request.toString()}`)
    await signIn(page, person.username, person.password)
    await page.waitForURL(`${origin}/back?**`)
    const state = new URL(page.url()).searchParams.get('session_state')!
    const ask = (question: string): Promise<string> =>
      page.evaluate(`new Promise(resolve => {
        const iframe = document.createElement('iframe')
        iframe.src = ${JSON.stringify(frame)}
        iframe.addEventListener('load', () => iframe.contentWindow.postMessage(${JSON.stringify(question)}, new URL(iframe.src).origin))
        addEventListener('message', event => resolve(event.data), { once: true })
        document.body.append(iframe)
      })`)
    assert.equal(await ask(`${client.client_id} ${state}`), 'unchanged')
    assert.equal(await ask(`somebody-else ${state}`), 'changed')
    assert.equal(await ask('nonsense'), 'error')
    const other = await context.newPage()
    await other.goto(`${program.origin}/if/user/`)
    await other.getByRole('link', { name: 'Sign out' }).click()
    await other.getByLabel('Email or username').waitFor()
    assert.equal(await ask(`${client.client_id} ${state}`), 'changed')
    assert.deepEqual(complaints, [])
  })
})
