/** What patterns do to texts. Shared by the functions of the module and the methods of compiled patterns. */
import { raise } from '../../errors.ts'
import { drive } from '../../module.ts'
import type { Runtime } from '../../module.ts'
import { expandTemplate, expandedSize, fullMatch, match, matchAll, parseTemplate, search } from '../../regex/index.ts'
import type { MatchOptions, RegexMatch, Subject } from '../../regex/index.ts'
import { NativeIterator, PyBytes, PyList, PyTuple, typeOf } from '../../values.ts'
import type { Result, Value } from '../../values.ts'
import { latin1Text, requireInt, textOf } from '../arguments.ts'
import { guarded, translated } from './compile.ts'
import { PyMatch } from './match.ts'
import type { PyPattern } from './pattern.ts'
import { pieceOf, subjectText } from './subject.ts'

const charging = (rt: Runtime): MatchOptions => ({ charge: steps => rt.charge(steps) })

export type Operation = 'search' | 'match' | 'fullmatch'
const OPERATIONS = { search, match, fullmatch: fullMatch }

export function find(operation: Operation, pattern: PyPattern, value: Value, pos: Value, endpos: Value, rt: Runtime): Value {
  const text = subjectText(pattern, value)
  const options = charging(rt)
  if (pos !== 0) options.pos = requireInt(pos)
  if (endpos !== null) options.endpos = requireInt(endpos)
  const found = guarded(() => OPERATIONS[operation](pattern.program, text, options))
  if (found === null) return null
  rt.alloc(128)
  return new PyMatch(pattern, found, value)
}

/** All matches, with the engine's errors translated. */
export function* iterate(pattern: PyPattern, value: Value, rt: Runtime, region: MatchOptions = {}): Generator<RegexMatch, void, undefined> {
  try {
    yield* matchAll(pattern.program, subjectText(pattern, value), { ...charging(rt), ...region })
  } catch (error) {
    throw translated(error)
  }
}

export function findIterator(pattern: PyPattern, value: Value, rt: Runtime, region?: MatchOptions): Value {
  subjectText(pattern, value)
  function* matches() {
    for (const found of iterate(pattern, value, rt, region)) {
      rt.alloc(128)
      yield new PyMatch(pattern, found, value)
    }
  }
  return new NativeIterator(matches())
}

export function findAll(pattern: PyPattern, value: Value, rt: Runtime, region?: MatchOptions): Value {
  const { groups } = pattern.program
  const group = (found: RegexMatch, number: number) => {
    const text = found.group(number) ?? ''
    rt.alloc(16 + 2 * text.length)
    return pieceOf(pattern, text)
  }
  const items: Value[] = []
  for (const found of iterate(pattern, value, rt, region)) {
    rt.charge((pattern.program.isText ? 10 : 14) + 2 * groups)
    if (groups < 2) items.push(group(found, groups))
    else items.push(new PyTuple(Array.from({ length: groups }, (_, i) => group(found, i + 1))))
  }
  return new PyList(items)
}

export function split(pattern: PyPattern, value: Value, maxSplit: Value, rt: Runtime): Value {
  const text = subjectText(pattern, value)
  const limit = requireInt(maxSplit)
  const pieces: Value[] = []
  let rest: (from: number) => string = () => text
  let from = 0
  const add = (piece: string | undefined) => {
    rt.charge(8)
    rt.alloc(16 + 2 * (piece?.length ?? 0))
    pieces.push(piece === undefined ? null : pieceOf(pattern, piece))
  }
  let splits = 0
  if (limit >= 0) {
    for (const found of iterate(pattern, value, rt)) {
      rest = start => found.subject.slice(start, found.subject.length)
      add(found.subject.slice(from, found.start()))
      for (let group = 1; group <= pattern.program.groups; group++) add(found.group(group))
      from = found.end()
      if (++splits === limit) break
    }
  }
  add(rest(from))
  return new PyList(pieces)
}

/** `subn`: the new text and the number of replacements. The replacement is a template, or called with each match. */
export function substitute(pattern: PyPattern, replacement: Value, value: Value, count: Value, rt: Runtime): Result {
  const limit = requireInt(count)
  const template = textOf(replacement) ?? (replacement instanceof PyBytes ? latin1Text(replacement) : undefined)
  if (template === undefined) return drive(substituteByCall(pattern, replacement, value, limit, rt))
  rt.charge(4 * template.length)
  const parts = guarded(() => parseTemplate(template, pattern.program))
  if (typeof replacement === 'object' && replacement instanceof PyBytes === pattern.program.isText) mixedKinds(pattern)
  const out = new Replacing(pattern, value, rt)
  for (const found of iterate(pattern, value, rt)) {
    rt.charge(parts.length + (expandedSize(parts, found) >> 5))
    out.add(found, expandTemplate(parts, found))
    if (out.count === limit) break
  }
  return out.finish()
}

function* substituteByCall(pattern: PyPattern, fn: Value, value: Value, limit: number, rt: Runtime): Generator<Result, Value, Value> {
  const out = new Replacing(pattern, value, rt)
  for (const found of iterate(pattern, value, rt)) {
    const answer = yield rt.call(fn, [new PyMatch(pattern, found, value)])
    const text = textOf(answer) ?? (answer instanceof PyBytes ? latin1Text(answer) : answer === null ? '' : undefined)
    if (text === undefined) raise('TypeError', `expected str instance, ${typeOf(answer).name} found`)
    if (answer !== null && answer instanceof PyBytes === pattern.program.isText) mixedKinds(pattern)
    out.add(found, text)
    if (out.count === limit) break
  }
  return out.finish()
}

const mixedKinds = (pattern: PyPattern) =>
  raise(
    'TypeError',
    pattern.program.isText
      ? 'sequence item 0: expected str instance, bytes found'
      : 'sequence item 0: expected a bytes-like object, str found',
  )

/** The text under construction while matches are replaced. */
class Replacing {
  count = 0
  private out = ''
  private from = 0
  private subject: Subject | null = null
  private readonly pattern: PyPattern
  private readonly value: Value
  private readonly rt: Runtime

  constructor(pattern: PyPattern, value: Value, rt: Runtime) {
    this.pattern = pattern
    this.value = value
    this.rt = rt
  }

  add(found: RegexMatch, text: string) {
    this.rt.charge(10 + (text.length >> 5))
    this.rt.alloc(2 * (text.length + found.start() - this.from))
    this.out += found.subject.slice(this.from, found.start()) + text
    this.from = found.end()
    this.subject = found.subject
    this.count += 1
  }

  finish(): Value {
    const text =
      this.subject === null ? subjectText(this.pattern, this.value) : this.out + this.subject.slice(this.from, this.subject.length)
    return new PyTuple([pieceOf(this.pattern, text), this.count])
  }
}
