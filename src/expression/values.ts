/**
 * The values of the language. None, bool and str are JavaScript primitives; int is a safe `number` or, beyond that, a `bigint`;
 * everything else is an object of a class below. No user-chosen name ever becomes a JavaScript property: attributes live in Maps.
 */
import type { Pending } from './pending.ts'
import type { NativeCode } from './module.ts'
import type { EvaluationRuntime } from './runtime.ts'

export type Value = null | boolean | number | bigint | string | PyObject

/** What interpreter functions answer: a value, or a Pending when the host or the event loop must have a turn first. */
export type Result = Value | Pending

export type Kwargs = Map<string, Value>

/** Marks the end of an iteration inside the interpreter; never visible to expressions. */
export const DONE: unique symbol = Symbol('done')
export type Done = typeof DONE

/** A key of a dict or set entry: equal values have the same key (see `keys.ts`). */
export type Key = unknown

let identities = 0

export abstract class PyObject {
  cls: PyClass
  /** Attributes of the object itself, null where the type has none. */
  attrs: Map<string, Value> | null = null
  private identity = 0

  constructor(cls: PyClass) {
    this.cls = cls
  }

  /** Keeps loggers and assertion messages from walking through the whole interpreter. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `<${this.cls?.name ?? 'object'}>`
  }

  /** A number that stands for this object for as long as it lives (`id()`). */
  get id(): number {
    return (this.identity ||= ++identities)
  }
}

/** A class: built-in, native or written in an expression. Built-in and native ones are frozen. */
export class PyClass extends PyObject {
  readonly name: string
  readonly bases: readonly PyClass[]
  mro: readonly PyClass[] = []
  readonly dict: Map<string, Value>
  module = 'builtins'
  frozen = false
  /** Makes an object when the class is called; inherited. Absent: `__new__`/`__init__` as usual. */
  construct: ((cls: PyClass, args: Value[], kwargs: Kwargs | null, rt: EvaluationRuntime) => Result) | null = null
  /** Makes an empty object of a mutable built-in type for a subclass whose `__init__` fills it; inherited. */
  fresh: ((cls: PyClass) => PyObject) | null = null
  /** A built-in type whose operations are all built in: no special method of it needs looking up. */
  plain = false
  /** Facts that native code keeps about the class (enum members, dataclass fields …). */
  facts: Map<string, unknown> | null = null
  /** Set on metaclass-like kinds that iterate or index the class itself, such as enumerations. */
  meta: PyClass | null = null

  constructor(name: string, bases: readonly PyClass[] = [], dict: Map<string, Value> = new Map()) {
    super(undefined as unknown as PyClass)
    this.name = name
    this.bases = bases
    this.dict = dict
    this.mro = linearize(this)
    for (const base of this.mro) {
      this.construct ??= base.construct
      this.fresh ??= base.fresh
      this.meta ??= base.meta
    }
  }

  /** Finds a class attribute along the method resolution order. */
  lookup(name: string): Value | undefined {
    for (const cls of this.mro) {
      const found = cls.dict.get(name)
      if (found !== undefined) return found
    }
    return undefined
  }

  isSubclass(other: PyClass): boolean {
    return this === other || this.mro.includes(other)
  }

  fact(name: string): unknown {
    for (const cls of this.mro) {
      const found = cls.facts?.get(name)
      if (found !== undefined) return found
    }
    return undefined
  }
}

export class MroConflict {}

/** C3 linearization. Throws MroConflict when the bases contradict each other. */
function linearize(cls: PyClass): PyClass[] {
  const lists = [...cls.bases.map(base => [...base.mro]), [...cls.bases]].filter(list => list.length)
  const order: PyClass[] = [cls]
  while (lists.length) {
    const head = lists.find(list => !lists.some(other => other.indexOf(list[0]!) > 0))?.[0]
    if (!head) throw new MroConflict()
    order.push(head)
    for (let i = lists.length - 1; i >= 0; i--) {
      if (lists[i]![0] === head) lists[i]!.shift()
      if (!lists[i]!.length) lists.splice(i, 1)
    }
  }
  return order
}

const object = new PyClass('object')
const builtin = (name: string, ...bases: PyClass[]) => new PyClass(name, bases.length ? bases : [object])
const int = builtin('int')

