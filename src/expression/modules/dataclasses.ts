/** dataclasses. */
import { storeAttribute } from '../attributes.ts'
import { equals } from '../compare.ts'
import { exceptionClass, raise } from '../errors.ts'
import { keyText, keyOf, dictOf } from '../keys.ts'
import { defineModule, native, nativeClass, nativeRaw } from '../module.ts'
import { bind } from '../pending.ts'
import { special } from '../special.ts'
import { NativeFunction, NotImplemented, PyClass, PyDict, PyInstance, PyList, PySet, PyTuple, own, typeOf } from '../values.ts'
import type { Kwargs, PyModule, PyObject, Result, Value } from '../values.ts'
import type { EvaluationRuntime } from '../runtime.ts'

interface Field {
  name: string
  type: string
  default: Value | undefined
  factory: Value | undefined
  init: boolean
  repr: boolean
  compare: boolean
  keywordOnly: boolean
}

class FieldSpec extends PyInstance {
  readonly options: Kwargs
  constructor(cls: PyClass, options: Kwargs) {
    super(cls, null)
    this.options = options
  }
}
const fieldClass: PyClass = nativeClass({
  name: 'Field',
  module: 'dataclasses',
  getters: {
    name: (self: FieldSpec) => self.options.get('name') ?? null,
    default: (self: FieldSpec) => self.options.get('default') ?? null,
  },
})
const FrozenInstanceError = exceptionClass('FrozenInstanceError', 'AttributeError', 'dataclasses')

/** The fields of a class, those of its bases first. */
function collectFields(cls: PyClass, keywordOnly: boolean): Field[] {
  const fields = new Map<string, Field>()
  for (const base of [...cls.mro].slice(1).reverse())
    for (const field of (base.facts?.get('fields') as Field[] | undefined) ?? []) fields.set(field.name, field)
  let afterMarker = keywordOnly
  for (const [name, type] of (cls.facts?.get('annotations') as [string, string][] | undefined) ?? []) {
    if (type === 'ClassVar') continue
    if (type === 'KW_ONLY') {
      afterMarker = true
      continue
    }
    const given = cls.dict.get(name)
    const options = given instanceof FieldSpec ? given.options : null
    const field: Field = {
      name,
      type,
      default: options ? options.get('default') : given,
      factory: options?.get('default_factory'),
      init: options?.get('init') !== false,
      repr: options?.get('repr') !== false,
      compare: options?.get('compare') !== false,
      keywordOnly: options?.get('kw_only') === true || afterMarker,
    }
    if (field.default instanceof PyList || field.default instanceof PyDict || field.default instanceof PySet)
      raise('ValueError', `mutable default <class '${field.default.cls.name}'> for field ${name} is not allowed: use default_factory`)
    if (options) {
      if (field.default === undefined) cls.dict.delete(name)
      else cls.dict.set(name, field.default)
    }
    fields.set(name, field)
  }
  return [...fields.values()]
}

const fieldsOf = (cls: PyClass): Field[] | undefined => cls.fact('fields') as Field[] | undefined
const valueOf = (self: Value, field: Field): Value => (self as PyObject).attrs?.get(field.name) ?? null

function initializer(cls: PyClass, fields: Field[]): Value {
  const inits = fields.filter(field => field.init)
  const places = inits.filter(field => !field.keywordOnly)
  let optional = false
  for (const field of places) {
    if (field.default !== undefined || field.factory !== undefined) optional = true
    else if (optional) raise('TypeError', `non-default argument '${field.name}' follows default argument`)
  }
  return nativeRaw('__init__', ([self, ...args], kwargs, rt) => {
    const fail = (text: string): never => raise('TypeError', `${cls.name}.__init__() ${text}`)
    if (args.length > places.length)
      fail(`takes ${places.length + 1} positional argument${places.length ? 's' : ''} but ${args.length + 1} were given`)
    for (const key of kwargs?.keys() ?? []) {
      const index = inits.findIndex(field => field.name === key)
      if (index < 0) fail(`got an unexpected keyword argument '${key}'`)
      if (places.indexOf(inits[index]!) >= 0 && places.indexOf(inits[index]!) < args.length)
        fail(`got multiple values for argument '${key}'`)
    }
    const missing = inits.filter(
      field =>
        (places.indexOf(field) < 0 || places.indexOf(field) >= args.length) &&
        !kwargs?.has(field.name) &&
        field.default === undefined &&
        field.factory === undefined,
    )
    if (missing.length)
      fail(
        `missing ${missing.length} required positional argument${missing.length > 1 ? 's' : ''}: ${missing.map(field => `'${field.name}'`).join(' and ')}`,
      )
    const run = (i: number): Result => {
      for (; i < fields.length; i++) {
        const field = fields[i]!
        const place = places.indexOf(field)
        const given = field.init ? (place >= 0 && place < args.length ? args[place] : kwargs?.get(field.name)) : undefined
        const value = given === undefined ? (field.factory === undefined ? field.default : rt.call(field.factory, [])) : given
        if (value === undefined) continue
        const at = i
        return bind(value, (v: Value) => bind(storeAttribute(self!, field.name, v, rt), () => run(at + 1)))
      }
      const post = special(self!, '__post_init__')
      return post === undefined ? null : bind(rt.call(post, [self!]), () => null)
    }
    return run(0)
  })
}

const values = (self: Value, fields: Field[]): PyTuple =>
  new PyTuple(fields.filter(field => field.compare).map(field => valueOf(self, field)))

