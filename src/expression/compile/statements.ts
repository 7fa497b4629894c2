/** Compiles statements. A statement's closure answers how it ended: undefined (went through), BREAK, CONTINUE, RETURN, or a Pending of one of these. */
import { raise } from '../errors.ts'
import type { Frame } from '../function.ts'
import { getIterator } from '../iterate.ts'
import { inPlace } from '../operators.ts'
import { Pending, bind } from '../pending.ts'
import { getItem, setItem } from '../subscript.ts'
import { getAttribute, setAttribute } from '../attributes.ts'
import type { Stmt } from '../syntax/ast.ts'
import { DONE } from '../values.ts'
import type { Done, PyIterator, Value } from '../values.ts'
import { compileDelete, compileStore, storeName } from './assign.ts'
import { compileClass, decorate } from './classes.ts'
import { compileExpr, compileTest } from './expressions.ts'
import { compileFunction } from './functions.ts'
import { compileImport, compileImportFrom } from './imports.ts'
import { compileMatch } from './patterns.ts'
import { type Scope, cost } from './scope.ts'
import { compileRaise, compileTry, compileWith } from './exceptions.ts'

export const BREAK = Symbol('break')
export const CONTINUE = Symbol('continue')
export const RETURN = Symbol('return')
export type End = undefined | typeof BREAK | typeof CONTINUE | typeof RETURN | Pending
export type Ex = (f: Frame) => End

const nothing: Ex = () => undefined

export function compileBlock(body: Stmt[], scope: Scope): Ex {
  const live = body.filter(statement => statement.kind !== 'Pass' && statement.kind !== 'Global' && statement.kind !== 'Nonlocal')
  if (!live.length) return nothing
  const statements = live.map(statement => compileStmt(statement, scope))
  const lines = live.map(statement => statement.line)
  const costs = live.map(cost)
  if (live.length === 1) {
    const [only, line, steps] = [statements[0]!, lines[0]!, costs[0]!]
    return f => {
      f.rt.line = line
      f.rt.charge(steps)
      return only(f)
    }
  }
  const run = (f: Frame, i: number): End => {
    const { rt } = f
    for (; i < statements.length; i++) {
      if (rt.tickDue) return rt.tick().then(() => run(f, i))
      rt.line = lines[i]!
      rt.charge(costs[i]!)
      const end = statements[i]!(f)
      if (end === undefined) continue
      if (end instanceof Pending) return end.then(later => (later === undefined ? run(f, i + 1) : later))
      return end
    }
    return undefined
  }
  return f => run(f, 0)
}

function compileStmt(node: Stmt, scope: Scope): Ex {
  switch (node.kind) {
    case 'Expr': {
      const value = compileExpr(node.value, scope)
      return f => {
        const v = value(f)
        return v instanceof Pending ? v.then(() => undefined) : undefined
      }
    }
    case 'Return': {
      if (!node.value) {
        return f => {
          f.result = null
          return RETURN
        }
      }
      const value = compileExpr(node.value, scope)
      const give = (f: Frame, v: Value): End => {
        f.result = v
        return RETURN
      }
      return f => {
        const v = value(f)
        return v instanceof Pending ? v.then(answer => give(f, answer)) : give(f, v)
      }
    }
    case 'Assign': {
      const value = compileExpr(node.value, scope)
      const stores = node.targets.map(target => compileStore(target, scope))
      const assign = (f: Frame, v: Value, i: number): End => {
        for (; i < stores.length; i++) {
          const done = stores[i]!(f, v)
          if (done instanceof Pending) return done.then(() => assign(f, v, i + 1))
        }
        return undefined
      }
      return f => {
        const v = value(f)
        return v instanceof Pending ? v.then(answer => assign(f, answer, 0)) : assign(f, v, 0)
      }
    }
    case 'AnnAssign': {
      const store = node.value ? compileStore(node.target, scope) : null
      const value = node.value ? compileExpr(node.value, scope) : null
      // A class body keeps its annotations: dataclasses are made from them. Annotations are not evaluated.
      const annotate = scope.kind === 'class' && node.target.kind === 'Name' ? node.target.id : null
      const text =
        node.annotation.kind === 'Name'
          ? node.annotation.id
          : node.annotation.kind === 'Subscript' && node.annotation.object.kind === 'Name'
            ? node.annotation.object.id
            : ''
      return f => {
        if (annotate !== null) f.annotations.push([annotate, text])
        return value ? bind(value(f), (v: Value) => store!(f, v)) : undefined
      }
    }
    case 'AugAssign':
      return compileAugmented(node, scope)
    case 'Delete': {
      const parts = node.targets.map(target => compileDelete(target, scope))
      const run = (f: Frame, i: number): End => {
        for (; i < parts.length; i++) {
          const done = parts[i]!(f)
          if (done instanceof Pending) return done.then(() => run(f, i + 1))
        }
        return undefined
      }
      return f => run(f, 0)
    }
    case 'If': {
      const branches = node.branches.map(branch => ({
        test: compileTest(branch.test, scope),
        body: compileBlock(branch.body, scope),
        line: branch.test.line,
      }))
      const orelse = compileBlock(node.orelse, scope)
      const run = (f: Frame, i: number): End => {
        for (; i < branches.length; i++) {
          const branch = branches[i]!
          f.rt.line = branch.line
          const yes = branch.test(f)
          if (yes instanceof Pending) return yes.then(answer => (answer ? branch.body(f) : run(f, i + 1)))
          if (yes) return branch.body(f)
        }
        return orelse(f)
      }
      return f => run(f, 0)
    }
    case 'While':
      return compileWhile(node, scope)
    case 'For':
      return compileFor(node, scope)
    case 'Break':
      return () => BREAK
    case 'Continue':
      return () => CONTINUE
    case 'Try':
      return compileTry(node, scope)
    case 'With':
      return compileWith(node, scope)
    case 'Raise':
      return compileRaise(node, scope)
    case 'Assert': {
      const test = compileTest(node.test, scope)
      const message = node.message ? compileExpr(node.message, scope) : null
      return f =>
        bind(test(f), (yes: boolean) => {
          if (yes) return undefined
          if (!message) raise('AssertionError')
          return bind(message(f), (text: Value) => raise('AssertionError', text))
        })
    }
    case 'Import':
      return compileImport(node.names, scope)
    case 'ImportFrom':
      return compileImportFrom(node, scope)
    case 'Match':
      return compileMatch(node, scope)
    case 'Function': {
      const store = storeName(node.name, scope)
      const make = decorate(compileFunction(node.name, node.parameters, node.body, scope), node.decorators, scope)
      return f => bind(make(f), (fn: Value) => store(f, fn))
    }
    case 'Class': {
      const store = storeName(node.name, scope)
      const make = decorate(compileClass(node, scope), node.decorators, scope)
      return f => bind(make(f), (cls: Value) => store(f, cls))
    }
    case 'UnsupportedStmt': {
      const { what } = node
      return () => raise('NotImplementedError', `${what} is not supported in expressions`)
    }
    default:
      return nothing
  }
}

