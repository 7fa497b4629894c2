import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPicture } from './picture.ts'

const uri = (type: string, content: string | Uint8Array) =>
  `data:${type};base64,${Buffer.from(content as string, 'latin1').toString('base64')}`

test('addresses and data URIs of pictures pass', () => {
  for (const text of [
    'https://example.org/a.png',
    'http://example.org/a',
    '/media/public/a.png',
    uri('image/png', '\x89PNG\r\n\x1a\n and more'),
    uri('image/jpeg', '\xff\xd8\xff\xe0'),
    uri('image/gif', 'GIF89a'),
    uri('image/webp', 'RIFF\0\0\0\0WEBPVP8 '),
    uri('image/svg+xml', '<?xml version="1.0"?>\n<!-- made by hand -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'),
    'data:image/svg+xml;utf8,<svg xmlns="http://www.w3.org/2000/svg"/>',
    'data:image/svg+xml,%3Csvg%20xmlns="http://www.w3.org/2000/svg"/%3E',
  ])
    assert.equal(isPicture(text), true, text)
})

test('what is no picture, or another one than it says, does not', () => {
  for (const text of [
    '',
    'javascript:alert(1)',
    'data:text/html,<svg>',
    uri('text/html', '<html>'),
    uri('image/png', '<html><script>alert(1)</script>'),
    uri('image/png', 'GIF89a'),
    uri('image/svg+xml', '<html><svg/></html>'),
    uri('image/svg+xml', '<!DOCTYPE html><svg>'),
    'data:image/png;base64,',
    'data:image/png;base64',
    'data:,',
    '//evil.example/a.png',
    '/\\evil.example',
    'https://example.org/a b',
    'file:///etc/passwd',
    'data:image/svg+xml,%',
  ])
    assert.equal(isPicture(text), false, text)
})

test('a picture of a megabyte is judged by its beginning', () => {
  assert.equal(isPicture(uri('image/png', `\x89PNG\r\n\x1a\n${'x'.repeat(1_000_000)}`)), true)
})
