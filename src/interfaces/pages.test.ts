import assert from 'node:assert/strict'
import Fastify from 'fastify'
import { before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from '../../scripts/prepare.mjs'
import { openWeb, serveAssets, type Web } from './assets.ts'
import * as errors from './errors.ts'
import { parseFlowForm, renderFlowPage, type Challenge } from './flow.ts'
import { renderFormPost } from './formpost.ts'
import type { OwnSetting } from './own-settings.ts'
import { renderLibrary, type LibraryApplication, type LibrarySource } from './library.ts'
import bg from './locales/bg.ts'
import de from './locales/de.ts'
import en from './locales/en.ts'
import es from './locales/es.ts'
import fr from './locales/fr.ts'
import nl from './locales/nl.ts'
import type { PageContext } from './page.ts'

/** A page without the white space between its tags, which means nothing. */
const flat = (body: string) =>
  body
    .replace(/\s+/g, ' ')
    .replace(/\s*(\/?>|<)\s*/g, '$1')
    .replaceAll('/>', '>')

suite('pages', () => {
  let web: Web
  let context: PageContext
  before(async () => {
    build(['web'])
    web = await openWeb(fileURLToPath(new URL('../../dist/web/', import.meta.url)))
    const brand = {
      branding_title: 'Home & Co',
      branding_logo: '/static/dist/assets/icons/icon_left_brand.svg',
      branding_favicon: '/static/dist/assets/icons/icon.png',
      branding_custom_css: '.card{color:red}',
      ui_footer_links: [
        { href: 'https://example.org/privacy', name: 'Privacy' },
        { href: 'javascript:alert(1)', name: 'Trap' },
        { href: null, name: 'Plain' },
      ],
      ui_theme: 'dark' as const,
    }
    context = { web, brand, lang: 'en', nonce: 'NONCE' }
  })
  const prompt = (fields: Record<string, unknown>[]): Challenge => ({
    component: 'ak-stage-prompt',
    fields: fields.map(field => ({
      required: true,
      label: '',
      placeholder: '',
      initial_value: '',
      order: 0,
      sub_text: '',
      choices: null,
      ...field,
    })),
  })
  const flow = (challenge: Challenge, more: { posted?: Record<string, string>; query?: string } = {}) =>
    renderFlowPage({ ...context, executor: '/api/v3/flows/executor/login/', query: '', challenge, csrf: 'TOKEN', ...more })
  const password: Challenge = {
    component: 'ak-stage-password',
    flow_info: { title: '<Sign in>', cancel_url: '/flows/-/cancel/', layout: 'sidebar_left', background: '/media/beach.jpg' },
    pending_user: 'jane',
    pending_user_avatar: '',
    response_errors: { password: [{ string: 'Invalid password', code: 'invalid' }] },
  }

  suite('a flow', () => {
    test('carries its challenge as a form that works without JavaScript, and as data for the client', () => {
      const { body, status } = flow(password, { query: 'next=%2Fif%2Fuser%2F' })
      assert.equal(status, 200)
      assert.match(body, /<form method="post"[^>]*><input type="hidden" name="csrfmiddlewaretoken" value="TOKEN"/)
      assert.match(body, /aria-invalid="true" aria-describedby="field-password-error"/)
      assert.match(body, /<title>&lt;Sign in&gt; · Home &amp; Co<\/title>/)
      const data = JSON.parse(/id="flow-data" nonce="NONCE">([^<]*)<\/script>/.exec(body)![1]!)
      assert.deepEqual(data.challenge, password)
      assert.equal(data.executor, '/api/v3/flows/executor/login/?query=next%3D%252Fif%252Fuser%252F')
    })

    test('shows the brand: title, theme, style sheet, footer links that are safe', () => {
      const body = flat(flow(password).body)
      assert.match(body, /<html lang="en" data-theme="dark">/)
      assert.match(body, /<style nonce="NONCE">\.card\{color:red\}<\/style>/)
      assert.match(body, /<a href="https:\/\/example.org\/privacy">Privacy<\/a><span>Trap<\/span><span>Plain<\/span>/)
      assert.match(body, /<body class="card-page" data-layout="sidebar_left">/)
      assert.match(body, /url\("\/media\/beach\.jpg"\)/)
    })

    test('gives every script and inline style its nonce', () => {
      const body = flat(flow(password).body)
      for (const [tag] of body.matchAll(/<(script|style)\b[^>]*>/g)) assert.match(tag, /nonce="NONCE"/)
      assert.doesNotMatch(body, / style="| on[a-z]+="/)
    })

    test('speaks the language of the page and loads its table at once', () => {
      context.lang = 'de'
      const body = flat(flow(password).body)
      context.lang = 'en'
      assert.match(body, /Falsches Passwort/)
      assert.match(body, /<link rel="modulepreload" href="\/static\/dist\/bundle\/de-[\w-]+\.js" nonce="NONCE">/)
    })

    test('fills a refused form in again, but never a password', () => {
      const identification: Challenge = {
        component: 'ak-stage-identification',
        user_fields: ['username'],
        password_fields: true,
        primary_action: 'Log in',
      }
      const body = flat(flow(identification, { posted: { uid_field: 'jane', password: 'hunter2', csrfmiddlewaretoken: 'x' } }).body)
      assert.match(body, /value="jane"/)
      assert.doesNotMatch(body, /hunter2/)
      const fields = [
        { field_key: 'name', type: 'text' },
        { field_key: 'secret', type: 'password' },
      ]
      const again = flat(flow(prompt(fields), { posted: { name: 'Jane', secret: 'hunter2' } }).body)
      assert.match(again, /value="Jane"/)
      assert.doesNotMatch(again, /hunter2/)
    })

    test('lets only an autosubmit form leave for another site', () => {
      const policy = (challenge: Challenge) => /form-action ([^;]*)/.exec(flow(challenge).headers['content-security-policy']!)![1]
      assert.equal(policy(password), "'self'")
      assert.equal(policy({ component: 'ak-stage-autosubmit', url: 'https://sp.example.org/acs', attrs: {} }), "'self' https:")
    })

    test('follows a redirect without JavaScript, unless it would run a script', () => {
      const to = (url: string) => flat(flow({ component: 'xak-flow-redirect', to: url }).body)
      assert.match(to('/if/user/?a=1&b=2'), /<noscript><meta http-equiv="refresh" content="0; url=\/if\/user\/\?a=1&amp;b=2"><\/noscript>/)
      assert.doesNotMatch(to('javascript:alert(1)'), /http-equiv="refresh"|href="javascript/)
    })
  })

  suite('a posted form', () => {
    test('becomes the answer of its stage, with types, without what was not asked', () => {
      const form = { csrfmiddlewaretoken: 'x', extra: 'y' }
      const answer = (component: string, more: Record<string, unknown>) => parseFlowForm({ ...form, ...more }, { component })
      assert.deepEqual(answer('ak-stage-identification', { uid_field: ['old', 'jane'], password: ' p ' }), {
        component: 'ak-stage-identification', uid_field: 'jane', password: ' p ',
      }) // prettier-ignore
      assert.deepEqual(answer('ak-stage-password', {}), { component: 'ak-stage-password', password: '' })
      assert.deepEqual(answer('ak-stage-consent', { token: 't' }), { component: 'ak-stage-consent', token: 't' })
      assert.deepEqual(answer('ak-stage-user-login', { remember_me: 'true' }), { component: 'ak-stage-user-login', remember_me: true })
      assert.deepEqual(answer('ak-stage-user-login', {}), { component: 'ak-stage-user-login', remember_me: false })
      assert.deepEqual(answer('ak-stage-authenticator-totp', { code: '123456' }), {
        component: 'ak-stage-authenticator-totp', extra: 'y', code: '123456',
      }) // prettier-ignore
    })

    test('gives prompt fields the type of the field', () => {
      const cases: [type: string, value: string | undefined, required: boolean, expected: unknown][] = [
        ['number', '42', true, 42],
        ['number', '-1.5', true, -1.5],
        ['number', '', false, undefined],
        ['number', 'four', true, 'four'],
        ['number', 'Infinity', true, 'Infinity'],
        ['checkbox', undefined, false, false],
        ['checkbox', 'true', false, true],
        ['text', '', false, ''],
        ['text', ' spaced ', true, ' spaced '],
        ['username', '', false, undefined],
        ['password', '', true, ''],
        ['email', '', false, ''],
        ['date', '', false, undefined],
        ['date', '2026-01-31', true, '2026-01-31'],
        ['dropdown', 'red', true, 'red'],
        ['file', 'avatar.png', false, undefined],
        ['file', 'data:image/png;base64,AA==', false, 'data:image/png;base64,AA=='],
        ['static', 'forged', true, undefined],
        ['separator', 'forged', true, undefined],
        ['ak-locale', '', false, ''],
      ]
      for (const [type, value, required, expected] of cases) {
        const answer = parseFlowForm(value === undefined ? {} : { key: value }, prompt([{ field_key: 'key', type, required }]))
        assert.deepEqual(answer.key, expected, `${type} ${value}`)
        assert.equal(Object.hasOwn(answer, 'key'), expected !== undefined, `${type} ${value}`)
      }
    })

    test('cannot reach the prototype of the answer', () => {
      const body = JSON.parse('{"__proto__":"x","uid_field":"jane"}') as Record<string, unknown>
      const answer = parseFlowForm(body, prompt([{ field_key: '__proto__', type: 'text' }]))
      assert.equal(Object.getPrototypeOf(answer), Object.prototype)
    })
  })

  test('error pages say what happened, with the request’s id, and nothing of the cause', () => {
    const denied = errors.renderAccessDenied(context, { messages: ['Not <you>.'], explanation: [['group', 'no']], requestId: 'abc' })
    assert.equal(denied.status, 200)
    assert.match(denied.body, /<h1>Permission denied<\/h1>[\s\S]*Request has been denied\.[\s\S]*Not &lt;you&gt;\.[\s\S]*abc/)
    const about = { application: 'A & {user}', user: 'jane' }
    assert.match(
      errors.renderAccessDenied(context, { about, messages: [], requestId: 'abc' }).body,
      /A &amp; \{user\} is not open to the account jane\./,
    )
    const redirect = errors.renderOAuthError(context, { title: 'Redirect URI Error', text: 'The request fails.', requestId: 'abc' })
    assert.equal(redirect.status, 400)
    assert.match(redirect.body, /<h1>Redirect URI Error<\/h1>/)
    assert.equal(errors.renderNotFound(context).status, 404)
    assert.match(errors.renderServerError(context, { requestId: 'abc' }).body, /abc/)
    const starting = errors.renderStarting(context)
    assert.deepEqual([starting.status, starting.headers['retry-after']], [503, '2'])
    assert.equal(errors.renderCsrfFailure(context, { href: '/if/flow/x/' }).status, 403)
  })

  test('a form_post page escapes what it carries and has no inline script', () => {
    const { body, headers } = renderFormPost(context, { action: 'https://app.example.org/cb?a=1&b=2', fields: { state: '"><script>' } })
    assert.match(body, /<form method="post" action="https:\/\/app.example.org\/cb\?a=1&amp;b=2">/)
    assert.match(body, /name="state" value="&quot;&gt;&lt;script&gt;"/)
    assert.doesNotMatch(body, /<script(?![^>]*\bsrc=)/)
    assert.equal(headers['referrer-policy'], 'strict-origin')
  })

  suite('the library', () => {
    const application = (more: Partial<LibraryApplication>): LibraryApplication => ({
      name: 'App',
      launch_url: 'https://app/',
      icon: null,
      description: '',
      group: '',
      ...more,
    })
    const library = (applications: LibraryApplication[], more: { is_superuser?: boolean; sources?: LibrarySource[]; settings?: OwnSetting[] } = {}) =>
      renderLibrary({
        ...context, user: { username: 'jane', name: 'Jane', avatar: '' }, applications, sources: [], access: [], sessions: [], signout_url: '/out', is_superuser: false, ...more,
      }).body // prettier-ignore

    test('shows accounts elsewhere where signing in with them leads back to, and what can be done about them', () => {
      const one: LibrarySource = { name: 'Git & Co', icon: null, connect: '/source/oauth/login/git/', connection: null }
      const mine = { ...one, name: 'Mine', icon: '/a.svg', connection: { pk: 7, created: new Date('2026-03-01T12:00:00Z') } }
      const body = library([], { sources: [one, mine] })
      assert.match(body, /<section class="connected" id="\/settings;page-sources">/)
      assert.match(body, /href="\/source\/oauth\/login\/git\/" aria-label="Connect Git &amp; Co">Connect</)
      assert.match(body, /<b>Mine<\/b><small>Connected since March 1, 2026<\/small>/)
      assert.match(body, /data-connection="\/api\/v3\/sources\/user_connections\/all\/7\/"/)
      assert.match(body, /<script type="module"/)
      assert.doesNotMatch(library([], { sources: [one] }), /<script/)
      assert.doesNotMatch(library([]), /page-sources/)
    })

    test('leads to what people may change of their own account, by names that they know', () => {
      const ways = [
        { kind: 'ak-user-settings', title: '', url: '/if/flow/mine/' },
        { kind: 'ak-user-settings-password', title: 'Password Stage', url: '/flows/-/configure/1/' },
        { kind: 'ak-user-settings-authenticator-totp', title: 'TOTP Device', url: '/flows/-/configure/2/' },
        { kind: 'ak-user-settings-authenticator-badge', title: 'Badge of ours', url: '/flows/-/configure/3/' },
      ]
      const links = library([], { settings: ways }).matchAll(/<a class="btn small" href="([^"]+)">([^<]+)<\/a>/g)
      assert.deepEqual(
        [...links].map(([, url, name]) => [url, name]).filter(([url]) => url !== '/out'),
        [
          ['/if/flow/mine/', 'Name, email and language'],
          ['/flows/-/configure/1/', 'Change password'],
          ['/flows/-/configure/2/', 'Authenticator app'],
          ['/flows/-/configure/3/', 'Badge of ours'],
        ],
      )
    })

    test('groups the tiles, those without a group first', () => {
      const body = library([
        application({ name: 'C', group: 'Media' }),
        application({ name: 'B' }),
        application({ name: 'A', group: 'Media' }),
      ])
      assert.deepEqual(
        [...body.matchAll(/<b>(\w)<\/b>|<h2>(\w+)<\/h2>/g)].map(match => match[1] ?? match[2]),
        ['B', 'Media', 'A', 'C'],
      )
    })

    test('has a search box from the thirteenth tile on', () => {
      const some = (count: number) => library(Array.from({ length: count }, () => application({})))
      assert.doesNotMatch(some(12), /type="search"/)
      assert.match(some(13), /type="search"/)
    })

    test('never links to what would run in this page', () => {
      for (const launch_url of ['javascript:alert(1)', ' java\tscript:alert(1)', 'data:text/html,x']) {
        assert.doesNotMatch(library([application({ launch_url })]), /<a class="application"/)
      }
      assert.match(library([application({ launch_url: 'myapp:open' })]), /<a class="application" href="myapp:open"/)
    })

    test('says that it is empty, and tells superusers alone where administration is', () => {
      assert.match(library([]), /There are no applications for you yet/)
      assert.doesNotMatch(library([]), /Administration/)
      assert.match(library([], { is_superuser: true }), /Administration works through the API today/)
    })
  })

  test('every language has every sentence', () => {
    for (const [name, table] of Object.entries({ bg, de, es, fr, nl })) {
      assert.deepEqual(Object.keys(table), Object.keys(en), name)
      assert.ok(
        Object.values(table).every(text => text.trim() !== ''),
        name,
      )
    }
  })

  suite('static files', () => {
    const get = async (url: string, headers: Record<string, string> = {}) => {
      const app = Fastify()
      await serveAssets(app, { web })
      const response = await app.inject({ url, headers })
      await app.close()
      return response
    }

    test('with a hash are kept for a year and come compressed', async () => {
      const response = await get(web.assets.url('flow/main.tsx'), { 'accept-encoding': 'br, gzip' })
      assert.equal(response.statusCode, 200)
      assert.equal(response.headers['cache-control'], 'public, max-age=31536000, immutable')
      assert.equal(response.headers['content-encoding'], 'br')
      assert.equal(response.headers.vary?.toLowerCase(), 'accept-encoding')
      assert.match(String(response.headers['content-type']), /javascript/)
    })

    test('at the names that the API promises are there', async () => {
      for (const name of ['icons/icon_left_brand.svg', 'icons/icon.png', 'images/user_default.png', 'images/flow_background.jpg']) {
        const response = await get(`/static/dist/assets/${name}`)
        assert.equal(response.statusCode, 200, name)
        assert.equal(response.headers['cache-control'], 'public, max-age=3600')
        assert.match(String(response.headers['content-type']), /^image\//)
      }
    })

    test('are the built ones only: no listings, no hidden files, nothing outside', async () => {
      for (const path of [
        '',
        'bundle/',
        'assets',
        '.vite/manifest.json',
        '.server/flow.js',
        '../package.json',
        '..%2f..%2fpackage.json',
        '%2e%2e/%2e%2e/package.json',
        'bundle/%00',
      ]) {
        const response = await get(`/static/dist/${path}`)
        assert.ok(response.statusCode >= 400 && response.statusCode < 500, `${path}: ${response.statusCode}`)
      }
    })
  })

  test('a folder without the built files is refused with advice', async () => {
    await assert.rejects(openWeb('/nowhere'), /npm run build -w web/)
  })
})
