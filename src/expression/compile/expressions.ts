/** Compiles expressions to closures. Each closure takes the frame and answers a value, or a Pending when it must wait. */
import { attributeReader } from '../attributes.ts'
import { builtins } from '../builtins/index.ts'
import { compare } from '../compare.ts'
import { raise } from '../errors.ts'
import { PyGenerator, type Frame } from '../function.ts'
import { format } from '../format.ts'
import { getIterator } from '../iterate.ts'
import { dictSet, keyOf, keyOfString } from '../keys.ts'
import { binary, unary } from '../operators.ts'
import { Pending, bind } from '../pending.ts'
import { getItem } from '../subscript.ts'
import type { Expr, FormatField } from '../syntax/ast.ts'
import { asciiOnly, reprResult, strResult } from '../text.ts'
import { truth } from '../truth.ts'
import { DONE, PyDict, PyException, PyList, PySet, PySlice, PyTuple, typeOf } from '../values.ts'
import type { DictEntry, Done, Key, Result, Value } from '../values.ts'
import { storeName } from './assign.ts'
import { compileCall } from './calls.ts'
import { compileComprehension } from './comprehensions.ts'
import { compileLambda } from './functions.ts'
import type { Scope } from './scope.ts'

export type Ev = (f: Frame) => Result

/** Evaluates in order; the values are in `out` from index `i`. */
export function evaluateAll(evs: readonly Ev[], f: Frame, out: Value[] = [], i = 0): Value[] | Pending {
  for (; i < evs.length; i++) {
    const value = evs[i]!(f)
    if (value instanceof Pending) {
      return value.then(answer => {
        out.push(answer)
        return evaluateAll(evs, f, out, i + 1)
      })
    }
    out.push(value)
  }
  return out
}

