import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { escapeHtml } from '../lib/html.ts'
import { cssForStyle, cssUrl, html, jsonForScript, trusted } from './html.ts'
import { contentSecurityPolicy, handOverTargets, pageHeaders } from './security-headers.ts'
import { chooseLanguage } from './language.ts'
import { createNonce, isHttp } from './page.ts'

suite('html', () => {
  test('escapes every value for text and quoted attributes', () => {
    assert.equal(html`<a title="${`"'<>&`}">${'<b>'}</a>`.source, '<a title="&quot;&#39;&lt;&gt;&amp;">&lt;b&gt;</a>')
  })

  test('leaves markup of its own alone, joins lists and drops what is absent', () => {
    const items = ['<1>', '<2>'].map(text => html`<i>${text}</i>`)
    assert.equal(html`<b>${items}${false}${null}${undefined}${0}</b>`.source, '<b><i>&lt;1&gt;</i><i>&lt;2&gt;</i>0</b>')
    assert.equal(html`${trusted('<hr>')}`.source, '<hr>')
  })

  test('does not take an object that looks like markup for markup', () => {
    const forged = { source: '<script>', toString: () => '<script>' } as unknown as string
    assert.equal(html`${forged}`.source, '&lt;script&gt;')
  })

  test('JSON in a script element cannot end it, and reads back', () => {
    const value = { text: '</script><!--<script>\u2028&' }
    const { source } = jsonForScript(value)
    assert.doesNotMatch(source, /[<>&\u2028]/)
    assert.deepEqual(JSON.parse(source), value)
  })

  test('a style sheet cannot end its element', () => {
    assert.equal(cssForStyle('a>b{content:"</style><script>"}').source, 'a>b{content:"\\3c /style><script>"}')
  })

  test('a URL in a style sheet cannot leave its quotes', () => {
    assert.equal(cssUrl('/a b"),url(x)\\\n').source, 'url("/a%20b%22%29,url%28x%29%5C%0A")')
    assert.equal(cssUrl('https://example.org/a.png?x=1&y=2').source, 'url("https://example.org/a.png?x=1&y=2")')
  })

  test('text is escaped once', () => assert.equal(escapeHtml('&amp;'), '&amp;amp;'))
})

suite('the content security policy', () => {
  const directives = (policy: string) =>
    new Map(policy.split('; ').map(directive => [directive.split(' ')[0], directive.split(' ').slice(1)]))

  test('allows scripts by nonce alone, no framing by others, no base, and demands trusted types', () => {
    const policy = directives(contentSecurityPolicy('abc'))
    assert.deepEqual(policy.get('default-src'), ["'none'"])
    assert.deepEqual(policy.get('script-src'), ["'nonce-abc'", "'strict-dynamic'"])
    assert.deepEqual(policy.get('form-action'), ["'self'"])
    assert.deepEqual(policy.get('frame-ancestors'), ["'self'"])
    assert.deepEqual(policy.get('base-uri'), ["'none'"])
    assert.deepEqual(policy.get('require-trusted-types-for'), ["'script'"])
    assert.doesNotMatch(contentSecurityPolicy('abc'), /unsafe/)
  })

  test('lets a page that hands values over follow where the client sends the browser next', () => {
    assert.deepEqual(handOverTargets('https://app.example.org/cb;x'), ['https:'])
    assert.deepEqual(handOverTargets('http://app.home/cb'), ['http:', 'https:'])
    for (const action of ['javascript:alert(1)', 'data:text/html,x', 'relative']) assert.throws(() => handOverTargets(action))
  })

  test('pages are never stored, and their addresses never told to other sites', () => {
    const headers = pageHeaders(contentSecurityPolicy('abc'))
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['referrer-policy'], 'same-origin')
    assert.equal(headers['x-frame-options'], 'SAMEORIGIN')
  })

  test('a nonce has 128 bits in an alphabet that needs no quoting', () => {
    assert.match(
      createNonce(count => new Uint8Array(count).fill(255)),
      /^[\w-]{22}$/,
    )
  })
})

suite('links', () => {
  test('are relative or http(s)', () => {
    for (const href of ['/help', 'help', '#top', 'https://example.org', 'HTTP://example.org']) assert.ok(isHttp(href), href)
    for (const href of ['javascript:alert(1)', ' java\nscript:alert(1)', 'data:text/html,x', 'mailto:a@b']) assert.ok(!isHttp(href), href)
  })
})

suite('the language of a page', () => {
  test('is the query’s, else the cookie’s, else the browser’s, else the brand’s, else English', () => {
    const wishes = { query: 'fr', cookie: 'de', accept: 'nl', brand: 'es' }
    assert.equal(chooseLanguage(wishes), 'fr')
    assert.equal(chooseLanguage({ ...wishes, query: 'xx' }), 'de')
    assert.equal(chooseLanguage({ accept: 'nl', brand: 'es' }), 'nl')
    assert.equal(chooseLanguage({ accept: 'ja', brand: 'es' }), 'es')
    assert.equal(chooseLanguage({}), 'en')
  })

  test('follows the weights of Accept-Language (RFC 9110 §12.5.4)', () => {
    assert.equal(chooseLanguage({ accept: 'ja, en;q=0.5, de-AT;q=0.8' }), 'de')
    assert.equal(chooseLanguage({ accept: 'de;q=0, fr;q=0.1' }), 'fr')
    assert.equal(chooseLanguage({ accept: '*' }), 'en')
    assert.equal(chooseLanguage({ query: 'de_AT' }), 'de')
  })
})
