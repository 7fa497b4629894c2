import assert from 'node:assert/strict'
import cookie from '@fastify/cookie'
import Fastify, { type FastifyInstance } from 'fastify'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from '../../scripts/prepare.mjs'
import { adminsGroup, aUser, unique } from '../../test/builders.ts'
import { aFlow, aForm, aStage, FlowVisitor } from '../../test/flows.ts'
import { ownServer, server } from '../../test/harness.ts'
import { apiSurface } from '../api/surface.ts'
import { createObject, changeObject } from '../api/objects.ts'
import { visitor } from '../context.ts'
import { Brand } from '../core/brand/model.ts'
import type { Deps } from '../deps.ts'
import { describeRequest } from '../http/request.ts'
import { openWeb, type Web } from '../interfaces/assets.ts'
import { flowPages } from './routes.ts'

/** The pages and the API, as the program mounts them. */
async function pages(deps: Deps, web: Web): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(cookie)
  app.decorateRequest('ctx')
  app.addHook('onRequest', async request => {
    request.ctx = { ...deps, caller: visitor, request: describeRequest(deps.config, request.id, request.raw) }
  })
  await app.register(async api => void apiSurface(api, { ...deps.registry, bearerSources: [] }), { prefix: '/api/v3' })
  await app.register(async inner => flowPages(inner, { web }))
  return app
}