/** The built-in types. Their methods are put in place by the files under `builtins/`. */
export const types = {
  object,
  type: builtin('type'),
  NoneType: builtin('NoneType'),
  NotImplementedType: builtin('NotImplementedType'),
  ellipsis: builtin('ellipsis'),
  int,
  bool: builtin('bool', int),
  float: builtin('float'),
  str: builtin('str'),
  bytes: builtin('bytes'),
  list: builtin('list'),
  tuple: builtin('tuple'),
  dict: builtin('dict'),
  set: builtin('set'),
  frozenset: builtin('frozenset'),
  slice: builtin('slice'),
  range: builtin('range'),
  function: builtin('function'),
  builtin_function_or_method: builtin('builtin_function_or_method'),
  method: builtin('method'),
  module: builtin('module'),
  property: builtin('property'),
  staticmethod: builtin('staticmethod'),
  classmethod: builtin('classmethod'),
  super: builtin('super'),
  generator: builtin('generator'),
  iterator: builtin('iterator'),
  dict_keys: builtin('dict_keys'),
  dict_values: builtin('dict_values'),
  dict_items: builtin('dict_items'),
  BaseException: builtin('BaseException'),
}
for (const cls of Object.values(types)) {
  cls.cls = types.type
  cls.plain = cls !== types.object && cls !== types.BaseException
}
object.cls = types.type

export class PyFloat extends PyObject {
  readonly value: number
  constructor(value: number) {
    super(types.float)
    this.value = value
  }
}

export class PyBytes extends PyObject {
  readonly data: Uint8Array
  constructor(data: Uint8Array) {
    super(types.bytes)
    this.data = data
  }
}

export class PyList extends PyObject {
  items: Value[]
  constructor(items: Value[], cls: PyClass = types.list) {
    super(cls)
    this.items = items
  }
}

export class PyTuple extends PyObject {
  readonly items: readonly Value[]
  constructor(items: readonly Value[], cls: PyClass = types.tuple) {
    super(cls)
    this.items = items
  }
}

export interface DictEntry {
  readonly key: Value
  value: Value
  /** Came in with the context, and nothing was done that could have changed it. */
  readonly untouched?: boolean
}

/** A dict in insertion order. Use the functions of `keys.ts` (`dictGet`, `dictSet` …) unless all keys are str. */
export class PyDict extends PyObject {
  entries: Map<Key, DictEntry>
  constructor(entries: Map<Key, DictEntry> = new Map(), cls: PyClass = types.dict) {
    super(cls)
    this.entries = entries
  }
}

/** A set or, by its class, a frozenset. */
export class PySet extends PyObject {
  items: Map<Key, Value>
  constructor(items: Map<Key, Value> = new Map(), cls: PyClass = types.set) {
    super(cls)
    this.items = items
  }
}

export class PySlice extends PyObject {
  readonly start: Value
  readonly stop: Value
  readonly step: Value
  constructor(start: Value, stop: Value, step: Value) {
    super(types.slice)
    this.start = start
    this.stop = stop
    this.step = step
  }
}

export class PyRange extends PyObject {
  readonly start: number
  readonly stop: number
  readonly step: number
  readonly length: number
  constructor(start: number, stop: number, step: number) {
    super(types.range)
    this.start = start
    this.stop = stop
    this.step = step
    this.length = Math.max(0, Math.ceil((stop - start) / step))
  }
}

/** A function of the host language, made with `native` of `module.ts`. As a class attribute it binds like any function. */
export class NativeFunction extends PyObject {
  readonly name: string
  readonly code: NativeCode
  /** The class whose method this is: the first argument must be an object of it. */
  owner: PyClass | null = null
  constructor(name: string, code: NativeCode) {
    super(types.builtin_function_or_method)
    this.name = name
    this.code = code
  }
}

/** A special method (`__len__`, `__init__` …) of a built-in type, there for `super()`; operators do not go through it. */
export class IntrinsicFunction extends NativeFunction {}

export class BoundMethod extends PyObject {
  readonly self: Value
  readonly fn: Value
  constructor(self: Value, fn: Value) {
    super(types.method)
    this.self = self
    this.fn = fn
  }
}

/** `property`: the getter may be native; `set`/`del` null when the attribute is read-only. */
export class PyProperty extends PyObject {
  readonly get: Value
  readonly set: Value
  readonly del: Value
  constructor(get: Value, set: Value = null, del: Value = null) {
    super(types.property)
    this.get = get
    this.set = set
    this.del = del
  }
}

export class PyStaticMethod extends PyObject {
  readonly fn: Value
  constructor(fn: Value) {
    super(types.staticmethod)
    this.fn = fn
  }
}

export class PyClassMethod extends PyObject {
  readonly fn: Value
  constructor(fn: Value) {
    super(types.classmethod)
    this.fn = fn
  }
}

export class PyModule extends PyObject {
  readonly name: string
  readonly members: ReadonlyMap<string, Value>
  constructor(name: string, members: ReadonlyMap<string, Value>) {
    super(types.module)
    this.name = name
    this.members = members
  }
}

/**
 * An object of a class without a representation of its own. Native modules extend it with TypeScript fields (a date, an address …),
 * and give their class methods by `nativeClass`. The optional hooks below keep such objects cheap in dicts, sets and results.
 */
