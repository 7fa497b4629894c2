import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formPairs } from './form-pairs.ts'
import { randomInteger } from '../lib/random.ts'

test('a form is read as the platform reads it', () => {
  const forms = [
    '',
    '?',
    '?a=1',
    '??a=1',
    'a',
    'a=',
    '=a',
    '=',
    '&&a=1&&b=2&',
    'a=b=c',
    'a+b=c+d%2B',
    'grant_type=client_credentials&scope=openid%20profile',
    'a=%C3%A4&%C3%A4=1',
    'a=%',
    'a=%4',
    'a=%zz&b=%41',
    'a=%ff%41+x',
    'a=%EF%BB%BFx&b=\uFEFFx',
    'a=ä%C3&ä=%A4',
    'a=\uD800&b=2',
    'a=%ED%A0%80',
    'a=\0&b=%00',
    'a=1#b=2',
  ]
  const pieces = ['a', '=', '&', '+', '%', '%41', '%C3', '%A4', 'ä', '?', '#', '\u{1F600}', '%F0%9F%98%80', '\uD83D', '%2', ';']
  for (let i = 0; i < 3_000; i++) forms.push(Array.from({ length: randomInteger(12) }, () => pieces[randomInteger(pieces.length)]).join(''))
  for (const form of forms) assert.deepEqual(formPairs(form), [...new URLSearchParams(form)], JSON.stringify(form))
})