suite('addresses of flows', () => {
  let web: Web
  let app: FastifyInstance
  before(async () => {
    build(['web'])
    web = await openWeb(fileURLToPath(new URL('../../dist/web/', import.meta.url)))
    app = await pages((await server()).deps, web)
  })
  after(async () => app.close())

  const location = async (browser: FlowVisitor, path: string, headers?: Record<string, string>) => {
    const answer = await browser.get(path, headers)
    assert.equal(answer.status, 302, `${path}: ${answer.text.slice(0, 200)}`)
    return String(answer.headers.location)
  }

  test('the start page asks visitors to sign in and leads others to their own', async () => {
    const { ctx } = await server()
    const user = await aUser(ctx, { password: 'x' })
    // Somebody has a password by now, so that set-up is not what visitors are sent to.
    await aUser(ctx, { password: 'x', groups: [await adminsGroup(ctx)] })
    const browser = new FlowVisitor(app)
    assert.equal(await location(browser, '/?a=b'), '/flows/-/default/authentication/?next=%2F%3Fa%3Db')
    await browser.signIn(user.username as string, 'x')
    assert.equal(await location(browser, '/?a=b'), '/if/user/?a=b')
  })

  test('a fresh installation leads to set-up, and no longer once it is done (abuse 40)', async () => {
    const { deps } = await ownServer()
    const fresh = await pages(deps, web)
    try {
      const browser = new FlowVisitor(fresh)
      assert.equal(await location(browser, '/'), '/if/flow/initial-setup/')
      await browser.challenge('initial-setup')
      await browser.challenge('initial-setup', '', {
        email: 'a@example.test',
        password: 'a password of my own',
        password_repeat: 'a password of my own',
      })
      assert.equal(await location(browser, '/'), '/if/user/')
      assert.equal(await location(new FlowVisitor(fresh), '/'), '/flows/-/default/authentication/?next=%2F')
    } finally {
      await fresh.close()
    }
  })

  test('the default flows are found, keep the query and take the place of others', async () => {
    const { ctx } = await server()
    const browser = new FlowVisitor(app)
    const flow = await aFlow(ctx, ['dummy', 'dummy'])
    const first = await browser.challenge(flow.slug)
    assert.notEqual((await browser.challenge(flow.slug, '', {})).name, first.name)
    assert.equal(
      await location(browser, '/flows/-/default/authentication/?next=%2Fx&y'),
      '/if/flow/default-authentication-flow/?next=%2Fx&y',
    )
    assert.equal((await browser.challenge(flow.slug)).name, first.name)
    assert.equal(await location(browser, '/flows/-/default/invalidation/'), '/if/flow/default-invalidation-flow/')
  })

  test('a brand has its own flow for signing in', async () => {
    const { ctx } = await server()
    const flow = await aFlow(ctx, ['dummy'])
    const domain = `${unique('brand')}.test`
    const brand = await createObject(ctx, Brand, { domain, flow_authentication: flow.flow_uuid })
    const browser = new FlowVisitor(app)
    assert.equal(await location(browser, '/flows/-/default/authentication/', { host: `sub.${domain}` }), `/if/flow/${flow.slug}/`)
    await changeObject(ctx, Brand, brand, { flow_authentication: null })
    assert.equal(
      await location(browser, '/flows/-/default/authentication/', { host: `sub.${domain}` }),
      '/if/flow/default-authentication-flow/',
    )
  })

  test('a cancelled flow is forgotten, and leads on within this server alone', async () => {
    const { ctx } = await server()
    const flow = await aFlow(ctx, ['dummy', 'dummy'])
    const browser = new FlowVisitor(app)
    const first = await browser.challenge(flow.slug)
    await browser.challenge(flow.slug, '', {})
    assert.equal(await location(browser, '/flows/-/cancel/?next=%2Fif%2Fuser%2F'), '/if/user/')
    assert.equal((await browser.challenge(flow.slug)).name, first.name)
    for (const next of ['https://evil.example/', '//evil.example', '/\\evil.example']) {
      assert.equal(await location(browser, `/flows/-/cancel/?next=${encodeURIComponent(next)}`), '/flows/-/default/invalidation/')
    }
  })

  test('a stage is configured by its flow, for whoever is signed in', async () => {
    const { ctx } = await server()
    const user = await aUser(ctx, { password: 'x' })
    const flow = await aFlow(ctx, ['password'], { designation: 'stage_configuration' })
    const stage = await aStage(ctx, 'password', { configure_flow: flow.flow_uuid })
    const url = `/flows/-/configure/${String(stage.stage_uuid)}/?next=%2Fx`
    const browser = new FlowVisitor(app)
    assert.match(await location(browser, url), /^\/flows\/-\/default\/authentication\/\?next=/)
    await browser.signIn(user.username as string, 'x')
    assert.equal(await location(browser, url), `/if/flow/${flow.slug}/?next=%2Fx`)
    assert.equal((await browser.challenge(flow.slug, 'next=%2Fx')).pending_user, user.username)
    for (const other of [String((await aStage(ctx, 'password')).stage_uuid), String((await aStage(ctx, 'dummy')).stage_uuid), 'nonsense']) {
      assert.equal((await browser.get(`/flows/-/configure/${other}/`)).status, 404)
    }
  })

  test('an unknown flow is a page that says so', async () => {
    const answer = await new FlowVisitor(app).get('/if/flow/no-such-flow/')
    assert.equal(answer.status, 404)
    assert.match(String(answer.headers['content-type']), /^text\/html/)
  })

  const hidden = (text: string, name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(text.replaceAll(/\s+/g, ' '))?.[1]

  test('somebody signs in without JavaScript', async () => {
    const { ctx } = await server()
    const user = await aUser(ctx, { password: 'right' })
    const { slug } = await aFlow(ctx, ['identification', 'password', 'user_login'])
    const url = `/if/flow/${slug}/?next=%2Fif%2Fuser%2F`
    const browser = new FlowVisitor(app)
    const page = await browser.get(url)
    assert.equal(page.status, 200)
    assert.match(String(page.headers['content-security-policy']), /script-src/)
    const csrf = hidden(page.text, 'csrfmiddlewaretoken')
    assert.equal(csrf, browser.cookies.get('authentik_csrf'))
    const send = (form: Record<string, string>) =>
      browser.request('POST', url, { form: { csrfmiddlewaretoken: browser.cookies.get('authentik_csrf')!, ...form } })

    const named = await send({ uid_field: String(user.username) })
    assert.deepEqual([named.status, named.headers.location], [303, url])
    assert.match((await browser.get(url)).text, /type="password"/)
    const wrong = await send({ password: 'not-this' })
    assert.equal(wrong.status, 200)
    assert.match(wrong.text, /Invalid password/)
    assert.ok(!wrong.text.includes('not-this'))
    const right = await send({ password: 'right' })
    assert.deepEqual([right.status, right.headers.location], [303, url])
    assert.equal(await location(browser, url), '/if/user/')
    assert.equal((await browser.get('/api/v3/core/users/me/')).body.user.username, user.username)
  })

  test('somebody fills a form and consents without JavaScript, and what is wrong stands beside its field', async () => {
    const { ctx } = await server()
    const form = await aForm(ctx, [
      { field_key: 'name', label: 'Your name' },
      { field_key: 'age', label: 'Age', type: 'number' },
      { field_key: 'agree', label: 'I agree', type: 'checkbox' },
      { field_key: 'size', label: 'Size', type: 'dropdown', placeholder: 'return ["s", "m"]', placeholder_expression: true },
      { field_key: 'picture', label: 'Picture', type: 'file', required: false },
    ])
    const { slug } = await aFlow(ctx, [form, await aStage(ctx, 'consent', { mode: 'always_require' }), 'dummy'], {
      designation: 'stage_configuration',
    })
    const url = `/if/flow/${slug}/`
    const browser = new FlowVisitor(app)
    await browser.get(url)
    const send = (fields: Record<string, string>) =>
      browser.request('POST', url, { form: { csrfmiddlewaretoken: browser.cookies.get('authentik_csrf')!, ...fields } })
    const wrong = await send({ name: 'Jane', age: 'old', size: 's', picture: '' })
    assert.equal(wrong.status, 200)
    assert.match(wrong.text, /id="field-age-error"[^>]*>\s*<p>A valid integer is required\./)
    assert.match(wrong.text, /value="Jane"/)
    assert.equal((await send({ name: 'Jane', age: '42', agree: 'true', size: 'm', picture: '' })).status, 303)
    const asked = await browser.get(url)
    const token = hidden(asked.text, 'token')!
    assert.equal((await send({ token: 'guess' })).status, 200)
    assert.equal((await send({ token })).status, 303)
    assert.equal((await browser.challenge(slug)).component, 'ak-stage-dummy')
  })

  test('a language that is chosen by the page’s menu is kept, and those of the account and the browser come after it', async () => {
    const { ctx } = await server()
    const { slug } = await aFlow(ctx, ['dummy'], { designation: 'stage_configuration' })
    const url = `/if/flow/${slug}/`
    const browser = new FlowVisitor(app)
    const langOf = async (path: string, headers = {}) => /<html lang="(\w+)"/.exec((await browser.get(path, headers)).text)![1]
    assert.equal(await langOf(url, { 'accept-language': 'fr' }), 'fr')
    assert.equal(await langOf(`${url}?locale=xx`, { 'accept-language': 'fr' }), 'fr')
    assert.equal(await langOf(`${url}?locale=nl`, { 'accept-language': 'fr' }), 'nl')
    assert.equal(await langOf(url, { 'accept-language': 'fr' }), 'nl')
    const user = await aUser(ctx, { password: 'right', attributes: { settings: { locale: 'de' } } })
    const own = new FlowVisitor(app)
    await own.signIn(String(user.username), 'right')
    assert.match((await own.get(url, { 'accept-language': 'fr' })).text, /<html lang="de"/)
  })

  test('a form without the token, or of another session, moves nothing', async () => {
    const { ctx } = await server()
    const { slug } = await aFlow(ctx, ['dummy', 'deny'])
    const url = `/if/flow/${slug}/`
    const browser = new FlowVisitor(app)
    await browser.get(url)
    for (const csrfmiddlewaretoken of ['', 'guess'])
      assert.equal((await browser.request('POST', url, { form: { csrfmiddlewaretoken } })).status, 403)
    const token = browser.cookies.get('authentik_csrf')!
    browser.cookies.delete('authentik_session')
    const stale = await browser.request('POST', url, { form: { csrfmiddlewaretoken: token } })
    assert.deepEqual([stale.status, stale.headers.location], [303, url])
    assert.equal((await browser.challenge(slug)).component, 'ak-stage-dummy')
  })

  test('a form that leads to another site shows a page, since forms may not be redirected there', async () => {
    const { ctx } = await server()
    const { slug } = await aFlow(ctx, [
      'dummy',
      await aStage(ctx, 'redirect', { mode: 'static', target_static: 'https://elsewhere.example/' }),
    ])
    const url = `/if/flow/${slug}/`
    const browser = new FlowVisitor(app)
    await browser.get(url)
    const csrfmiddlewaretoken = browser.cookies.get('authentik_csrf')!
    assert.equal((await browser.request('POST', url, { form: { csrfmiddlewaretoken } })).status, 303)
    const page = await browser.request('POST', url, { form: { csrfmiddlewaretoken } })
    assert.equal(page.status, 200)
    assert.match(page.text, /http-equiv="refresh" content="0; ?url=https:\/\/elsewhere.example\/"/)
    assert.equal(await location(browser, url), 'https://elsewhere.example/')
  })

  test('so does a form whose flow ends at an address of ours, which may lead on to another site', async () => {
    const { ctx } = await server()
    const user = await aUser(ctx, { password: 'right' })
    const { slug } = await aFlow(ctx, ['identification', 'password', 'user_login'])
    const url = `/if/flow/${slug}/?next=%2Fapplication%2Fo%2Fauthorize%2F%3Fx`
    const browser = new FlowVisitor(app)
    await browser.get(url)
    const send = (form: Record<string, string>) =>
      browser.request('POST', url, { form: { csrfmiddlewaretoken: browser.cookies.get('authentik_csrf')!, ...form } })
    await send({ uid_field: String(user.username) })
    assert.equal((await send({ password: 'right' })).status, 303)
    const last = await browser.get(url, { referer: `https://id.example.test${url}` })
    assert.equal(last.status, 200)
    assert.match(last.text, /http-equiv="refresh" content="0; ?url=\/application\/o\/authorize\/\?x"/)
  })

  test('nobody is signed out by another site’s page or picture (abuse 32)', async () => {
    const { ctx } = await server()
    const user = await aUser(ctx, { password: 'x' })
    const { slug } = await aFlow(ctx, ['user_logout'], { designation: 'invalidation' })
    const url = `/if/flow/${slug}/`
    const browser = new FlowVisitor(app)
    await browser.signIn(user.username as string, 'x')
    const signedIn = async () => (await browser.get('/api/v3/core/users/me/')).status === 200
    assert.equal((await browser.get(url, { 'sec-fetch-dest': 'image', 'sec-fetch-site': 'cross-site' })).status, 403)
    assert.equal((await browser.get(url, { 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'cross-site' })).status, 403)
    const asked = await browser.get(url, { 'sec-fetch-dest': 'document', 'sec-fetch-site': 'cross-site' })
    assert.equal(asked.status, 200)
    assert.ok(await signedIn())
    const confirmed = await browser.request('POST', url, {
      form: { csrfmiddlewaretoken: browser.cookies.get('authentik_csrf')! },
      headers: { 'sec-fetch-site': 'same-origin' },
    })
    assert.equal(confirmed.status, 200)
    assert.match(confirmed.text, /http-equiv="refresh" content="0; ?url=\/"/)
    assert.ok(!(await signedIn()))
  })
})