function decorate(cls: Value, options: Kwargs | null): Value {
  if (!(cls instanceof PyClass) || cls.frozen) raise('TypeError', 'dataclass() should be called on a class')
  const on = (name: string, otherwise: boolean) => (options?.get(name) ?? otherwise) === true
  const fields = collectFields(cls, on('kw_only', false))
  cls.facts ??= new Map()
  cls.facts.set('fields', fields)
  const define = (name: string, value: Value) => {
    if (!cls.dict.has(name) || (name === '__hash__' && cls.dict.get(name) === null))
      cls.dict.set(name, value instanceof NativeFunction ? own(cls, value) : value)
  }
  if (on('init', true)) define('__init__', initializer(cls, fields))
  if (on('repr', true))
    define(
      '__repr__',
      native(
        '__repr__',
        'self',
        ([self], rt) =>
          `${self.cls.name}(${fields
            .filter(field => field.repr)
            .map(field => `${field.name}=${rt.repr(valueOf(self, field))}`)
            .join(', ')})`,
      ),
    )
  if (on('eq', true)) {
    const frozen = on('frozen', false)
    define(
      '__eq__',
      native('__eq__', 'self, other', ([a, b], rt) =>
        typeOf(b) === a.cls ? equals(values(a, fields), values(b, fields), rt) : NotImplemented,
      ),
    )
    define(
      '__hash__',
      frozen || on('unsafe_hash', false) ? native('__hash__', 'self', ([self], rt) => rt.callNow(hash, [values(self, fields)])) : null,
    )
  }
  if (on('order', false)) {
    for (const [name, decide] of Object.entries({
      __lt__: (a: Value, b: Value, rt: EvaluationRuntime) => rt.less(a, b),
      __gt__: (a: Value, b: Value, rt: EvaluationRuntime) => rt.less(b, a),
      __le__: (a: Value, b: Value, rt: EvaluationRuntime) => !rt.less(b, a),
      __ge__: (a: Value, b: Value, rt: EvaluationRuntime) => !rt.less(a, b),
    }))
      define(
        name,
        native(name, 'self, other', ([a, b], rt) =>
          typeOf(b) === a.cls ? decide(values(a, fields), values(b, fields), rt) : NotImplemented,
        ),
      )
  }
  if (on('frozen', false)) {
    define(
      '__setattr__',
      native('__setattr__', 'self, name, value', ([, name]) => raise(FrozenInstanceError, `cannot assign to field '${name}'`)),
    )
    define(
      '__delattr__',
      native('__delattr__', 'self, name', ([, name]) => raise(FrozenInstanceError, `cannot delete field '${name}'`)),
    )
  }
  if (!cls.dict.has('__match_args__'))
    cls.dict.set('__match_args__', new PyTuple(fields.filter(field => field.init && !field.keywordOnly).map(field => field.name)))
  return cls
}

const hash = native('hash', 'value', ([value], rt) => {
  const text = keyText(keyOf(value, rt))
  let number = 7
  for (let i = 0; i < text.length; i++) number = (number * 31 + text.charCodeAt(i)) % 1_000_000_007
  return number
})

const requireFields = (value: Value, name: string): Field[] =>
  fieldsOf(value instanceof PyClass ? value : typeOf(value)) ?? raise('TypeError', `${name}() should be called on dataclass instances`)

/** Dataclasses inside containers become dicts (or tuples) too. */
function plain(value: Value, rt: EvaluationRuntime, asTuple: boolean): Value {
  rt.charge(1)
  rt.alloc(64)
  const fields = value instanceof PyInstance ? fieldsOf(value.cls) : undefined
  if (fields) {
    const parts = fields.map(field => plain(valueOf(value, field), rt, asTuple))
    return asTuple ? new PyTuple(parts) : dictOf(fields.map((field, i) => [field.name, parts[i]!]))
  }
  if (value instanceof PyList) return new PyList(value.items.map(item => plain(item, rt, asTuple)))
  if (value instanceof PyTuple) return new PyTuple(value.items.map(item => plain(item, rt, asTuple)))
  if (value instanceof PyDict)
    return new PyDict(new Map([...value.entries].map(([key, entry]) => [key, { key: entry.key, value: plain(entry.value, rt, asTuple) }])))
  return value
}

export const dataclasses: PyModule = defineModule('dataclasses', {
  dataclass: nativeRaw('dataclass', ([cls], kwargs) =>
    cls !== undefined && cls !== null ? decorate(cls, kwargs) : native('wrap', 'cls', ([given]) => decorate(given, kwargs)),
  ),
  field: nativeRaw('field', (_, kwargs) => new FieldSpec(fieldClass, kwargs ?? new Map())),
  fields: native(
    'fields',
    'class_or_instance',
    ([value]) =>
      new PyTuple(
        requireFields(value, 'fields').map(
          field =>
            new FieldSpec(
              fieldClass,
              new Map<string, Value>([
                ['name', field.name],
                ...(field.default === undefined ? [] : [['default', field.default] as [string, Value]]),
              ]),
            ),
        ),
      ),
  ),
  asdict: native('asdict', 'obj', ([value], rt) => (requireFields(value, 'asdict'), plain(value, rt, false))),
  astuple: native('astuple', 'obj', ([value], rt) => (requireFields(value, 'astuple'), plain(value, rt, true))),
  is_dataclass: native('is_dataclass', 'obj', ([value]) => fieldsOf(value instanceof PyClass ? value : typeOf(value)) !== undefined),
  replace: nativeRaw('replace', ([self], kwargs, rt) => {
    const fields = requireFields(self!, 'replace')
    const given = new Map<string, Value>(fields.filter(field => field.init).map(field => [field.name, valueOf(self!, field)]))
    return rt.call((self as PyInstance).cls, [], new Map([...given, ...(kwargs ?? [])]))
  }),
  FrozenInstanceError,
  KW_ONLY: nativeClass({ name: 'KW_ONLY', module: 'dataclasses' }),
  InitVar: nativeClass({ name: 'InitVar', module: 'dataclasses' }),
})
