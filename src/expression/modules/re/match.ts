import { raise } from '../../errors.ts'
import { dictOf } from '../../keys.ts'
import { native } from '../../module.ts'
import type { Runtime } from '../../module.ts'
import { expandTemplate, expandedSize, parseTemplate } from '../../regex/index.ts'
import type { RegexMatch } from '../../regex/index.ts'
import { PyBytes, PyInstance, PyTuple } from '../../values.ts'
import type { PyClass, Value } from '../../values.ts'
import { intOf, latin1Text, requireText, textOf } from '../arguments.ts'
import { guarded } from './compile.ts'
import type { PyPattern } from './pattern.ts'
import { pieceOf } from './subject.ts'
import { typedClass } from '../typed-class.ts'

/** `re.Match` */
export class PyMatch extends PyInstance {
  readonly pattern: PyPattern
  readonly found: RegexMatch
  /** The text that was searched, as it was given. */
  readonly string: Value

  constructor(pattern: PyPattern, found: RegexMatch, string: Value) {
    super(matchClass, null)
    this.pattern = pattern
    this.found = found
    this.string = string
  }

  /** The number of a group given by number or name; IndexError when there is none. */
  number(group: Value): number {
    const name = textOf(group)
    const number = name === undefined ? intOf(group) : this.pattern.program.names.get(name)
    if (number === undefined || number < 0 || number > this.pattern.program.groups) raise('IndexError', 'no such group')
    return number
  }

  /** The text of a group; `absent` when it took no part. */
  group(number: number, absent: Value, rt: Runtime): Value {
    rt.charge((this.found.end(number) - this.found.start(number)) >> 5)
    const text = this.found.group(number)
    if (text === undefined) return absent
    rt.alloc(16 + 2 * text.length)
    return pieceOf(this.pattern, text)
  }
}

const numbers = (self: PyMatch) => Array.from({ length: self.pattern.program.groups }, (_, i) => i + 1)
const nameOf = (self: PyMatch, number: number | null) => {
  for (const [name, group] of self.pattern.program.names) if (group === number) return name
  return null
}
const spanOf = (self: PyMatch, number: number) => new PyTuple([self.found.start(number), self.found.end(number)])

export const matchClass: PyClass = typedClass(
  {
    name: 'Match',
    module: 're',
    construct: () => raise('TypeError', "cannot create 're.Match' instances"),
    methods: {
      group: native('group', 'self, *groups', ([self, groups], rt) => {
        const picked = (groups as PyTuple).items.map(group => self.group(self.number(group), null, rt))
        return picked.length === 0 ? self.group(0, null, rt) : picked.length === 1 ? picked[0]! : new PyTuple(picked)
      }),
      __getitem__: native('__getitem__', 'self, group', ([self, group], rt) => self.group(self.number(group), null, rt)),
      groups: native(
        'groups',
        'self, default=None',
        ([self, absent], rt) => new PyTuple(numbers(self).map(n => self.group(n, absent, rt))),
      ),
      groupdict: native('groupdict', 'self, default=None', ([self, absent], rt) =>
        dictOf([...(self as PyMatch).pattern.program.names].map(([name, n]) => [name, self.group(n, absent, rt)] as const)),
      ),
      start: native('start', 'self, group=0', ([self, group]) => self.found.start(self.number(group))),
      end: native('end', 'self, group=0', ([self, group]) => self.found.end(self.number(group))),
      span: native('span', 'self, group=0', ([self, group]) => spanOf(self, self.number(group))),
      expand: native('expand', 'self, template', ([self, template], rt) => {
        const { pattern, found } = self as PyMatch
        const text = template instanceof PyBytes && !pattern.program.isText ? latin1Text(template) : requireText(template, 'template')
        rt.charge(4 * text.length)
        const parts = guarded(() => parseTemplate(text, pattern.program))
        const size = expandedSize(parts, found)
        rt.charge(1 + (size >> 5))
        rt.alloc(16 + 2 * size)
        const out = expandTemplate(parts, found)
        return pieceOf(pattern, out)
      }),
      __repr__: native('__repr__', 'self', ([self], rt) => {
        const { found } = self as PyMatch
        const shown = Array.from(rt.repr(self.group(0, null, rt)).slice(0, 100))
          .slice(0, 50)
          .join('')
        return `<re.Match object; span=(${found.start()}, ${found.end()}), match=${shown}>`
      }),
      __copy__: native('__copy__', 'self', ([self]) => self),
      __deepcopy__: native('__deepcopy__', 'self, memo=None', ([self]) => self),
    },
    getters: {
      pos: (self: PyMatch) => self.found.pos,
      endpos: (self: PyMatch) => self.found.endpos,
      lastindex: (self: PyMatch) => self.found.lastIndex,
      lastgroup: (self: PyMatch) => nameOf(self, self.found.lastIndex),
      re: (self: PyMatch) => self.pattern,
      string: (self: PyMatch) => self.string,
      regs: (self: PyMatch) => new PyTuple([0, ...numbers(self)].map(n => spanOf(self, n))),
    },
  },
  () => PyMatch,
)
