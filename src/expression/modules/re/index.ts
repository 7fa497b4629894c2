/** `re`: Python's regular expressions over the step-bounded engine of `regex/`. */
import { raise } from '../../errors.ts'
import { defineModule, native } from '../../module.ts'
import * as regex from '../../regex/index.ts'
import { PyBytes, typeOf } from '../../values.ts'
import { latin1Bytes, latin1Text, textOf } from '../arguments.ts'
import { reError } from './compile.ts'
import { matchClass } from './match.ts'
import { find, findAll, findIterator, split, substitute } from './operations.ts'
import type { Operation } from './operations.ts'
import { firstOfPair, patternClass, toPattern } from './pattern.ts'

const finder = (name: Operation) =>
  native(name, 'pattern, string, flags=0', ([pattern, string, flags], rt) => find(name, toPattern(pattern, flags, rt), string, 0, null, rt))

const escape = native('escape', 'pattern', ([pattern], rt) => {
  if (pattern instanceof PyBytes) {
    rt.charge(1 + pattern.data.length)
    rt.alloc(4 * pattern.data.length)
  }
  if (pattern instanceof PyBytes) return latin1Bytes(regex.escapeText(latin1Text(pattern)))
  const text = textOf(pattern) ?? raise('TypeError', `expected str instance, ${typeOf(pattern).name} found`)
  rt.charge(1 + text.length)
  rt.alloc(16 + 4 * text.length)
  return regex.escapeText(text)
})

export const re = defineModule('re', {
  compile: native('compile', 'pattern, flags=0', ([pattern, flags], rt) => toPattern(pattern, flags, rt)),
  search: finder('search'),
  match: finder('match'),
  fullmatch: finder('fullmatch'),
  findall: native('findall', 'pattern, string, flags=0', ([pattern, string, flags], rt) =>
    findAll(toPattern(pattern, flags, rt), string, rt),
  ),
  finditer: native('finditer', 'pattern, string, flags=0', ([pattern, string, flags], rt) =>
    findIterator(toPattern(pattern, flags, rt), string, rt),
  ),
  split: native('split', 'pattern, string, maxsplit=0, flags=0', ([pattern, string, maxsplit, flags], rt) =>
    split(toPattern(pattern, flags, rt), string, maxsplit, rt),
  ),
  sub: native('sub', 'pattern, repl, string, count=0, flags=0', ([pattern, repl, string, count, flags], rt) =>
    firstOfPair(substitute(toPattern(pattern, flags, rt), repl, string, count, rt)),
  ),
  subn: native('subn', 'pattern, repl, string, count=0, flags=0', ([pattern, repl, string, count, flags], rt) =>
    substitute(toPattern(pattern, flags, rt), repl, string, count, rt),
  ),
  escape,
  purge: native('purge', '', () => null),
  error: reError,
  PatternError: reError,
  Pattern: patternClass,
  Match: matchClass,
  NOFLAG: 0,
  A: regex.ASCII,
  ASCII: regex.ASCII,
  I: regex.IGNORECASE,
  IGNORECASE: regex.IGNORECASE,
  L: regex.LOCALE,
  LOCALE: regex.LOCALE,
  M: regex.MULTILINE,
  MULTILINE: regex.MULTILINE,
  S: regex.DOTALL,
  DOTALL: regex.DOTALL,
  U: regex.UNICODE,
  UNICODE: regex.UNICODE,
  X: regex.VERBOSE,
  VERBOSE: regex.VERBOSE,
  DEBUG: regex.DEBUG,
})
