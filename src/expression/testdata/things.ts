/** Context values of the golden cases: JSON, with `{"$object": {…}}` for objects that have attributes. */
import { keyOfString } from '../keys.ts'
import { fromJson } from '../json.ts'
import { HostObject, PyClass, PyDict, PyList, types, type Result, type Value } from '../values.ts'

const bag = new PyClass('SimpleNamespace', [types.object])
bag.cls = types.type
bag.frozen = true

/** An object with attributes that may be changed. */
export class Bag extends HostObject {
  private readonly attributes: Map<string, Value>
  constructor(attributes: Map<string, Value>) {
    super(bag)
    this.attributes = attributes
  }
  getAttribute(name: string): Result | undefined {
    return this.attributes.get(name)
  }
  override setAttribute(name: string, value: Value): boolean {
    this.attributes.set(name, value)
    return true
  }
}

export function thing(value: unknown): Value {
  if (Array.isArray(value)) return new PyList(value.map(thing))
  if (value === null || typeof value !== 'object') return fromJson(value)
  if ('$object' in value) return new Bag(new Map(Object.entries(value.$object as object).map(([name, inner]) => [name, thing(inner)])))
  return new PyDict(new Map(Object.entries(value).map(([key, inner]) => [keyOfString(key), { key, value: thing(inner) }])))
}