export class PyInstance extends PyObject {
  /** The built-in value inside an object of a subclass of str, int, float or bytes. */
  payload: Value | undefined = undefined
  constructor(cls: PyClass, attrs: Map<string, Value> | null = new Map()) {
    super(cls)
    this.attrs = attrs
  }
  /** Canonical key: equal objects answer the same text. Default: by identity, or by `__eq__`/`__hash__` of the class. */
  hashKey?(): string
  /** What the object becomes in JSON at the edge; absent: not convertible. */
  toJson?(): unknown
}

/** An exception of the language. Not a JavaScript Error: raising must stay cheap. Thrown as it is. */
export class PyException extends PyInstance {
  args: readonly Value[]
  cause: PyException | null = null
  context: PyException | null = null
  suppressContext = false
  /** Innermost frame first. */
  readonly traceback: { name: string; line: number }[] = []
  constructor(cls: PyClass, args: readonly Value[] = []) {
    super(cls, null)
    this.args = args
  }
}

/** Every iterator of the language. `next` answers DONE at the end and may be pending. */
export abstract class PyIterator extends PyObject {
  constructor(cls: PyClass = types.iterator) {
    super(cls)
  }
  abstract next(rt: EvaluationRuntime): Value | Done | Pending
}

/** An iterator over something that JavaScript can walk without help; charges one step an item. */
export class NativeIterator extends PyIterator {
  private readonly source: Iterator<Value>
  constructor(source: Iterator<Value>, cls: PyClass = types.iterator) {
    super(cls)
    this.source = source
  }
  next(rt: { charge(steps: number): void }): Value | Done {
    rt.charge(1)
    const step = this.source.next()
    return step.done ? DONE : step.value
  }
}

/**
 * Something that lives in the host: a model, a query set, a request, a flow plan. The interpreter asks it for attributes by name; it
 * answers from tables of its own, never from JavaScript properties. Answers may be pending host calls.
 */
export abstract class HostObject extends PyObject {
  /** The attribute, a pending one, or undefined when there is none (AttributeError). Methods come as NativeFunction already bound. */
  abstract getAttribute(name: string, rt: EvaluationRuntime): Result | undefined
  /** Assigns; false when the attribute cannot be set (AttributeError). */
  setAttribute?(name: string, value: Value, rt: EvaluationRuntime): boolean | Pending
  /** Names for `dir()` and nothing else. */
  attributeNames?(): string[]
  /** Equal objects answer the same text, such as `user:5`; absent: identity. */
  hashKey?(): string
  repr?(): string
  str?(): string
  /** Without `rt` it is the host itself that asks, outside of any evaluation: only of objects that need not wait for the answer. */
  truth?(rt?: EvaluationRuntime): boolean | Pending
  length?(rt?: EvaluationRuntime): number | Pending
  iterate?(rt: EvaluationRuntime): PyIterator | Pending
  contains?(value: Value, rt: EvaluationRuntime): boolean | Pending
  getItem?(key: Value, rt: EvaluationRuntime): Result
  setItem?(key: Value, value: Value, rt: EvaluationRuntime): undefined | Pending
  deleteItem?(key: Value, rt: EvaluationRuntime): undefined | Pending
  call?(args: Value[], kwargs: Kwargs | null, rt: EvaluationRuntime): Result
  /** Binary operators such as `|` of filters; undefined: not supported. */
  binary?(operator: string, other: Value, reflected: boolean, rt: EvaluationRuntime): Result | undefined
  unary?(operator: string, rt: EvaluationRuntime): Result | undefined
  /** For objects that stand for a class (`isinstance(x, OAuthSource)`). */
  isClassOf?(value: HostObject): boolean
  toJson?(): unknown
}

class Singleton extends PyObject {}
export const Ellipsis: PyObject = new Singleton(types.ellipsis)
export const NotImplemented: PyObject = new Singleton(types.NotImplementedType)

/** Makes native functions methods of a class, so that they refuse objects of others. */
export function own(cls: PyClass, fn: NativeFunction): NativeFunction {
  const method = fn.owner && fn.owner !== cls ? new NativeFunction(fn.name, fn.code) : fn
  method.owner = cls
  return method
}

export const isInt = (value: unknown): value is number | bigint => typeof value === 'number' || typeof value === 'bigint'

/** The type of a value. */
export function typeOf(value: Value): PyClass {
  switch (typeof value) {
    case 'string':
      return types.str
    case 'number':
    case 'bigint':
      return types.int
    case 'boolean':
      return types.bool
    default:
      return value === null ? types.NoneType : value.cls
  }
}

/** Brings a bigint back to a number where that is exact; all ints are kept in this form. */
export const normalizeInt = (value: bigint): number | bigint =>
  value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value
