import { raise } from '../../errors.ts'
import { dictOf } from '../../keys.ts'
import { native } from '../../module.ts'
import type { Runtime } from '../../module.ts'
import { bind } from '../../pending.ts'
import { ASCII, DOTALL, IGNORECASE, LOCALE, MULTILINE, UNICODE, VERBOSE } from '../../regex/index.ts'
import type { MatchOptions, Program } from '../../regex/index.ts'
import { NotImplemented, PyBytes, PyInstance } from '../../values.ts'
import type { PyClass, PyTuple, Result, Value } from '../../values.ts'
import { latin1Text, requireInt, textOf } from '../arguments.ts'
import { compiled } from './compile.ts'
import { find, findAll, findIterator, split, substitute } from './operations.ts'
import type { Operation } from './operations.ts'
import { typedClass } from '../typed-class.ts'

/** `re.Pattern` */
export class PyPattern extends PyInstance {
  readonly program: Program
  /** The pattern as it was given: str or bytes. */
  readonly source: Value

  constructor(program: Program, source: Value) {
    super(patternClass, null)
    this.program = program
    this.source = source
  }

  override hashKey() {
    return `re.Pattern ${this.program.isText} ${this.program.flags} ${this.program.pattern}`
  }
}

/** The pattern that an argument stands for: compiled already, or a text to compile. */
export function toPattern(pattern: Value, flags: Value, rt: Runtime): PyPattern {
  const bits = requireInt(flags)
  if (pattern instanceof PyPattern) return bits ? raise('ValueError', 'cannot process flags argument with a compiled pattern') : pattern
  const text = textOf(pattern)
  if (text !== undefined) return new PyPattern(compiled(text, bits, true, rt), text)
  if (pattern instanceof PyBytes) return new PyPattern(compiled(latin1Text(pattern), bits, false, rt), pattern)
  return raise('TypeError', 'first argument must be string or compiled pattern')
}

const finder = (name: Operation) =>
  native(name, 'self, string, pos=0, endpos=None', ([self, string, pos, endpos], rt) => find(name, self, string, pos, endpos, rt))

const region = (pos: Value, endpos: Value): MatchOptions => ({
  pos: requireInt(pos),
  ...(endpos === null ? {} : { endpos: requireInt(endpos) }),
})

export const firstOfPair = (pair: Result): Result => bind(pair, (value: Value) => (value as PyTuple).items[0]!)

const FLAG_NAMES: readonly [number, string][] = [
  [ASCII, 're.ASCII'],
  [IGNORECASE, 're.IGNORECASE'],
  [LOCALE, 're.LOCALE'],
  [MULTILINE, 're.MULTILINE'],
  [DOTALL, 're.DOTALL'],
  [VERBOSE, 're.VERBOSE'],
]

function represent(self: PyPattern, rt: Runtime) {
  const shown = rt.repr(self.source)
  const flags = FLAG_NAMES.filter(([bit]) => self.program.flags & bit).map(([, name]) => name)
  // UNICODE is what a text pattern has anyway.
  const extra = self.program.flags & UNICODE && !self.program.isText ? ['re.UNICODE'] : []
  const all = [...flags, ...extra]
  return `re.compile(${Array.from(shown.slice(0, 400)).slice(0, 200).join('')}${all.length ? `, ${all.join('|')}` : ''})`
}

export const patternClass: PyClass = typedClass(
  {
    name: 'Pattern',
    module: 're',
    construct: () => raise('TypeError', "cannot create 're.Pattern' instances"),
    methods: {
      search: finder('search'),
      match: finder('match'),
      fullmatch: finder('fullmatch'),
      findall: native('findall', 'self, string, pos=0, endpos=None', ([self, string, pos, endpos], rt) =>
        findAll(self, string, rt, region(pos, endpos)),
      ),
      finditer: native('finditer', 'self, string, pos=0, endpos=None', ([self, string, pos, endpos], rt) =>
        findIterator(self, string, rt, region(pos, endpos)),
      ),
      split: native('split', 'self, string, maxsplit=0', ([self, string, maxsplit], rt) => split(self, string, maxsplit, rt)),
      sub: native('sub', 'self, repl, string, count=0', ([self, repl, string, count], rt) =>
        firstOfPair(substitute(self, repl, string, count, rt)),
      ),
      subn: native('subn', 'self, repl, string, count=0', ([self, repl, string, count], rt) => substitute(self, repl, string, count, rt)),
      __repr__: native('__repr__', 'self', ([self], rt) => represent(self, rt)),
      __eq__: native('__eq__', 'self, other', ([self, other]) =>
        other instanceof PyPattern ? self.hashKey() === other.hashKey() : NotImplemented,
      ),
      __copy__: native('__copy__', 'self', ([self]) => self),
      __deepcopy__: native('__deepcopy__', 'self, memo=None', ([self]) => self),
    },
    getters: {
      pattern: (self: PyPattern) => self.source,
      flags: (self: PyPattern) => self.program.flags,
      groups: (self: PyPattern) => self.program.groups,
      groupindex: (self: PyPattern) => dictOf(self.program.names),
    },
  },
  () => PyPattern,
)