export function compileExpr(node: Expr, scope: Scope): Ev {
  switch (node.kind) {
    case 'Constant': {
      const { value } = node
      return () => value
    }
    case 'Name':
      return compileName(node.id, node.line, scope)
    case 'Attribute': {
      const object = compileExpr(node.object, scope)
      const { name, line } = node
      if (node.object.kind === 'Attribute' && node.object.name === '__class__')
        return classText(compileExpr(node.object.object, scope), name)
      const read = attributeReader(name)
      return f => {
        const value = object(f)
        if (value instanceof Pending) {
          return value.then(o => {
            f.rt.line = line
            return read(o, f.rt)
          })
        }
        f.rt.line = line
        return read(value, f.rt)
      }
    }
    case 'Subscript': {
      const object = compileExpr(node.object, scope)
      const index = compileExpr(node.index, scope)
      const { line } = node
      const item = (f: Frame, o: Value, i: Value): Result => {
        f.rt.line = line
        return f.rt.tickDue ? f.rt.tick().then(() => getItem(o, i, f.rt)) : getItem(o, i, f.rt)
      }
      return f => bind(object(f), (o: Value) => bind(index(f), (i: Value) => item(f, o, i)))
    }
    case 'Slice': {
      const none: Ev = () => null
      const parts = [node.lower, node.upper, node.step].map(part => (part ? compileExpr(part, scope) : none))
      return f => bind(evaluateAll(parts, f), ([a, b, c]: Value[]) => new PySlice(a!, b!, c!))
    }
    case 'Format':
      return compileFormat(node.parts, scope)
    case 'Call':
      return compileCall(node, scope)
    case 'List':
    case 'Tuple': {
      const items = compileItems(node.items, scope)
      return node.kind === 'List'
        ? f => bind(items(f), (values: Value[]) => new PyList(values))
        : f => bind(items(f), (values: Value[]) => new PyTuple(values))
    }
    case 'Set': {
      const items = compileItems(node.items, scope)
      return f =>
        bind(items(f), (values: Value[]) => {
          const set = new Map<unknown, Value>()
          f.rt.charge(values.length)
          f.rt.alloc(48 * values.length)
          for (const value of values) {
            const key = keyOf(value, f.rt)
            if (!set.has(key)) set.set(key, value)
          }
          return new PySet(set)
        })
    }
    case 'Dict':
      return compileDict(node.keys, node.values, scope)
    case 'Bool':
      return compileBool(
        node.op === 'and',
        node.values.map(value => compileExpr(value, scope)),
      )
    case 'Binary': {
      const left = compileExpr(node.left, scope)
      const right = compileExpr(node.right, scope)
      const { op, line } = node
      const apply = (f: Frame, a: Value, b: Value): Result => {
        f.rt.line = line
        return f.rt.tickDue ? f.rt.tick().then(() => binary(op, a, b, f.rt)) : binary(op, a, b, f.rt)
      }
      const withLeft = (f: Frame, a: Value): Result => {
        const b = right(f)
        return b instanceof Pending ? b.then(value => apply(f, a, value)) : apply(f, a, b)
      }
      return f => {
        const a = left(f)
        return a instanceof Pending ? a.then(value => withLeft(f, value)) : withLeft(f, a)
      }
    }
    case 'Unary': {
      const operand = compileExpr(node.operand, scope)
      const { op } = node
      return f => bind(operand(f), (value: Value) => unary(op, value, f.rt))
    }
    case 'Compare':
      return compileCompare(node, scope)
    case 'Conditional': {
      const test = compileTest(node.test, scope)
      const body = compileExpr(node.body, scope)
      const orelse = compileExpr(node.orelse, scope)
      return f => {
        const yes = test(f)
        if (yes instanceof Pending) return yes.then(answer => (answer ? body(f) : orelse(f)))
        return yes ? body(f) : orelse(f)
      }
    }
    case 'Walrus': {
      const value = compileExpr(node.value, scope)
      // Inside a comprehension the name belongs to the function around it.
      const store = storeName(node.target.id, scope)
      return f =>
        bind(value(f), (v: Value) => {
          store(f, v)
          return v
        })
    }
    case 'Lambda':
      return compileLambda(node, scope)
    case 'Comprehension':
      return compileComprehension(node, scope)
    case 'Yield': {
      const value: Ev = node.value ? compileExpr(node.value, scope) : () => null
      const { line } = node
      return f =>
        bind(value(f), (v: Value) =>
          new Pending({ kind: 'yield', value: v }).then(
            sent => {
              f.rt.line = line
              return sent
            },
            error => {
              f.rt.line = line
              throw error
            },
          ),
        )
    }
    case 'YieldFrom':
      return compileYieldFrom(compileExpr(node.value, scope))
    case 'Starred':
      return () => raise('SyntaxError', "can't use starred expression here")
    case 'Unsupported': {
      const { what } = node
      return () => raise('NotImplementedError', `${what} are not supported in expressions`)
    }
  }
}

/** A condition as a JavaScript boolean. */
export function compileTest(node: Expr, scope: Scope): (f: Frame) => boolean | Pending {
  const value = compileExpr(node, scope)
  return f => {
    const v = value(f)
    if (v === true || v === false) return v
    return v instanceof Pending ? v.then(answer => truth(answer, f.rt)) : truth(v, f.rt)
  }
}

function compileName(id: string, line: number, scope: Scope): Ev {
  const builtin = builtins.get(id)
  const global: Ev = f => {
    const own = f.rt.globalNamed(id)
    const value = own === undefined ? builtin : own
    if (value === undefined) {
      f.rt.line = line
      raise('NameError', `name '${id}' is not defined`)
    }
    return value
  }
  const place = scope.find(id)
  if (place.kind === 'global') return global
  if (place.kind === 'class') {
    const outside = slotOrGlobal(id, line, scope, global)
    return f => {
      const own = f.names!.get(id)
      return own === undefined ? outside(f) : own
    }
  }
  return slotOrGlobal(id, line, scope, global)
}