function compileAugmented(node: Extract<Stmt, { kind: 'AugAssign' }>, scope: Scope): Ex {
  const value = compileExpr(node.value, scope)
  const { op, target, line } = node
  if (target.kind === 'Attribute') {
    const object = compileExpr(target.object, scope)
    const { name } = target
    return f =>
      bind(object(f), (o: Value) =>
        bind(getAttribute(o, name, f.rt), (old: Value) =>
          bind(value(f), (v: Value) => {
            f.rt.line = line
            return bind(inPlace(op, old, v, f.rt), (result: Value) => setAttribute(o, name, result, f.rt))
          }),
        ),
      )
  }
  if (target.kind === 'Subscript') {
    const object = compileExpr(target.object, scope)
    const index = compileExpr(target.index, scope)
    return f =>
      bind(object(f), (o: Value) =>
        bind(index(f), (i: Value) =>
          bind(getItem(o, i, f.rt), (old: Value) =>
            bind(value(f), (v: Value) => {
              f.rt.line = line
              return bind(inPlace(op, old, v, f.rt), (result: Value) => setItem(o, i, result, f.rt))
            }),
          ),
        ),
      )
  }
  const load = compileExpr(target, scope)
  const store = compileStore(target, scope)
  return f =>
    bind(load(f), (old: Value) =>
      bind(value(f), (v: Value) => {
        f.rt.line = line
        return bind(inPlace(op, old, v, f.rt), (result: Value) => store(f, result))
      }),
    )
}

function compileWhile(node: Extract<Stmt, { kind: 'While' }>, scope: Scope): Ex {
  const test = compileTest(node.test, scope)
  const body = compileBlock(node.body, scope)
  const orelse = compileBlock(node.orelse, scope)
  const steps = cost(node.test)
  const { line } = node
  const loop = (f: Frame): End => {
    const { rt } = f
    for (;;) {
      if (rt.tickDue) return rt.tick().then(() => loop(f))
      rt.line = line
      rt.charge(steps)
      const yes = test(f)
      if (yes instanceof Pending) return yes.then(answer => (answer ? after(f, body(f)) : orelse(f)))
      if (!yes) return orelse(f)
      const end = body(f)
      if (end === undefined || end === CONTINUE) continue
      return after(f, end)
    }
  }
  const after = (f: Frame, end: End): End => {
    if (end instanceof Pending) return end.then(later => after(f, later))
    if (end === undefined || end === CONTINUE) return loop(f)
    return end === BREAK ? undefined : end
  }
  return loop
}

function compileFor(node: Extract<Stmt, { kind: 'For' }>, scope: Scope): Ex {
  const source = compileExpr(node.iter, scope)
  const store = compileStore(node.target, scope)
  const body = compileBlock(node.body, scope)
  const orelse = compileBlock(node.orelse, scope)
  const { line } = node
  const loop = (f: Frame, iterator: PyIterator): End => {
    const { rt } = f
    for (;;) {
      if (rt.tickDue) return rt.tick().then(() => loop(f, iterator))
      rt.line = line
      const item = iterator.next(rt)
      if (item instanceof Pending)
        return item.then((value: Value | Done) => (value === DONE ? orelse(f) : after(f, iterator, once(f, value))))
      if (item === DONE) return orelse(f)
      const end = once(f, item)
      if (end === undefined || end === CONTINUE) continue
      return after(f, iterator, end)
    }
  }
  const once = (f: Frame, item: Value): End => {
    const stored = store(f, item)
    return stored instanceof Pending ? stored.then(() => body(f)) : body(f)
  }
  const after = (f: Frame, iterator: PyIterator, end: End): End => {
    if (end instanceof Pending) return end.then(later => after(f, iterator, later))
    if (end === undefined || end === CONTINUE) return loop(f, iterator)
    return end === BREAK ? undefined : end
  }
  return f => bind(source(f), (value: Value) => bind(getIterator(value, f.rt), (iterator: PyIterator) => loop(f, iterator)))
}
