/** `match`: each pattern becomes a closure that tells whether a value fits, and binds names as it goes. */
import { findAttribute } from '../attributes.ts'
import { equals } from '../compare.ts'
import { exceptions, raise } from '../errors.ts'
import type { Frame } from '../function.ts'
import { dictSet, keyOf } from '../keys.ts'
import { Pending, bind } from '../pending.ts'
import type { Pattern, Stmt } from '../syntax/ast.ts'
import { PyClass, PyDict, PyException, PyList, PyTuple, typeOf, types } from '../values.ts'
import type { Result, Value } from '../values.ts'
import { storeName } from './assign.ts'
import { compileExpr, compileTest, evaluateAll } from './expressions.ts'
import type { Scope } from './scope.ts'
import { compileBlock, type End, type Ex } from './statements.ts'

type Fits = (f: Frame, value: Value) => boolean | Pending

export function compileMatch(node: Extract<Stmt, { kind: 'Match' }>, scope: Scope): Ex {
  const subject = compileExpr(node.subject, scope)
  const cases = node.cases.map(item => ({
    fits: compilePattern(item.pattern, scope),
    guard: item.guard ? compileTest(item.guard, scope) : null,
    body: compileBlock(item.body, scope),
  }))
  const run = (f: Frame, value: Value, i: number): End => {
    for (; i < cases.length; i++) {
      const { fits, guard, body } = cases[i]!
      f.rt.charge(2)
      const yes = bind(fits(f, value), (fitting: boolean) => (fitting && guard ? guard(f) : fitting))
      if (yes instanceof Pending) return yes.then(answer => (answer ? body(f) : run(f, value, i + 1)))
      if (yes) return body(f)
    }
    return undefined
  }
  return f => bind(subject(f), (value: Value) => run(f, value, 0))
}

/** Do all parts fit, in order? */
function all(fits: Fits[], values: readonly Value[], f: Frame, i = 0): boolean | Pending {
  for (; i < fits.length; i++) {
    const yes = fits[i]!(f, values[i]!)
    if (yes instanceof Pending) return yes.then(answer => answer && all(fits, values, f, i + 1))
    if (!yes) return false
  }
  return true
}

function compilePattern(node: Pattern, scope: Scope): Fits {
  switch (node.kind) {
    case 'MatchValue': {
      const expected = compileExpr(node.value, scope)
      return (f, value) => bind(expected(f), (other: Value) => equals(value, other, f.rt))
    }
    case 'MatchSingleton':
      return (_, value) => value === node.value
    case 'MatchCapture': {
      const inner = node.pattern ? compilePattern(node.pattern, scope) : null
      const store = node.name ? storeName(node.name, scope) : null
      const keep = (f: Frame, value: Value): boolean => {
        store?.(f, value)
        return true
      }
      return inner ? (f, value) => bind(inner(f, value), (yes: boolean) => yes && keep(f, value)) : keep
    }
    case 'MatchStar':
      return () => true
    case 'MatchOr': {
      const options = node.patterns.map(pattern => compilePattern(pattern, scope))
      const run = (f: Frame, value: Value, i: number): boolean | Pending => {
        for (; i < options.length; i++) {
          const yes = options[i]!(f, value)
          if (yes instanceof Pending) return yes.then(answer => answer || run(f, value, i + 1))
          if (yes) return true
        }
        return false
      }
      return (f, value) => run(f, value, 0)
    }
    case 'MatchSequence': {
      const star = node.patterns.findIndex(pattern => pattern.kind === 'MatchStar')
      const starNode = node.patterns[star]
      const store = starNode?.kind === 'MatchStar' && starNode.name ? storeName(starNode.name, scope) : null
      const fits = node.patterns.map(pattern => compilePattern(pattern, scope))
      return (f, value) => {
        if (!(value instanceof PyList || value instanceof PyTuple)) return false
        const { items } = value
        if (star < 0) return items.length === fits.length && all(fits, items, f)
        const after = fits.length - star - 1
        if (items.length < fits.length - 1) return false
        if (store) {
          f.rt.charge(items.length >> 3)
          f.rt.alloc(items.length * 8)
          store(f, new PyList(items.slice(star, items.length - after)))
        }
        return all(fits, [...items.slice(0, star), null, ...items.slice(items.length - after)], f)
      }
    }
    case 'MatchMapping': {
      const keys = node.keys.map(key => compileExpr(key, scope))
      const fits = node.patterns.map(pattern => compilePattern(pattern, scope))
      const store = node.rest ? storeName(node.rest, scope) : null
      return (f, value) => {
        if (!(value instanceof PyDict)) return false
        return bind(evaluateAll(keys, f), (wanted: Value[]) => {
          const found = wanted.map(key => value.entries.get(keyOf(key, f.rt)))
          if (found.some(entry => entry === undefined)) return false
          return bind(
            all(
              fits,
              found.map(entry => entry!.value),
              f,
            ),
            (yes: boolean) => {
              if (!yes || !store) return yes
              const rest = new PyDict()
              f.rt.charge(3 * value.entries.size)
              const taken = new Set(wanted.map(key => keyOf(key, f.rt)))
              for (const [key, entry] of value.entries) if (!taken.has(key)) dictSet(rest, entry.key, entry.value, f.rt)
              store(f, rest)
              return true
            },
          )
        })
      }
    }
    case 'MatchClass':
      return compileClassPattern(node, scope)
  }
}

/** Built-in types whose one positional pattern is the value itself. */
const SELF = new Set<PyClass>([
  types.bool,
  types.bytes,
  types.dict,
  types.float,
  types.frozenset,
  types.int,
  types.list,
  types.set,
  types.str,
  types.tuple,
])

function compileClassPattern(node: Extract<Pattern, { kind: 'MatchClass' }>, scope: Scope): Fits {
  const clsOf = compileExpr(node.cls, scope)
  const fits = [...node.patterns, ...node.named].map(pattern => compilePattern(pattern, scope))
  return (f, value) =>
    bind(clsOf(f), (cls: Value) => {
      if (!(cls instanceof PyClass)) raise('TypeError', 'called match pattern must be a class')
      if (!typeOf(value).isSubclass(cls)) return false
      if (
        node.patterns.length === 1 &&
        !node.named.length &&
        [...SELF].some(type => cls.isSubclass(type)) &&
        cls.lookup('__match_args__') === undefined
      )
        return fits[0]!(f, value)
      const order = cls.lookup('__match_args__')
      const names = order instanceof PyTuple ? order.items.map(String) : []
      if (node.patterns.length > names.length)
        raise(
          'TypeError',
          `${cls.name}() accepts ${names.length} positional sub-pattern${names.length === 1 ? '' : 's'} (${node.patterns.length} given)`,
        )
      return parts(f, value, [...names.slice(0, node.patterns.length), ...node.names], fits, 0)
    })
}

function parts(f: Frame, value: Value, names: string[], fits: Fits[], i: number): boolean | Pending {
  for (; i < names.length; i++) {
    let attribute: Result | undefined
    try {
      attribute = findAttribute(value, names[i]!, f.rt)
    } catch (error) {
      if (!(error instanceof PyException) || !error.cls.isSubclass(exceptions.get('AttributeError')!)) throw error
    }
    if (attribute === undefined) return false
    const yes = bind(attribute, (part: Value) => fits[i]!(f, part))
    if (yes instanceof Pending) return yes.then(answer => answer && parts(f, value, names, fits, i + 1))
    if (!yes) return false
  }
  return true
}
