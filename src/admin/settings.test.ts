import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownServer } from '../../test/harness.ts'

test('links for the foot of every page are a list of names and addresses, or they are refused', async () => {
  const { admin, client } = await ownServer()
  const path = '/api/v3/admin/settings/'
  for (const footer_links of ['x', 7, {}, [null], ['x'], [{ name: 5, href: null }], [{ href: '/terms' }]]) {
    const answer = await admin.patch(path, { footer_links })
    assert.equal(answer.status, 400, JSON.stringify(footer_links))
    assert.deepEqual(Object.keys(answer.body), ['footer_links'])
  }
  const links = [
    { name: 'Terms', href: 'https://example.test/terms' },
    { name: 'Only words', href: null },
  ]
  assert.deepEqual((await admin.patch(path, { footer_links: links })).body.footer_links, links)
  const page = await client().request('GET', '/if/flow/default-authentication-flow/')
  assert.equal(page.status, 200)
  assert.match(String(page.body), /<a href="https:\/\/example\.test\/terms">Terms<\/a>.*<span>Only words<\/span>/)
  assert.deepEqual((await admin.patch(path, { footer_links: null })).body.footer_links, [])
})
