import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { compileRegex, fullMatch, match, matchAll, replaceAll, search, Subject } from './index.ts'
import type { Program, RegexMatch } from './index.ts'

type Case = [pattern: string, flags: number, text: string, operation: string, answer: unknown]
const cases: Case[] = JSON.parse(readFileSync(new URL('testdata/golden.json', import.meta.url), 'utf8'))

const spans = (found: RegexMatch | null) => found && [[...found.spans], found.lastIndex]

const operations: Record<string, (program: Program, text: string) => unknown> = {
  search: (program, text) => spans(search(program, text)),
  match: (program, text) => spans(match(program, text)),
  fullmatch: (program, text) => spans(fullMatch(program, text)),
  finditer: (program, text) => [...matchAll(program, text)].map(spans),
  sub: (program, text) => replaceAll(program, text, found => `<${found.group()}>`),
  split(program, text) {
    const pieces: (string | null)[] = []
    let from = 0
    for (const found of matchAll(program, text)) {
      pieces.push(found.subject.slice(from, found.start()))
      for (let group = 1; group <= program.groups; group++) pieces.push(found.group(group) ?? null)
      from = found.end()
    }
    const subject = new Subject(text)
    return [...pieces, subject.slice(from, subject.length)]
  },
}

test('random patterns answer as CPython does, down to every group and every error text', () => {
  assert.ok(cases.length >= 3000)
  for (const [pattern, flags, text, operation, answer] of cases) {
    let got: unknown
    try {
      got = operations[operation]!(compileRegex(pattern, flags), text)
    } catch (error) {
      got = { error: (error as Error).message }
    }
    assert.deepEqual(got, answer, JSON.stringify([pattern, flags, text, operation]))
  }
})