function slotOrGlobal(id: string, line: number, scope: Scope, global: Ev): Ev {
  const place = scope.outward(id)
  if (place.kind !== 'slot') return global
  const { depth, index } = place
  const own = depth === scope.functionDepth()
  const unbound = (f: Frame): never => {
    f.rt.line = line
    if (own) raise('UnboundLocalError', `cannot access local variable '${id}' where it is not associated with a value`)
    return raise('NameError', `cannot access free variable '${id}' where it is not associated with a value in enclosing scope`)
  }
  if (depth === 0) return f => f.slots[index] ?? (f.slots[index] === null ? null : unbound(f))
  return f => {
    let frame = f
    for (let i = 0; i < depth; i++) frame = frame.parent!
    const value = frame.slots[index]
    return value === undefined ? unbound(f) : value
  }
}

/** `x.__class__.__name__`: a text, never the class itself. */
function classText(object: Ev, name: string): Ev {
  return f =>
    bind(object(f), (value: Value) => {
      if (name === '__name__' || name === '__qualname__') return typeOf(value).name
      if (name === '__module__') return typeOf(value).module
      return raise('AttributeError', `'${typeOf(value).name}' object has no attribute '__class__'`)
    })
}

/** Items of a display or arguments of a call, with `*spread`. */
export function compileItems(nodes: Expr[], scope: Scope): (f: Frame) => Value[] | Pending {
  const evs = nodes.map(node => compileExpr(node.kind === 'Starred' ? node.value : node, scope))
  if (!nodes.some(node => node.kind === 'Starred')) {
    const size = evs.length * 8
    return f => {
      f.rt.alloc(24 + size)
      return evaluateAll(evs, f)
    }
  }
  const run = (f: Frame, out: Value[], i: number): Value[] | Pending => {
    for (; i < evs.length; i++) {
      const value = evs[i]!(f)
      const add = (v: Value): undefined | Pending => {
        if (nodes[i]!.kind !== 'Starred') return void out.push(v)
        return bind(f.rt.collect(v), (items: Value[]) => {
          for (const item of items) out.push(item)
          return undefined
        })
      }
      const done = value instanceof Pending ? value.then(add) : add(value)
      if (done instanceof Pending) return done.then(() => run(f, out, i + 1))
    }
    return out
  }
  return f => run(f, [], 0)
}

/** Short texts as keys, as most dicts are written: which entries there will be is known beforehand. */
function compileRecord(keys: readonly string[], values: Expr[], scope: Scope): Ev {
  const evs = values.map(value => compileExpr(value, scope))
  const places = keys.map(keyOfString)
  const size = 64 * keys.length
  const make = (f: Frame, items: readonly Value[]): Value => {
    f.rt.alloc(size)
    const entries = new Map<Key, DictEntry>()
    for (let i = 0; i < places.length; i++) entries.set(places[i]!, { key: keys[i]!, value: items[i]! })
    return new PyDict(entries)
  }
  return f => {
    const items = evaluateAll(evs, f)
    return items instanceof Pending ? items.then(list => make(f, list)) : make(f, items)
  }
}

const textOf = (node: Expr | null): string | undefined =>
  node?.kind === 'Constant' && typeof node.value === 'string' && node.value.length <= 256 ? node.value : undefined

function compileDict(keys: (Expr | null)[], values: Expr[], scope: Scope): Ev {
  const texts = keys.map(textOf).filter(text => text !== undefined)
  // A key that stands there twice keeps its first place.
  if (texts.length === keys.length && new Set(texts).size === keys.length) return compileRecord(texts, values, scope)
  const none: Ev = () => null
  const evs = values.flatMap((value, i) => [keys[i] ? compileExpr(keys[i], scope) : none, compileExpr(value, scope)])
  return f =>
    bind(evaluateAll(evs, f), (flat: Value[]) => {
      const { rt } = f
      const dict = new PyDict()
      for (let i = 0; i < keys.length; i++) {
        if (keys[i]) dictSet(dict, flat[2 * i]!, flat[2 * i + 1]!, rt)
        else {
          const from = flat[2 * i + 1]!
          if (!(from instanceof PyDict)) raise('TypeError', `'${typeOf(from).name}' object is not a mapping`)
          rt.charge(2 * from.entries.size)
          for (const entry of from.entries.values()) dictSet(dict, entry.key, entry.value, rt)
        }
      }
      return dict
    })
}

