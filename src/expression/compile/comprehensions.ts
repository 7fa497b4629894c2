/** List, set and dict comprehensions and generator expressions: each run has a frame of its own. */
import { Frame, PyGenerator, type Code } from '../function.ts'
import { drain, getIterator } from '../iterate.ts'
import { dictSet, keyOf } from '../keys.ts'
import { Pending, bind } from '../pending.ts'
import type { ComprehensionExpr } from '../syntax/ast.ts'
import { PyDict, PyList, PySet } from '../values.ts'
import type { PyIterator, Result, Value } from '../values.ts'
import { compileStore } from './assign.ts'
import { compileExpr, compileTest, type Ev } from './expressions.ts'
import { Scope, cost, targetNames } from './scope.ts'

/** Gets each element (and value, for dicts) as it is made. */
type Emit = (f: Frame, element: Value, value: Value) => undefined | Pending

export function compileComprehension(node: ComprehensionExpr, outer: Scope): Ev {
  const scope = new Scope('comprehension', outer, targetNames(node.clauses.map(clause => clause.target)))
  // The first iterable is evaluated where the comprehension stands.
  const first = compileExpr(node.clauses[0]!.iter, outer)
  const clauses = node.clauses.map((clause, i) => ({
    store: compileStore(clause.target, scope),
    iter: i === 0 ? null : compileExpr(clause.iter, scope),
    tests: clause.conditions.map(test => compileTest(test, scope)),
    steps: cost(clause.target) + clause.conditions.reduce((sum, test) => sum + cost(test), 0) - 1,
  }))
  const element = compileExpr(node.element, scope)
  const value: Ev = node.value ? compileExpr(node.value, scope) : () => null
  const steps = cost(node.element)

  const produce = (f: Frame, emit: Emit): undefined | Pending => {
    f.rt.charge(steps)
    const e = element(f)
    if (e instanceof Pending) return e.then(answer => bind(value(f), (v: Value) => emit(f, answer, v)))
    const v = value(f)
    return v instanceof Pending ? v.then(answer => emit(f, e, answer)) : emit(f, e, v)
  }
  const walk = (level: number, iterator: PyIterator, f: Frame, emit: Emit): undefined | Pending => {
    const clause = clauses[level]!
    const inner = (i: number): undefined | Pending => {
      for (; i < clause.tests.length; i++) {
        const yes = clause.tests[i]!(f)
        if (yes instanceof Pending) return yes.then(answer => (answer ? inner(i + 1) : undefined))
        if (!yes) return undefined
      }
      const next = clauses[level + 1]
      if (!next) return produce(f, emit)
      return bind(next.iter!(f), (source: Value) => bind(getIterator(source, f.rt), (found: PyIterator) => walk(level + 1, found, f, emit)))
    }
    return drain(
      iterator,
      item => {
        f.rt.charge(clause.steps)
        const stored = clause.store(f, item)
        return stored instanceof Pending ? stored.then(() => inner(0)) : inner(0)
      },
      f.rt,
    )
  }
  const start = (outerFrame: Frame, source: Value, emit: Emit, done: () => Value): Result =>
    bind(getIterator(source, outerFrame.rt), (iterator: PyIterator) => {
      const f = frameOf(outerFrame)
      const finished = walk(0, iterator, f, emit)
      return finished instanceof Pending ? finished.then(done) : done()
    })
  const frameOf = (outerFrame: Frame): Frame => {
    outerFrame.rt.alloc(64)
    const f = new Frame(new Array(scope.slots.size), outerFrame, outerFrame.rt)
    f.owner = outerFrame.owner
    return f
  }

  switch (node.form) {
    case 'list':
      return f =>
        bind(first(f), (source: Value) => {
          const items: Value[] = []
          const emit: Emit = (inner, item) => {
            inner.rt.alloc(8)
            items.push(item)
            return undefined
          }
          return start(f, source, emit, () => new PyList(items))
        })
    case 'set':
      return f =>
        bind(first(f), (source: Value) => {
          const items = new Map<unknown, Value>()
          const emit: Emit = (inner, item) => {
            inner.rt.alloc(48)
            const key = keyOf(item, inner.rt)
            if (!items.has(key)) items.set(key, item)
            return undefined
          }
          return start(f, source, emit, () => new PySet(items))
        })
    case 'dict':
      return f =>
        bind(first(f), (source: Value) => {
          const dict = new PyDict()
          const emit: Emit = (inner, key, item) => {
            dictSet(dict, key, item, inner.rt)
            return undefined
          }
          return start(f, source, emit, () => dict)
        })
    default:
      return f =>
        bind(first(f), (source: Value) =>
          bind(getIterator(source, f.rt), (iterator: PyIterator) => {
            const code: Code = {
              name: '<genexpr>',
              slots: scope.slots.size,
              parameters: [],
              positional: 0,
              positionalOnly: 0,
              rest: false,
              keywordRest: false,
              isGenerator: true,
              used: [],
              run: frame =>
                bind(
                  walk(0, iterator, frame, (_, item) => new Pending({ kind: 'yield', value: item }).then(() => undefined)) as Result,
                  () => null,
                ),
            }
            return new PyGenerator(frameOf(f), code)
          }),
        )
  }
}
