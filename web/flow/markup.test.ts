import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isSafeLink, isSafeRedirect, parseMarkup, type MarkupNode } from './markup.ts'

/** Nodes as short text, to compare by eye. */
const show = (nodes: MarkupNode[]): string =>
  nodes
    .map(node =>
      typeof node === 'string'
        ? node
        : `[${[node.tag, ...Object.entries(node.attributes).map(([name, value]) => `${name}=${value}`)].join(' ')}|${show(node.children)}]`,
    )
    .join('')
const parse = (html: string) => show(parseMarkup(html))

suite('markup in prompts', () => {
  test('keeps simple elements, nested', () => {
    assert.equal(parse('Read <b>the <i>rules</i></b><br>now'), 'Read [b|the [i|rules]][br|]now')
    assert.equal(parse('<a href="https://example.org/?a=1&amp;b=2">x</a>'), '[a href=https://example.org/?a=1&b=2|x]')
  })

  test('drops scripts and the like with their content', () => {
    assert.equal(parse('a<script>alert("<b>")</script>b<style>*{}</style>c<svg><a href="x">d</a></svg>e'), 'abce')
    assert.equal(parse('a<SCRIPT>b'), 'a')
    assert.equal(parse('<iframe src=x></iframe><!-- <b> -->ok'), 'ok')
  })

  test('keeps the text of unknown elements, without their tags', () => {
    assert.equal(parse('<my-thing onclick="x">hello</my-thing>'), 'hello')
  })

  test('drops handlers, styles and links that run', () => {
    assert.equal(parse('<p onclick="x" style="y" class="z">t</p>'), '[p|t]')
    for (const href of [
      'javascript:alert(1)',
      ' java\nscript:alert(1)',
      '&#106;avascript:alert(1)',
      'JaVaScRiPt&#58;x',
      'data:text/html,x',
      'vbscript:x',
    ])
      assert.equal(parse(`<a href="${href}">t</a>`), '[a|t]', href)
    assert.equal(parse('<img src="javascript:x" alt="a"><img src=x onerror=alert(1)>'), '[img alt=a|][img src=x|]')
    assert.equal(parse('<img src="data:text/html,x"><img src="data:image/png;base64,AA">'), '[img|][img src=data:image/png;base64,AA|]')
  })

  test('survives what is not well-formed', () => {
    assert.equal(parse('a < b && c > d'), 'a < b && c > d')
    assert.equal(parse('<b>open'), '[b|open]')
    assert.equal(parse('</b>closed'), 'closed')
    assert.equal(parse('<b><i>x</b>y</i>'), '[b|[i|x]]y')
    assert.equal(parse('<a title="a>b">t</a>'), '[a title=a>b|t]')
    assert.equal(parse('&lt;b&gt; &unknown; &#x1F600; &#0; &#x110000;'), '<b> &unknown; 😀 \ufffd \ufffd')
    assert.equal(parse('&constructor;'), '&constructor;')
  })

  test('does not nest without end, nor take long over hostile text', () => {
    let depth = 0
    for (let nodes = parseMarkup('<b>'.repeat(10_000)); typeof nodes[0] === 'object'; nodes = nodes[0].children) depth++
    assert.ok(depth <= 50)
    // Any of these would take many minutes if the time grew with the square of the length.
    const units = [
      '<',
      '<a ',
      '<!--',
      '<a x="',
      "<b x='",
      '<b x="" ',
      '</a ',
      '</aaaa',
      '<a',
      'a',
      ' ',
      '=',
      '"',
      '&#',
      '<a x="y">',
      '</b>',
      '<script>',
    ]
    for (const unit of units) for (const begin of ['', '<a ', '</a']) parseMarkup(begin + unit.repeat(500_000))
  })
})

test('a redirect may open applications, and never run a script', () => {
  for (const url of ['/if/user/', 'https://example.org', 'com.example.app:/callback', 'mailto:a@b']) assert.ok(isSafeRedirect(url), url)
  for (const url of ['javascript:x', '\u0001javascript:x', 'java\tscript:x', 'DATA:text/html,x', 'blob:x', 'vbscript:x'])
    assert.ok(!isSafeRedirect(url), url)
})

test('a link in text is relative, http(s), mail or telephone', () => {
  for (const url of ['/x', 'x', '#x', 'https://x', 'mailto:a@b', 'tel:+49']) assert.ok(isSafeLink(url), url)
  for (const url of ['javascript:x', 'file:///etc/passwd', 'com.example:x']) assert.ok(!isSafeLink(url), url)
})
