/** enum. */
import { equals } from '../compare.ts'
import { raise } from '../errors.ts'
import { PyFunction } from '../function.ts'
import { ArrayIterator } from '../iterate.ts'
import { defineModule, native, nativeClass } from '../module.ts'
import { bind } from '../pending.ts'
import { special } from '../special.ts'
import { NativeFunction, PyClassMethod, PyInstance, PyProperty, PyStaticMethod, PyTuple, isInt, own, types } from '../values.ts'
import type { PyClass, PyModule, Result, Value } from '../values.ts'
import type { EvaluationRuntime } from '../runtime.ts'

class Auto extends PyInstance {}
const auto: PyClass = nativeClass({ name: 'auto', module: 'enum', construct: cls => new Auto(cls, null) })

class Member extends PyInstance {
  readonly name: string
  value: Value
  constructor(cls: PyClass, name: string, value: Value) {
    super(cls)
    this.name = name
    this.value = value
  }
}

const members = (cls: PyClass): Map<string, Member> => (cls.facts?.get('members') as Map<string, Member> | undefined) ?? new Map()
/** Members without aliases. */
const distinct = (cls: PyClass): Member[] => [...new Set(members(cls).values())]

/** What an enumeration's class itself can do. */
const meta: PyClass = nativeClass({
  name: 'EnumType',
  module: 'enum',
  methods: {
    __iter__: native('__iter__', 'cls', ([cls]) => new ArrayIterator(distinct(cls))),
    __len__: native('__len__', 'cls', ([cls]) => distinct(cls).length),
    __reversed__: native('__reversed__', 'cls', ([cls]) => new ArrayIterator(distinct(cls).reverse())),
    __contains__: native('__contains__', 'cls, value', ([cls, value], rt) =>
      distinct(cls).some(member => member === value || equals(member.value, value, rt)),
    ),
    __getitem__: native('__getitem__', 'cls, name', ([cls, name]) => members(cls).get(name) ?? raise('KeyError', name)),
    __call__: native('__call__', 'cls, value', ([cls, value], rt) => {
      const found = distinct(cls).find(member => member === value || equals(member.value, value, rt))
      if (found) return found
      const missing = cls.lookup('_missing_')
      const answer: Result = missing === undefined ? null : rt.call(missing instanceof PyClassMethod ? missing.fn : missing, [cls, value])
      return bind(answer, (member: Value) => member ?? raise('ValueError', `${rt.repr(value)} is not a valid ${cls.name}`))
    }),
  },
  getters: {
    __members__: (cls: PyClass) => new PyTuple([...members(cls).keys()]),
  },
})

const isPlain = (name: string, value: Value): boolean =>
  !/^_.*_$/.test(name) &&
  !(
    value instanceof PyFunction ||
    value instanceof NativeFunction ||
    value instanceof PyProperty ||
    value instanceof PyStaticMethod ||
    value instanceof PyClassMethod ||
    (value instanceof PyInstance && special(value, '__get__') !== undefined)
  )

/** Turns the plain names of a class body into members. */
function makeMembers(cls: PyClass, rt: EvaluationRuntime): Result {
  const base = cls.mro.find(other => other === types.int || other === types.str || other === types.float)
  if (cls.mro.slice(1).some(other => other.facts?.has('members') && members(other).size)) raise('TypeError', `cannot extend enumeration`)
  const made = new Map<string, Member>()
  cls.facts!.set('members', made)
  let last = 0
  for (const [name, given] of Array.from(cls.dict)) {
    if (!isPlain(name, given)) continue
    let value = given
    if (value instanceof Auto)
      value = cls.isSubclass(StrEnum)
        ? name.toLowerCase()
        : cls.isSubclass(Flag)
          ? last
            ? 2 ** (Math.floor(Math.log2(last)) + 1)
            : 1
          : last + 1
    if (isInt(value)) last = Number(value)
    const alias = [...made.values()].find(member => equals(member.value, value, rt))
    const member = alias ?? new Member(cls, name, value)
    if (!alias && base) member.payload = value instanceof PyTuple ? value.items[0]! : value
    if (!alias && special(member, '__init__') !== undefined)
      rt.callNow(special(member, '__init__')!, [member, ...(value instanceof PyTuple ? value.items : [value])])
    if (!alias && cls.lookup('_value_') === undefined && member.attrs!.has('_value_')) member.value = member.attrs!.get('_value_')!
    made.set(name, member)
    cls.dict.set(name, member)
  }
  return null
}

const enumClass = (name: string, bases: PyClass[], methods: Record<string, NativeFunction> = {}): PyClass => {
  const cls = nativeClass({ name, module: 'enum', bases, methods })
  cls.meta = meta
  cls.facts = new Map<string, unknown>([['subclassed', makeMembers]])
  return cls
}

const plainText = native('__str__', 'self', ([self], rt) => rt.str(self.value))

const Enum: PyClass = enumClass('Enum', [types.object], {
  __repr__: native('__repr__', 'self', ([self], rt) => `<${self.cls.name}.${self.name}: ${rt.repr(self.value)}>`),
  __str__: native('__str__', 'self', ([self]) => `${self.cls.name}.${self.name}`),
})
for (const name of ['name', 'value'] as const) {
  Enum.dict.set(name, new PyProperty(own(Enum, new NativeFunction(name, ([self]) => (self as Member)[name]))))
  Enum.dict.set(
    `_${name}_`,
    new PyProperty(
      own(Enum, new NativeFunction(name, ([self]) => (self as Member)[name])),
      own(
        Enum,
        native(`_${name}_`, 'self, value', ([self, value]) => {
          if (name === 'value') self.value = value
          return null
        }),
      ),
    ),
  )
}
const IntEnum = enumClass('IntEnum', [types.int, Enum], { __str__: plainText })
const StrEnum = enumClass('StrEnum', [types.str, Enum], { __str__: plainText })

function flagOf(cls: PyClass, value: number): Member {
  const known = distinct(cls).find(member => member.value === value)
  if (known) return known
  const name = distinct(cls)
    .filter(member => (Number(member.value) & value) === Number(member.value) && member.value !== 0)
    .map(member => member.name)
    .join('|')
  return new Member(cls, name || '0', value)
}
const flagOperation = (name: string, decide: (a: number, b: number) => number) =>
  native(name, 'self, other', ([a, b]) => flagOf(a.cls, decide(Number(a.value), Number(b instanceof Member ? b.value : b))))
const Flag: PyClass = enumClass('Flag', [Enum], {
  __or__: flagOperation('__or__', (a, b) => a | b),
  __and__: flagOperation('__and__', (a, b) => a & b),
  __xor__: flagOperation('__xor__', (a, b) => a ^ b),
  __contains__: native('__contains__', 'self, other', ([a, b]) => (Number(a.value) & Number(b.value)) === Number(b.value)),
  __bool__: native('__bool__', 'self', ([self]) => Number(self.value) !== 0),
})

export const enumModule: PyModule = defineModule('enum', {
  Enum,
  IntEnum,
  StrEnum,
  Flag,
  auto,
  unique: native('unique', 'cls', ([cls]) => cls),
})
