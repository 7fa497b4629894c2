// needs: chromium
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { aBrowser, atTheEnd, taken, theProgram } from './browser.ts'

/** A provider of captchas, as its documentation has it: a script that draws a widget, and an address to ask about tokens. */
async function aProvider() {
  const asked: URLSearchParams[] = []
  const provider = createServer((request, response) => {
    const path = request.url!.split('?')[0]
    if (path === '/api.js') {
      const elsewhere = `http://127.0.0.1:${port}/elsewhere.js`
      return response.writeHead(200, { 'content-type': 'text/javascript' }).end(`
        window.turnstile = {
          render(place, options) {
            // Real widgets write markup and styles, which a page with Trusted Types refuses.
            place.innerHTML = '<button style="height:65px">I am human</button>'
            place.firstChild.onclick = () => options.callback('token for ' + options.sitekey)
            const script = document.createElement('script')
            script.src = '${elsewhere}'
            script.onload = () => options.callback('a script of another site ran')
            document.head.append(script)
          },
        }`)
    }
    if (path === '/elsewhere.js') return response.writeHead(200, { 'content-type': 'text/javascript' }).end('')
    let body = ''
    request.on('data', chunk => (body += String(chunk)))
    request.on('end', () => {
      const values = new URLSearchParams(body)
      asked.push(values)
      const success = values.get('response') === 'token for site-key' && values.get('secret') === 'the secret'
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ success }))
    })
  }).listen(0, '127.0.0.1')
  await once(provider, 'listening')
  atTheEnd(() => provider.close())
  const { port } = provider.address() as AddressInfo
  return { origin: `http://localhost:${port}`, api: `http://127.0.0.1:${port}/siteverify`, asked }
}

test('a provider’s script runs in a frame of its own, where it may reach its provider alone, and the page around keeps its policy', async () => {
  const provider = await aProvider()
  const { origin, api } = await theProgram()
  const stage = await api('POST', '/stages/captcha/', {
    name: 'widget',
    public_key: 'site-key',
    private_key: 'the secret',
    js_url: `${provider.origin}/api.js`,
    api_url: provider.api,
    interactive: true,
  })
  const work = await api('POST', '/stages/captcha/', {
    name: 'work',
    public_key: '-',
    private_key: '-',
    api_url: '/proof-of-work/?bits=12',
  })
  const dummy = await api('POST', '/stages/dummy/', { name: 'Both checks were passed' })
  const flow = await api('POST', '/flows/instances/', {
    name: 'f',
    slug: 'two-checks',
    title: 'Two checks',
    designation: 'stage_configuration',
  })
  for (const [order, { pk }] of [stage, work, dummy].entries()) await api('POST', '/flows/bindings/', { target: flow.pk, stage: pk, order })

  const { page, complaints } = await aBrowser()
  await page.goto(`${origin}/if/flow/two-checks/`)
  await taken(page)
  await page.frameLocator('iframe.captcha').getByRole('button', { name: 'I am human' }).click()
  await page.getByText('Both checks were passed').waitFor()
  assert.deepEqual(
    provider.asked.map(values => values.get('response')),
    ['token for site-key'],
  )
  // The one thing that was refused is what the widget tried to load from somewhere else.
  assert.equal(complaints.length, 1, complaints.join('\n'))
  assert.match(complaints[0]!, /elsewhere\.js.*script-src/s)

  const frame = new URLSearchParams({ js_url: `${provider.origin}/api.js`, site_key: 'site-key' })
  const shown = await fetch(`${origin}/if/captcha/?${frame.toString()}`)
  assert.equal(shown.status, 200)
  assert.match(shown.headers.get('content-security-policy')!, /frame-ancestors 'self'/)
  for (const [name, value] of [
    ['js_url', 'http://evil.example/api.js'],
    ['site_key', 'another'],
    ['js_url', '/proof-of-work/'],
  ] as const) {
    const forged = new URLSearchParams(frame)
    forged.set(name, value)
    assert.equal((await fetch(`${origin}/if/captcha/?${forged.toString()}`)).status, 404, value)
  }
})
