/** `QueryDict`: several values a key, of which the last is the one that counts. */
import { dictOf } from '../keys.ts'
import { ArrayIterator } from '../iterate.ts'
import { raise } from '../errors.ts'
import { native, nativeClass } from '../module.ts'
import type { Runtime } from '../module.ts'
import { BoundMethod, HostObject, PyList, PyTuple, type NativeFunction, type PyIterator, type Value, type PyClass } from '../values.ts'

export class QueryDict extends HostObject {
  readonly values: Map<string, string[]>
  constructor(pairs: Iterable<readonly [string, string]> = []) {
    super(queryDictClass)
    this.values = new Map()
    for (const [name, value] of pairs) {
      const known = this.values.get(name)
      if (known) known.push(value)
      else this.values.set(name, [value])
    }
  }

  last(name: Value): string | undefined {
    return typeof name === 'string' ? this.values.get(name)?.at(-1) : undefined
  }

  override getAttribute(name: string): Value | undefined {
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined
    return method && new BoundMethod(this, method)
  }
  override getItem(key: Value): Value {
    return this.last(key) ?? raise('KeyError', key)
  }
  override setItem(key: Value, value: Value, rt: Runtime): undefined {
    this.values.set(rt.str(key), [rt.str(value)])
  }
  override contains(key: Value): boolean {
    return this.last(key) !== undefined
  }
  override iterate(): PyIterator {
    return new ArrayIterator([...this.values.keys()])
  }
  override length(): number {
    return this.values.size
  }
  override repr(): string {
    return `<QueryDict: ${JSON.stringify(Object.fromEntries(this.values))}>`
  }
  override toJson(): unknown {
    return Object.fromEntries([...this.values].map(([name, list]) => [name, list.at(-1)!]))
  }
}

const of = (value: Value): QueryDict => (value instanceof QueryDict ? value : raise('TypeError', 'expected a QueryDict'))
/** Pays for walking through all values. */
function walked(self: Value, rt: Runtime): QueryDict {
  const dict = of(self)
  for (const list of dict.values.values()) {
    rt.charge(4 + 2 * list.length)
    rt.alloc(64 + 8 * list.length)
  }
  return dict
}
const entries = (dict: QueryDict): [string, string][] => [...dict.values].map(([name, list]) => [name, list.at(-1)!])

const methods: Record<string, NativeFunction> = {
  get: native('get', 'self, key, default=None', ([self, key, otherwise]) => of(self).last(key) ?? otherwise),
  getlist: native('getlist', 'self, key, default=None', ([self, key], rt) => {
    const list = of(self).values.get(String(key)) ?? []
    rt.charge(1 + (list.length >> 3))
    rt.alloc(8 * list.length)
    return new PyList([...list])
  }),
  keys: native('keys', 'self', ([self], rt) => new PyList([...walked(self, rt).values.keys()])),
  values: native('values', 'self', ([self], rt) => new PyList(entries(walked(self, rt)).map(([, value]) => value))),
  items: native('items', 'self', ([self], rt) => new PyList(entries(walked(self, rt)).map(pair => new PyTuple(pair)))),
  dict: native('dict', 'self', ([self], rt) => dictOf(entries(walked(self, rt)))),
  copy: native(
    'copy',
    'self',
    ([self], rt) => new QueryDict([...walked(self, rt).values].flatMap(([name, list]) => list.map(value => [name, value] as const))),
  ),
  urlencode: native('urlencode', 'self, safe=None', ([self], rt) => {
    const pairs = [...walked(self, rt).values].flatMap(([name, list]) => list.map(value => [name, value]))
    const size = pairs.reduce((sum, [name, value]) => sum + name!.length + value!.length, 0)
    rt.charge(5 * size)
    rt.alloc(4 * size)
    return new URLSearchParams(pairs).toString()
  }),
}

export const queryDictClass: PyClass = nativeClass({
  name: 'QueryDict',
  module: 'django.http',
  construct: (_, args, __, rt) => {
    const [query = null] = args
    if (query !== null && typeof query !== 'string') raise('TypeError', 'a query string is a str')
    rt.charge(1 + 5 * (query?.length ?? 0))
    rt.alloc(32 * (query?.length ?? 0))
    return new QueryDict(new URLSearchParams(query ?? ''))
  },
})
