/** Conditions of a query as expressions write them. */
import { raise } from '../errors.ts'
import { nativeClass } from '../module.ts'
import { HostObject } from '../values.ts'
import type { Kwargs, Value, PyClass } from '../values.ts'

/** One `name__lookup=value`. */
export type Lookup = { path: readonly string[]; value: Value }
/** Conditions that are joined; `negated` turns the whole. */
export type Node = { join: 'and' | 'or'; parts: readonly (Node | Lookup)[]; negated: boolean }

export const everything: Node = { join: 'and', parts: [], negated: false }

export const isNode = (part: Node | Lookup): part is Node => 'join' in part

/** `Q(...)`: conditions that can be joined with `|`, `&` and turned with `~`. */
export class QObject extends HostObject {
  readonly node: Node
  constructor(node: Node) {
    super(qClass)
    this.node = node
  }
  override getAttribute(): undefined {
    return undefined
  }
  override binary(operator: string, other: Value): Value | undefined {
    if ((operator !== '|' && operator !== '&') || !(other instanceof QObject)) return undefined
    return new QObject(joined(operator === '|' ? 'or' : 'and', [this.node, other.node]))
  }
  override unary(operator: string): Value | undefined {
    return operator === '~' ? new QObject({ join: 'and', parts: [this.node], negated: true }) : undefined
  }
  override truth(): boolean {
    return this.node.parts.length > 0
  }
}

/** An empty side says nothing, as in Django. */
export function joined(join: 'and' | 'or', nodes: readonly Node[]): Node {
  const real = nodes.filter(node => node.parts.length > 0)
  return real.length === 1 ? real[0]! : { join, parts: real, negated: false }
}

/** The condition that arguments of `filter` stand for: Q objects and keywords, all to be met. */
export function nodeOf(args: readonly Value[], kwargs: Kwargs | null): Node {
  const parts: (Node | Lookup)[] = []
  for (const arg of args) {
    if (!(arg instanceof QObject)) raise('TypeError', 'filters are Q objects or keywords')
    if (arg.node.parts.length) parts.push(arg.node)
  }
  for (const [name, value] of kwargs ?? []) {
    // Templates write `_connector` and `_negated`; nobody writes them in expressions.
    parts.push({ path: name.split('__'), value })
  }
  return { join: 'and', parts, negated: false }
}

export const qClass: PyClass = nativeClass({
  name: 'Q',
  module: 'django.db.models',
  construct: (_, args, kwargs) => new QObject(nodeOf(args, kwargs)),
})
