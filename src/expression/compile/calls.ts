/** Calls, with a short cut for methods of built-in values and with zero-argument `super()`. */
import { attributeReader } from '../attributes.ts'
import { call } from '../call.ts'
import { raise } from '../errors.ts'
import type { Frame } from '../function.ts'
import { dictGet } from '../keys.ts'
import { Pending, bind } from '../pending.ts'
import { PySuper } from '../super.ts'
import type { Call } from '../syntax/ast.ts'
import { NativeFunction, PyClass, PyDict, typeOf } from '../values.ts'
import type { Kwargs, Result, Value } from '../values.ts'
import { compileExpr, compileItems, type Ev } from './expressions.ts'
import type { Scope } from './scope.ts'

type Keywords = (f: Frame) => Kwargs | null | Pending

export function compileCall(node: Call, scope: Scope): Ev {
  if (
    node.fn.kind === 'Name' &&
    node.fn.id === 'super' &&
    !node.args.length &&
    !node.keywords.length &&
    scope.find('super').kind === 'global'
  )
    return compileSuper(scope)
  const args = compileItems(node.args, scope)
  const keywords = compileKeywords(node, scope)
  const { line } = node
  const finish = (f: Frame, fn: Value, values: Value[], kwargs: Kwargs | null): Result => {
    f.rt.line = line
    return call(fn, values, kwargs, f.rt)
  }
  const withCallee = (f: Frame, fn: Value): Result => {
    const values = args(f)
    if (values instanceof Pending) return values.then(list => bind(keywords(f), (kwargs: Kwargs | null) => finish(f, fn, list, kwargs)))
    const kwargs = keywords(f)
    return kwargs instanceof Pending ? kwargs.then(map => finish(f, fn, values, map)) : finish(f, fn, values, kwargs)
  }
  if (node.fn.kind === 'Attribute' && !(node.fn.object.kind === 'Attribute' && node.fn.object.name === '__class__')) {
    const object = compileExpr(node.fn.object, scope)
    const { name } = node.fn
    const read = attributeReader(name)
    const withObject = (f: Frame, o: Value): Result => {
      const cls = typeOf(o)
      const method = cls.plain ? cls.dict.get(name) : undefined
      if (method instanceof NativeFunction) {
        return bind(args(f), (values: Value[]) =>
          bind(keywords(f), (kwargs: Kwargs | null) => {
            values.unshift(o)
            f.rt.line = line
            const run = (): Result => {
              f.rt.line = line
              f.rt.charge(1)
              return method.code(values, kwargs, f.rt)
            }
            return f.rt.tickDue ? f.rt.tick().then(run) : run()
          }),
        )
      }
      f.rt.line = line
      const fn = read(o, f.rt)
      return fn instanceof Pending ? fn.then(value => withCallee(f, value)) : withCallee(f, fn)
    }
    return f => {
      const o = object(f)
      return o instanceof Pending ? o.then(value => withObject(f, value)) : withObject(f, o)
    }
  }
  const fn = compileExpr(node.fn, scope)
  return f => {
    const callee = fn(f)
    return callee instanceof Pending ? callee.then(value => withCallee(f, value)) : withCallee(f, callee)
  }
}

function compileKeywords(node: Pick<Call, 'keywords'>, scope: Scope): Keywords {
  const parts = node.keywords.map(keyword => ({ name: keyword.name, value: compileExpr(keyword.value, scope) }))
  if (!parts.length) return () => null
  const add = (map: Kwargs, name: string | null, value: Value, f: Frame): void => {
    if (name !== null) {
      if (map.has(name)) raise('TypeError', `got multiple values for keyword argument '${name}'`)
      map.set(name, value)
      return
    }
    if (!(value instanceof PyDict)) raise('TypeError', `argument after ** must be a mapping, not ${typeOf(value).name}`)
    f.rt.charge(value.entries.size)
    for (const entry of value.entries.values()) {
      if (typeof entry.key !== 'string') raise('TypeError', 'keywords must be strings')
      if (map.has(entry.key)) raise('TypeError', `got multiple values for keyword argument '${entry.key}'`)
      map.set(entry.key, dictGet(value, entry.key, f.rt)!)
    }
  }
  const run = (f: Frame, map: Kwargs, i: number): Kwargs | Pending => {
    for (; i < parts.length; i++) {
      const { name, value } = parts[i]!
      const v = value(f)
      if (v instanceof Pending) {
        return v.then(answer => {
          add(map, name, answer, f)
          return run(f, map, i + 1)
        })
      }
      add(map, name, v, f)
    }
    return map
  }
  return f => run(f, new Map(), 0)
}

export const compileClassKeywords = compileKeywords

/** `super()`: the class whose body the method stands in, and the method's first argument. */
function compileSuper(scope: Scope): Ev {
  const depth = scope.functionDepth()
  return f => {
    let frame = f
    for (let i = 0; i < depth; i++) frame = frame.parent!
    const cls = frame.owner?.cls
    if (!cls) raise('RuntimeError', 'super(): no arguments')
    const self = frame.slots[0]
    if (self === undefined) raise('RuntimeError', 'super(): arg[0] deleted')
    const start = self instanceof PyClass && self.isSubclass(cls) ? self : typeOf(self)
    if (!start.isSubclass(cls)) raise('TypeError', 'super(type, obj): obj must be an instance or subtype of type')
    return new PySuper(cls, start, self)
  }
}
