import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { aUser } from '../../../test/builders.ts'
import { ownServer, type TestServer } from '../../../test/harness.ts'
import { useOutgoing } from '../../http/outgoing/client.ts'
import { OutgoingError } from '../../http/outgoing/error.ts'
import { makeOutgoing } from '../../http/outgoing/outgoing.ts'
import { avatarOf, DEFAULT_AVATAR, ownAvatar } from './avatar.ts'

const PNG = `data:image/png;base64,${Buffer.from('\x89PNG\r\n\x1a\n', 'latin1').toString('base64')}`
const INITIALS = /^data:image\/svg\+xml;base64,/
const drawn = (avatar: string) => Buffer.from(avatar.split(',')[1]!, 'base64').toString()

describe('the picture of an account', () => {
  let own: TestServer
  let origin: string
  let answer: { status: number; type?: string }
  const asked: string[] = []
  const pictures = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.writeHead(answer.status, answer.type === undefined ? {} : { 'content-type': answer.type }).end()
  })
  before(async () => {
    pictures.listen(0, '127.0.0.1')
    await once(pictures, 'listening')
    origin = `http://127.0.0.1:${(pictures.address() as AddressInfo).port}`
    own = await ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.0/8' })
  })
  after(() => void pictures.close())
  let count = 0
  beforeEach(() => {
    asked.length = 0
    answer = { status: 200, type: 'image/png' }
    count += 1
  })
  const person = (more = {}) => ({
    id: count,
    username: `jane${count}`,
    name: 'Jane van Doe',
    email: `Jane${count}@Example.org`,
    attributes: {},
    ...more,
  })

  test('is the first that a mode yields, in the order of the setting', async () => {
    const { ctx } = own
    const withPicture = person({ attributes: { avatar: PNG, deep: { er: 'https://example.org/me.png' } } })
    assert.equal(avatarOf(ctx, withPicture, 'attributes.avatar,initials'), PNG)
    assert.equal(avatarOf(ctx, withPicture, 'attributes.deep.er,attributes.avatar'), 'https://example.org/me.png')
    assert.match(avatarOf(ctx, withPicture, 'initials,attributes.avatar'), INITIALS)
    assert.match(avatarOf(ctx, person(), 'attributes.avatar,initials'), INITIALS)
    assert.equal(avatarOf(ctx, person(), 'attributes.avatar,none,initials'), DEFAULT_AVATAR)
    assert.equal(avatarOf(ctx, person(), 'attributes.avatar'), DEFAULT_AVATAR)
    assert.equal(avatarOf(ctx, person(), ''), DEFAULT_AVATAR)
  })

  test('is not what an attribute only calls a picture (abuse 77)', () => {
    const html = `data:image/png;base64,${Buffer.from('<html><script>').toString('base64')}`
    for (const avatar of [html, 'javascript:alert(1)', 'data:text/html,x', '', 5, null, { toString: 1 }])
      assert.match(avatarOf(own.ctx, person({ attributes: { avatar } }), 'attributes.avatar,initials'), INITIALS)
  })

  test('shows initials of the first and the last word, the same for a name each time, and as text', () => {
    const svg = drawn(avatarOf(own.ctx, person(), 'initials'))
    assert.match(svg, />JD<\/text>/)
    assert.equal(drawn(avatarOf(own.ctx, person(), 'initials')), svg)
    assert.match(drawn(avatarOf(own.ctx, person({ name: '', username: 'bob' }), 'initials')), />BO<\/text>/)
    assert.match(drawn(avatarOf(own.ctx, person({ name: '<b &x' }), 'initials')), />&#60;&#38;<\/text>/)
    assert.match(drawn(avatarOf(own.ctx, person({ name: '😀 🎉' }), 'initials')), />😀🎉<\/text>/)
    assert.match(drawn(avatarOf(own.ctx, { name: '', username: '' }, 'initials')), />AK<\/text>/)
  })

  test('elsewhere is asked for once in eight hours, by HEAD, and nobody waits for it in a list', async () => {
    const { ctx, clock } = own
    const modes = `${origin}/%(username)s/%(mail_hash)s/%(upn)s,initials`
    const user = person({ attributes: { upn: 'jane@corp/x' } })
    const hash = createHash('md5').update(`jane${count}@example.org`).digest('hex')
    assert.match(avatarOf(ctx, user, modes), INITIALS, 'not known yet')
    const address = `${origin}/jane${count}/${hash}/jane%40corp%2Fx`
    assert.equal(await ownAvatar(ctx, user, modes), address)
    assert.equal(avatarOf(ctx, user, modes), address)
    assert.deepEqual(asked, [`HEAD ${address.slice(origin.length)}`])
    try {
      clock.advance(8 * 3_600_000 + 1)
      answer = { status: 404, type: 'text/html' }
      assert.match(await ownAvatar(ctx, user, modes), INITIALS)
      assert.equal(asked.length, 2)
    } finally {
      clock.reset()
    }
  })

  test('elsewhere counts only where there is one', async () => {
    for (const [index, gone] of [
      { status: 404, type: 'image/png' },
      { status: 200, type: 'text/html' },
      { status: 200 },
      { status: 500 },
    ].entries()) {
      answer = gone
      assert.match(await ownAvatar(own.ctx, person({ username: `gone${index}` }), `${origin}/%(username)s,initials`), INITIALS)
    }
    assert.equal(asked.length, 4)
    assert.match(await ownAvatar(own.ctx, person({ email: '' }), `${origin}/%(mail_hash)s,gravatar,initials`), INITIALS)
    assert.match(await ownAvatar(own.ctx, person(), `${origin}/%(upn)s,initials`), INITIALS)
    assert.match(await ownAvatar(own.ctx, person(), `${origin}/%(password)s,initials`), INITIALS)
    assert.equal(asked.length, 4, 'an address with a gap in it is not asked for')
  })

  test('a host that cannot be reached is left alone for eight hours, and pages do without it', async () => {
    const { ctx, clock, deps } = own
    let attempts = 0
    const reached = makeOutgoing(deps.config.outgoing_allow)
    useOutgoing(deps.config, async () => {
      attempts += 1
      throw new OutgoingError('timeout', 'no answer')
    })
    try {
      clock.advance(8 * 3_600_000 + 1) // whatever was asked before
      for (let i = 0; i < 5; i++) assert.match(await ownAvatar(ctx, person({ email: `p${i}@example.org` }), 'gravatar,initials'), INITIALS)
      assert.equal(attempts, 1)
      clock.advance(8 * 3_600_000 + 1)
      useOutgoing(deps.config, async (url, request) => {
        assert.equal(request?.method, 'HEAD')
        return { status: 200, reason: '', headers: { 'content-type': 'image/jpeg' }, body: new Uint8Array(), url, history: [], elapsed: 1 }
      })
      const hash = createHash('sha256').update(`jane${count}@example.org`).digest('hex')
      assert.equal(
        await ownAvatar(ctx, person(), 'gravatar,initials'),
        `https://www.gravatar.com/avatar/${hash}?size=158&rating=g&default=404`,
      )
    } finally {
      clock.reset()
      useOutgoing(deps.config, reached)
    }
  })

  test('a list of a hundred people is answered without waiting for a single picture', async () => {
    const { ctx, admin, deps } = own
    const reached = makeOutgoing(deps.config.outgoing_allow)
    let release = () => {}
    const never = new Promise<never>((_, reject) => (release = () => reject(new OutgoingError('timeout', 'no answer'))))
    useOutgoing(deps.config, () => never)
    try {
      for (let i = 0; i < 20; i++) await aUser(ctx)
      await admin.patch('/api/v3/admin/settings/', { avatars: `${origin}/list/%(username)s,initials` })
      const list = await admin.get('/api/v3/core/users/?page_size=100')
      assert.equal(list.status, 200)
      for (const { avatar } of list.body.results) assert.match(avatar, INITIALS)
    } finally {
      release()
      await admin.patch('/api/v3/admin/settings/', { avatars: 'gravatar,initials' })
      useOutgoing(deps.config, reached)
    }
  })
})
