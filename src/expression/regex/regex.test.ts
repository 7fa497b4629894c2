import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ASCII, compileRegex, fullMatch, IGNORECASE, match, matchAll, MULTILINE, RegexSyntaxError, replaceAll, search } from './index.ts'

const found = (pattern: string, text: string, flags = 0) => search(compileRegex(pattern, flags), text)?.group()

test('offsets count code points, and a dot takes a whole character', () => {
  const hit = search(compileRegex('(.)b'), '😀😀b')!
  assert.deepEqual([...hit.spans], [1, 3, 1, 2])
  assert.equal(hit.group(1), '😀')
})

test('a part of the text can be searched, with what stands before it in sight', () => {
  assert.equal(search(compileRegex('^a'), 'ba', { pos: 1 }), null)
  assert.equal(search(compileRegex('(?<=b)a'), 'ba', { pos: 1 })?.start(), 1)
  assert.equal(match(compileRegex('a$'), 'ab', { endpos: 1 })?.end(), 1)
  assert.equal(match(compileRegex('a'), 'a', { pos: 5 }), null)
})

test('case is ignored as Unicode defines it, or for ASCII letters alone', () => {
  assert.equal(found('straße', 'STRAẞE', IGNORECASE), 'STRAẞE')
  assert.equal(found('[a-z]+', 'K\u017f', IGNORECASE), 'K\u017f')
  assert.equal(found('σ', 'ς', IGNORECASE), 'ς')
  assert.equal(found('k', '\u212a', IGNORECASE | ASCII), undefined)
  assert.equal(found('[\u2100-\u2130]', 'k', IGNORECASE), 'k')
})

test('digits, letters and blanks are those of all scripts unless ASCII is asked for', () => {
  assert.equal(found('\\d+', '٣٤'), '٣٤')
  assert.equal(found('\\d+', '٣٤', ASCII), undefined)
  assert.equal(found('\\w+', 'Zoë½'), 'Zoë½')
  assert.equal(found('\\s', '\u2003'), '\u2003')
})

test('bytes patterns match ASCII classes and refuse text escapes', () => {
  assert.equal(search(compileRegex('\\w+', 0, false), '\xe9ab')?.group(), 'ab')
  assert.throws(() => compileRegex('\\u0041', 0, false), /bad escape \\u at position 0/)
})

test('errors carry message, position, line and column', () => {
  assert.throws(
    () => compileRegex('a\n(b'),
    e =>
      e instanceof RegexSyntaxError &&
      e.message === 'missing ), unterminated subpattern at position 2 (line 2, column 1)' &&
      e.pos === 2 &&
      e.lineno === 2,
  )
})

test('matches are found one behind the other, the empty ones too', () => {
  assert.deepEqual(
    [...matchAll(compileRegex('a*'), 'baac')].map(m => [m.start(), m.end()]),
    [
      [0, 0],
      [1, 3],
      [3, 3],
      [4, 4],
    ],
  )
  assert.equal(
    replaceAll(compileRegex('x*'), 'abxd', () => '-'),
    '-a-b--d-',
  )
  assert.equal(
    replaceAll(compileRegex('^', MULTILINE), 'a\nb', () => '> ', { count: 1 }),
    '> a\nb',
  )
})

test('the whole text has to match where that is asked for, whatever has to be given back', () => {
  assert.equal(fullMatch(compileRegex('a|ab'), 'ab')?.group(), 'ab')
  assert.equal(fullMatch(compileRegex('a*?'), 'aaa')?.group(), 'aaa')
  assert.equal(fullMatch(compileRegex('(?>a|ab)'), 'ab'), null)
})
