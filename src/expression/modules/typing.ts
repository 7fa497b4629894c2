/** typing, abc, collections.abc: names that annotations and isinstance need. */
import { raise } from '../errors.ts'
import { PyFunction } from '../function.ts'
import { DictView } from '../iterate.ts'
import { defineModule, native, nativeClass, nativeRaw } from '../module.ts'
import { special } from '../special.ts'
import {
  HostObject,
  NativeFunction,
  PyProperty,
  own,
  PyBytes,
  PyClass,
  PyDict,
  PyIterator,
  PyList,
  PyObject,
  PyRange,
  PySet,
  PyTuple,
  types,
  BoundMethod,
  type PyModule,
  type Value,
} from '../values.ts'
import { namedTupleClass } from './collections.ts'

const marker = (name: string): PyClass => nativeClass({ name, module: 'typing' })
const names = [
  'Any',
  'Optional',
  'Union',
  'Literal',
  'ClassVar',
  'Final',
  'Annotated',
  'Generic',
  'Protocol',
  'NoReturn',
  'Never',
  'Self',
  'TypeAlias',
  'Concatenate',
  'TypeGuard',
  'Required',
  'NotRequired',
  'LiteralString',
]
const identity = (name: string) => native(name, 'value', ([value]) => value)

/** A class that only `isinstance` asks. */
const abstract = (name: string, test: (value: Value) => boolean): PyClass => {
  const cls = nativeClass({ name, module: 'collections.abc' })
  cls.facts = new Map([['instancecheck', test]])
  return cls
}
const sized = (value: Value) =>
  typeof value === 'string' ||
  value instanceof PyList ||
  value instanceof PyTuple ||
  value instanceof PyDict ||
  value instanceof PySet ||
  value instanceof PyRange ||
  value instanceof PyBytes ||
  value instanceof DictView ||
  (value instanceof HostObject && !!value.length) ||
  special(value, '__len__') !== undefined
const iterable = (value: Value) =>
  sized(value) ||
  value instanceof PyIterator ||
  (value instanceof HostObject && !!value.iterate) ||
  special(value, '__iter__') !== undefined
const sequence = (value: Value) =>
  typeof value === 'string' || value instanceof PyList || value instanceof PyTuple || value instanceof PyRange || value instanceof PyBytes

const protocols = {
  Iterable: abstract('Iterable', iterable),
  Iterator: abstract('Iterator', value => value instanceof PyIterator || special(value, '__next__') !== undefined),
  Generator: types.generator,
  Sized: abstract('Sized', sized),
  Container: abstract('Container', sized),
  Collection: abstract('Collection', sized),
  Hashable: abstract(
    'Hashable',
    value => !(value instanceof PyList || value instanceof PyDict || (value instanceof PySet && value.cls === types.set)),
  ),
  Callable: abstract(
    'Callable',
    value =>
      value instanceof PyFunction ||
      value instanceof NativeFunction ||
      value instanceof BoundMethod ||
      value instanceof PyClass ||
      special(value, '__call__') !== undefined,
  ),
  Sequence: abstract('Sequence', sequence),
  MutableSequence: abstract('MutableSequence', value => value instanceof PyList),
  Mapping: abstract('Mapping', value => value instanceof PyDict),
  MutableMapping: abstract('MutableMapping', value => value instanceof PyDict),
  Set: abstract('Set', value => value instanceof PySet),
  MutableSet: abstract('MutableSet', value => value instanceof PySet && value.cls.isSubclass(types.set)),
}

export const collectionsAbc: PyModule = defineModule('collections.abc', protocols)

const NamedTuple = nativeClass({ name: 'NamedTuple', module: 'typing' })
NamedTuple.facts = new Map([
  [
    'subclassed',
    (cls: PyClass) => {
      const fields = ((cls.facts?.get('annotations') as [string, string][] | undefined) ?? []).map(([name]) => name)
      const defaults = fields.filter(name => cls.dict.has(name)).map(name => cls.dict.get(name)!)
      const made = namedTupleClass(cls.name, fields, defaults)
      for (const [name, value] of made.dict)
        if (fields.includes(name) || !cls.dict.has(name))
          cls.dict.set(
            name,
            value instanceof NativeFunction
              ? own(cls, value)
              : value instanceof PyProperty
                ? new PyProperty(own(cls, value.get as NativeFunction))
                : value,
          )
      cls.construct = made.construct
      cls.mro = [cls, types.tuple, types.object]
      return null
    },
  ],
])

const TypedDict = nativeClass({ name: 'TypedDict', module: 'typing', bases: [types.dict] })

export const typing: PyModule = defineModule('typing', {
  ...Object.fromEntries(names.map(name => [name, marker(name)])),
  ...protocols,
  AbstractSet: protocols.Set,
  List: types.list,
  Dict: types.dict,
  Tuple: types.tuple,
  FrozenSet: types.frozenset,
  Type: types.type,
  Text: types.str,
  Set: types.set,
  NamedTuple,
  TypedDict,
  TYPE_CHECKING: false,
  cast: native('cast', 'typ, val', ([, value]) => value),
  TypeVar: nativeRaw('TypeVar', () => marker('TypeVar')),
  ParamSpec: nativeRaw('ParamSpec', () => marker('ParamSpec')),
  NewType: native('NewType', 'name, tp', ([name]) => identity(String(name))),
  overload: identity('overload'),
  final: identity('final'),
  override: identity('override'),
  no_type_check: identity('no_type_check'),
  runtime_checkable: identity('runtime_checkable'),
})

const ABCMeta = marker('ABCMeta')
ABCMeta.facts = new Map([['metaclass', true]])

export const abc: PyModule = defineModule('abc', {
  ABC: nativeClass({ name: 'ABC', module: 'abc' }),
  ABCMeta,
  abstractmethod: native('abstractmethod', 'funcobj', ([fn]) => {
    if (!(fn instanceof PyObject) || !fn.attrs) raise('TypeError', 'abstractmethod() needs a function')
    fn.attrs.set('__isabstractmethod__', true)
    return fn
  }),
})
