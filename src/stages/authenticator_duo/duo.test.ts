import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { canonicalParams, canonicalRequest } from './duo.ts'

// The example that Duo's documentation and its clients share; signed there with SHA-1, over the same text.
const SECRET = 'gtdfxv9YgVBYcF6dl2Eq17KUQJN2PLM2ODVTkvoT'

test('requests are written for signing as Duo documents it', () => {
  const params = {
    '\u469a\u287b\u35d0\u8ef3\u6727\u502a\u0810\ud091\xc8\uc170': '\u0f45\u1a76\u341a\u654c\uc23f\u9b09\uabe2\u8343\u1b27\u60d0',
    '\u7449\u7e4b\uccfb\u59ff\ufe5f\u83b7\uadcc\u900c\ucfd1\u7813': '\u8db7\u5022\u92d3\u42ef\u207d\u8730\uacfe\u5617\u0946\u4e30',
    '\u7470\u9314\u901c\u9eae\u40d8\u4201\u82d8\u8c70\u1d31\ua042': '\u17d9\u0ba8\u9358\uaadf\ua42a\u48be\ufb96\u6fe9\ub7ff\u32f3',
    '\uc2c5\u2c1d\u2620\u3617\u96b3F\u8605\u20e8\uac21\u5934': '\ufba9\u41aa\ubd83\u840b\u2615\u3e6e\u652d\ua8b5\ud56bU',
  }
  const text = canonicalRequest('Fri, 07 Dec 2012 17:18:00 -0000', { method: 'POST', path: '/Foo/BaR2/qux', params }, 'foO.BAr52.cOm')
  assert.ok(text.startsWith('Fri, 07 Dec 2012 17:18:00 -0000\nPOST\nfoo.bar52.com\n/Foo/BaR2/qux\n%E4%9A%9A'))
  assert.equal(createHmac('sha1', SECRET).update(text).digest('hex'), 'f01811cbbf9561623ab45b893096267fd46a5178')
})

test('parameters are encoded and sorted', () => {
  assert.equal(canonicalParams({}), '')
  assert.equal(canonicalParams({ username: 'root', realname: 'First Last' }), 'realname=First%20Last&username=root')
  assert.equal(canonicalParams({ foo_bar: '2', foo: '1' }), 'foo=1&foo_bar=2')
  assert.equal(
    canonicalParams({ punctuation: '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~' }),
    'punctuation=%21%22%23%24%25%26%27%28%29%2A%2B%2C-.%2F%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%5E_%60%7B%7C%7D~',
  )
})
