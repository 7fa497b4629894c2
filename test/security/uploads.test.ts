import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { mediaFolder } from '../../src/admin/media.ts'
import type { Row } from '../../src/api/model.ts'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unique } from '../builders.ts'
import { form } from '../contract/examples.ts'
import { sampleObject } from '../contract/samples.ts'
import { server, type Client } from '../harness.ts'
import { holder, modelOf } from './holder.ts'

const A = '/api/v3'

describe('uploads (abuse case 77)', () => {
  const upload = (api: Client, name: string, content: string, filename = 'x') =>
    api.request('POST', `${A}/admin/file/`, form({ name, usage: 'media' }, { filename, content, type: 'image/png' }))
  const SVG = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'

  test('a picture is what its bytes say', async () => {
    const { admin } = await server()
    for (const [name, content] of [
      [`${unique('page')}.svg`, '<html><script>alert(1)</script></html>'],
      [`${unique('page')}.svg`, '<!-- <svg> --><html/>'],
      [`${unique('page')}.png`, SVG],
      [`${unique('page')}.html`, '<html/>'],
      [`${unique('page')}.png`, 'MZ'],
      [`${unique('page')}.png`, ''],
    ] as const) {
      const answer = await upload(admin, name, content)
      assert.equal(answer.status, 400, `${name}: ${answer.text}`)
      assert.equal((await admin.get(`/files/media/public/${name}`)).status, 404)
    }
  })

  test('names cannot leave the folder', async () => {
    const { admin } = await server()
    for (const name of [
      '../x.svg',
      '/etc/x.svg',
      'a/../../x.svg',
      '..\\x.svg',
      '.hidden.svg',
      'a//b.svg',
      'x.svg/',
      'a/.b/x.svg',
      `${'a'.repeat(300)}.svg`,
      'x\u0000.svg',
      'x%2f..%2fy.svg',
      'ü.svg',
    ]) {
      assert.equal((await upload(admin, name, SVG)).status, 400, name)
    }
    // Without a name of its own a file keeps the last part of the one it had.
    const plain = `${unique('plain')}.svg`
    assert.equal((await upload(admin, '', SVG, `../../${plain}`)).status, 200)
    assert.equal((await admin.get(`/files/media/public/${plain}`)).status, 200)
  })

  test('pictures are served without any rights', async () => {
    const { admin, client, ctx } = await server()
    const name = `icons/${unique('icon')}.svg`
    assert.equal((await upload(admin, name, SVG)).status, 200)
    const answer = await client().get(`/files/media/public/${name}`)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['content-type'], 'image/svg+xml')
    assert.equal(answer.headers['x-content-type-options'], 'nosniff')
    assert.match(String(answer.headers['content-security-policy']), /default-src 'none'.*sandbox$/)
    const listed = (await admin.get(`${A}/admin/file/?search=${name.slice(6)}`)).body
    assert.deepEqual(listed, [{ name, mime_type: 'image/svg+xml', url: `/files/media/public/${name}`, themed_urls: null }])
    const app = await sampleObject(ctx, modelOf('authentik_core.application'))
    const shown = await admin.patch(`${A}/core/applications/${String(app.slug)}/`, { meta_icon: name })
    assert.equal(shown.body.meta_icon_url, `/files/media/public/${name}`)
    const uses = (await admin.get(`${A}/admin/file/used_by/?name=${name}`)).body
    assert.deepEqual(
      uses.map((use: Row) => [use.model_name, use.pk]),
      [['application', app.pbm_uuid]],
    )
    assert.equal((await admin.delete(`${A}/admin/file/?name=${name}&usage=media`)).status, 200)
    assert.equal((await client().get(`/files/media/public/${name}`)).status, 404)
  })

  test('addresses of files cannot leave the folder, by dots or by links', async () => {
    const { client, ctx } = await server()
    mkdirSync(mediaFolder(ctx), { recursive: true })
    const outside = join(mediaFolder(ctx), '..', 'secret.svg')
    writeFileSync(outside, SVG)
    symlinkSync(outside, join(mediaFolder(ctx), 'link.svg'))
    for (const path of [
      '../secret.svg',
      '..%2fsecret.svg',
      '%2e%2e/secret.svg',
      'link.svg',
      '.',
      '',
      'a/../../secret.svg',
      '%00',
      'secret.svg%00.png',
      '..%5csecret.svg',
    ]) {
      assert.notEqual((await client().get(`/files/media/public/${path}`)).status, 200, path)
    }
  })

  test('what is too large is refused, and so is who may not', async () => {
    const { admin } = await server()
    assert.equal((await upload(admin, `${unique('big')}.svg`, SVG + ' '.repeat(10 * 1024 * 1024))).status, 400)
    const { api } = await holder('authentik_rbac.view_media_files')
    assert.equal((await upload(api, `${unique('mine')}.svg`, SVG)).status, 403)
    assert.equal((await api.get(`${A}/admin/file/`)).status, 200)
  })
})
