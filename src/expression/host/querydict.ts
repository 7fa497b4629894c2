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
    for (const [name, value] of pairs) this.values.set(name, [...(this.values.get(name) ?? []), value])
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
const entries = (dict: QueryDict): [string, string][] => [...dict.values].map(([name, list]) => [name, list.at(-1)!])

const methods: Record<string, NativeFunction> = {
  get: native('get', 'self, key, default=None', ([self, key, otherwise]) => of(self).last(key) ?? otherwise),
  getlist: native('getlist', 'self, key, default=None', ([self, key]) => new PyList([...(of(self).values.get(String(key)) ?? [])])),
  keys: native('keys', 'self', ([self]) => new PyList([...of(self).values.keys()])),
  values: native('values', 'self', ([self]) => new PyList(entries(of(self)).map(([, value]) => value))),
  items: native('items', 'self', ([self]) => new PyList(entries(of(self)).map(pair => new PyTuple(pair)))),
  dict: native('dict', 'self', ([self]) => dictOf(entries(of(self)))),
  copy: native(
    'copy',
    'self',
    ([self]) => new QueryDict([...of(self).values].flatMap(([name, list]) => list.map(value => [name, value] as const))),
  ),
  urlencode: native('urlencode', 'self, safe=None', ([self]) =>
    new URLSearchParams([...of(self).values].flatMap(([name, list]) => list.map(value => [name, value]))).toString(),
  ),
}

export const queryDictClass: PyClass = nativeClass({
  name: 'QueryDict',
  module: 'django.http',
  construct: (_, args) => {
    const [query = null] = args
    if (query !== null && typeof query !== 'string') raise('TypeError', 'a query string is a str')
    return new QueryDict(new URLSearchParams(query ?? ''))
  },
})
