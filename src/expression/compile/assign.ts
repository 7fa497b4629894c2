/** Assignment to names, attributes, items and patterns of them. */
import { setAttribute, deleteAttribute } from '../attributes.ts'
import { raise } from '../errors.ts'
import type { Frame } from '../function.ts'
import { Pending, bind } from '../pending.ts'
import { deleteItem, setItem } from '../subscript.ts'
import type { Expr } from '../syntax/ast.ts'
import { PyList, PyTuple, typeOf } from '../values.ts'
import { collect } from '../iterate.ts'
import type { Value } from '../values.ts'
import { compileExpr } from './expressions.ts'
import type { Scope } from './scope.ts'

export type Store = (f: Frame, value: Value) => undefined | Pending

export function storeName(name: string, scope: Scope): (f: Frame, value: Value) => undefined {
  const place = scope.find(name)
  if (place.kind === 'class') return (f, value) => void f.names!.set(name, value)
  if (place.kind === 'global') return (f, value) => void f.rt.globals.set(name, value)
  const { depth, index } = place
  if (depth === 0) return (f, value) => void (f.slots[index] = value)
  return (f, value) => {
    for (let i = 0; i < depth; i++) f = f.parent!
    f.slots[index] = value
    return undefined
  }
}

/** Makes a name unbound, as the end of an `except … as name` block does. */
export function unbindName(name: string, scope: Scope): (f: Frame) => void {
  const place = scope.find(name)
  if (place.kind === 'class') return f => void f.names!.delete(name)
  if (place.kind === 'global') return f => void f.rt.globals.delete(name)
  return f => {
    for (let i = 0; i < place.depth; i++) f = f.parent!
    f.slots[place.index] = undefined
  }
}

export function compileStore(target: Expr, scope: Scope): Store {
  switch (target.kind) {
    case 'Name':
      return storeName(target.id, scope)
    case 'Attribute': {
      const object = compileExpr(target.object, scope)
      const { name, line } = target
      return (f, value) =>
        bind(object(f), (o: Value) => {
          f.rt.line = line
          return setAttribute(o, name, value, f.rt)
        })
    }
    case 'Subscript': {
      const object = compileExpr(target.object, scope)
      const index = compileExpr(target.index, scope)
      const { line } = target
      return (f, value) =>
        bind(object(f), (o: Value) =>
          bind(index(f), (i: Value) => {
            f.rt.line = line
            return setItem(o, i, value, f.rt)
          }),
        )
    }
    case 'Starred':
      return compileStore(target.value, scope)
    case 'List':
    case 'Tuple':
      return unpack(target.items, scope)
    default:
      throw new Error(`not a target: ${target.kind}`)
  }
}

function unpack(targets: Expr[], scope: Scope): Store {
  const stores = targets.map(target => compileStore(target, scope))
  const star = targets.findIndex(target => target.kind === 'Starred')
  const expected = targets.length
  const assign = (f: Frame, items: readonly Value[], i: number): undefined | Pending => {
    for (; i < stores.length; i++) {
      const done = stores[i]!(f, items[i]!)
      if (done instanceof Pending) return done.then(() => assign(f, items, i + 1))
    }
    return undefined
  }
  const spread = (f: Frame, items: readonly Value[]): undefined | Pending => {
    if (star < 0) {
      if (items.length < expected) raise('ValueError', `not enough values to unpack (expected ${expected}, got ${items.length})`)
      if (items.length > expected) raise('ValueError', `too many values to unpack (expected ${expected})`)
      return assign(f, items, 0)
    }
    const after = expected - star - 1
    if (items.length < expected - 1)
      raise('ValueError', `not enough values to unpack (expected at least ${expected - 1}, got ${items.length})`)
    f.rt.charge(items.length >> 3)
    f.rt.alloc(items.length * 8)
    return assign(
      f,
      [...items.slice(0, star), new PyList(items.slice(star, items.length - after)), ...items.slice(items.length - after)],
      0,
    )
  }
  return (f, value) => {
    if ((value instanceof PyTuple || value instanceof PyList) && value.cls.plain)
      return spread(f, value instanceof PyList ? value.items.slice() : value.items)
    if (typeof value !== 'string' && (typeof value !== 'object' || value === null))
      raise('TypeError', `cannot unpack non-iterable ${typeOf(value).name} object`)
    return bind(collect(value, f.rt), (items: Value[]) => spread(f, items))
  }
}

export function compileDelete(target: Expr, scope: Scope): (f: Frame) => undefined | Pending {
  switch (target.kind) {
    case 'Name': {
      const { id } = target
      const place = scope.find(id)
      const missing = () =>
        raise(
          place.kind === 'slot' ? 'UnboundLocalError' : 'NameError',
          place.kind === 'slot'
            ? `cannot access local variable '${id}' where it is not associated with a value`
            : `name '${id}' is not defined`,
        )
      return f => {
        if (place.kind !== 'slot') {
          if (!(place.kind === 'class' ? f.names! : f.rt.globals).delete(id)) missing()
          return undefined
        }
        let frame = f
        for (let i = 0; i < place.depth; i++) frame = frame.parent!
        if (frame.slots[place.index] === undefined) missing()
        frame.slots[place.index] = undefined
        return undefined
      }
    }
    case 'Attribute': {
      const object = compileExpr(target.object, scope)
      return f => bind(object(f), (o: Value) => deleteAttribute(o, target.name, f.rt))
    }
    case 'Subscript': {
      const object = compileExpr(target.object, scope)
      const index = compileExpr(target.index, scope)
      return f => bind(object(f), (o: Value) => bind(index(f), (i: Value) => deleteItem(o, i, f.rt)))
    }
    case 'List':
    case 'Tuple': {
      const parts = target.items.map(item => compileDelete(item, scope))
      const run = (f: Frame, i: number): undefined | Pending => {
        for (; i < parts.length; i++) {
          const done = parts[i]!(f)
          if (done instanceof Pending) return done.then(() => run(f, i + 1))
        }
        return undefined
      }
      return f => run(f, 0)
    }
    default:
      throw new Error(`not a target: ${target.kind}`)
  }
}