function compileBool(and: boolean, evs: Ev[]): Ev {
  const run = (f: Frame, i: number): Result => {
    for (; i < evs.length - 1; i++) {
      const value = evs[i]!(f)
      if (value === true || value === false) {
        if (value !== and) return value
        continue
      }
      const decide = (v: Value): Result | undefined => {
        const yes = truth(v, f.rt)
        if (yes instanceof Pending) return yes.then(answer => (answer === and ? run(f, i + 1) : v))
        return yes === and ? undefined : v
      }
      if (value instanceof Pending) {
        return value.then(v => {
          const decided = decide(v)
          return decided === undefined ? run(f, i + 1) : decided
        })
      }
      const decided = decide(value)
      if (decided !== undefined) return decided
    }
    return evs[i]!(f)
  }
  return f => run(f, 0)
}

function compileCompare(node: Extract<Expr, { kind: 'Compare' }>, scope: Scope): Ev {
  const left = compileExpr(node.left, scope)
  const rights = node.rights.map(right => compileExpr(right, scope))
  const { ops, line } = node
  const step = (f: Frame, a: Value, i: number): Result => {
    const b = rights[i]!(f)
    return b instanceof Pending ? b.then(value => decide(f, a, value, i)) : decide(f, a, b, i)
  }
  const decide = (f: Frame, a: Value, b: Value, i: number): Result => {
    f.rt.line = line
    if (f.rt.tickDue) return f.rt.tick().then(() => decide(f, a, b, i))
    const answer = compare(ops[i]!, a, b, f.rt)
    if (i === ops.length - 1) return answer
    return bind(answer, (value: Value) => bind(truth(value, f.rt), (yes: boolean) => (yes ? step(f, b, i + 1) : value)))
  }
  return f => {
    const a = left(f)
    return a instanceof Pending ? a.then(value => step(f, value, 0)) : step(f, a, 0)
  }
}

function compileFormat(parts: (string | FormatField)[], scope: Scope): Ev {
  const evs = parts.map((part): Ev => {
    if (typeof part === 'string') return () => part
    const value = compileExpr(part.value, scope)
    const spec: Ev = part.spec ? compileFormat(part.spec, scope) : () => ''
    const { conversion } = part
    const shown = (f: Frame, v: Value): Result =>
      bind(
        conversion === ''
          ? v
          : conversion === 's'
            ? strResult(v, f.rt)
            : bind(reprResult(v, f.rt), (text: string) => (conversion === 'a' ? asciiOnly(text, f.rt) : text)),
        (converted: Value) => bind(spec(f), (text: Value) => format(converted, text as string, f.rt)),
      )
    return f => bind(value(f), (v: Value) => (f.rt.tickDue ? f.rt.tick().then(() => shown(f, v)) : shown(f, v)))
  })
  return f =>
    bind(evaluateAll(evs, f), (texts: Value[]) => {
      const size = texts.reduce((sum: number, text) => sum + (text as string).length, 0)
      f.rt.charge(texts.length + (size >> 6))
      f.rt.alloc(size)
      return texts.join('')
    })
}

function compileYieldFrom(source: Ev): Ev {
  return f =>
    bind(source(f), (value: Value) =>
      bind(getIterator(value, f.rt), (iterator: import('../values.ts').PyIterator) => {
        const step = (item: Value | Done | Pending): Result => {
          if (item instanceof Pending) return item.then(step)
          if (item === DONE) return iterator instanceof PyGenerator ? iterator.returned : null
          return new Pending({ kind: 'yield', value: item }).then(
            sent => step(iterator instanceof PyGenerator ? iterator.resume(sent, false, f.rt) : iterator.next(f.rt)),
            error => {
              if (!(iterator instanceof PyGenerator) || !(error instanceof PyException)) throw error
              return step(iterator.resume(error, true, f.rt))
            },
          )
        }
        return step(iterator.next(f.rt))
      }),
    )
}
