/** `try`, `with` and `raise`. Only exceptions of the language are ever caught; limits pass through everything. */
import { call, instantiate } from '../call.ts'
import { findAttribute } from '../attributes.ts'
import { raise } from '../errors.ts'
import { asException, type Frame } from '../function.ts'
import { Pending, bind } from '../pending.ts'
import type { Expr, Stmt } from '../syntax/ast.ts'
import { special } from '../special.ts'
import { truth } from '../truth.ts'
import { HostObject, PyClass, PyException, PyTuple, typeOf, types } from '../values.ts'
import type { Result, Value } from '../values.ts'
import { compileStore, storeName, unbindName } from './assign.ts'
import { compileExpr } from './expressions.ts'
import type { Scope } from './scope.ts'
import { RETURN, compileBlock, type End, type Ex } from './statements.ts'

type Kind<K> = Extract<Stmt, { kind: K }>

/** Does `except <type>` catch this? */
function matches(type: Value, error: PyException): boolean {
  if (type instanceof PyTuple) return type.items.some(item => matches(item, error))
  if (!(type instanceof PyClass) || !type.isSubclass(types.BaseException))
    raise('TypeError', 'catching classes that do not inherit from BaseException is not allowed')
  return error.cls.isSubclass(type)
}

/** An exception raised while another is handled remembers that one. */
function chain(error: unknown, handled: PyException): unknown {
  const raised = asException(error)
  if (raised instanceof PyException && raised !== handled && raised.context === null && handled.context !== raised) raised.context = handled
  return raised
}

export function compileTry(node: Kind<'Try'>, scope: Scope): Ex {
  const body = compileBlock(node.body, scope)
  const orelse = compileBlock(node.orelse, scope)
  const handlers = node.handlers.map(handler => ({
    type: handler.type ? compileExpr(handler.type, scope) : null,
    bind: handler.name ? storeName(handler.name, scope) : null,
    unbind: handler.name ? unbindName(handler.name, scope) : null,
    body: compileBlock(handler.body, scope),
    line: handler.line,
  }))

  const run: Ex = f => {
    let end: End
    try {
      end = body(f)
    } catch (error) {
      return handle(f, error)
    }
    if (end instanceof Pending)
      return end.then(
        later => (later === undefined ? orelse(f) : later),
        error => handle(f, error),
      )
    return end === undefined ? orelse(f) : end
  }
  const handle = (f: Frame, thrown: unknown): End => {
    const error = asException(thrown)
    if (!(error instanceof PyException)) throw error
    f.rt.charge(20)
    const frameLine = f.rt.line
    const attempt = (i: number): End => {
      const handler = handlers[i]
      if (!handler) {
        f.rt.line = frameLine
        throw error
      }
      f.rt.line = handler.line
      if (!handler.type) return enter(i)
      return bind(handler.type(f), (type: Value) => (matches(type, error) ? enter(i) : attempt(i + 1)))
    }
    const enter = (i: number): End => {
      const handler = handlers[i]!
      const before = f.rt.handling
      f.rt.handling = error
      error.traceback.push({ name: f.rt.functionName, line: frameLine })
      handler.bind?.(f, error)
      const leave = () => {
        f.rt.handling = before
        handler.unbind?.(f)
      }
      const broken = (inner: unknown): never => {
        leave()
        throw chain(inner, error)
      }
      try {
        const end = handler.body(f)
        if (end instanceof Pending) {
          return end.then(later => {
            leave()
            return later
          }, broken)
        }
        leave()
        return end
      } catch (inner) {
        return broken(inner)
      }
    }
    return attempt(0)
  }

  const guarded = handlers.length ? run : body
  if (!node.final.length) return guarded
  const final = compileBlock(node.final, scope)
  const afterwards = (f: Frame, end: End): End => {
    const { result } = f
    return bind(final(f), (override: End) => {
      if (override !== undefined) return override
      if (end === RETURN) f.result = result
      return end
    })
  }
  const afterError = (f: Frame, thrown: unknown): End => {
    const error = asException(thrown)
    if (!(error instanceof PyException)) throw error
    const { line } = f.rt
    const again = (override: End): End => {
      if (override !== undefined) return override
      f.rt.line = line
      throw error
    }
    try {
      const end = final(f)
      return end instanceof Pending
        ? end.then(again, inner => {
            throw chain(inner, error)
          })
        : again(end)
    } catch (inner) {
      throw chain(inner, error)
    }
  }
  return f => {
    let end: End
    try {
      end = guarded(f)
    } catch (error) {
      return afterError(f, error)
    }
    if (end instanceof Pending)
      return end.then(
        later => afterwards(f, later),
        error => afterError(f, error),
      )
    return afterwards(f, end)
  }
}

export function compileRaise(node: Kind<'Raise'>, scope: Scope): Ex {
  const value = node.value ? compileExpr(node.value, scope) : null
  const cause = node.cause ? compileExpr(node.cause, scope) : null
  const { line } = node
  return f => {
    f.rt.charge(20)
    if (!value) {
      const { handling } = f.rt
      if (!handling) raise('RuntimeError', 'No active exception to reraise')
      // It goes on from where it was caught.
      const caught = handling.traceback.pop()
      if (caught) f.rt.line = caught.line
      throw handling
    }
    return bind(value(f), (raised: Value) =>
      bind(asRaised(raised, f), (error: Value) => {
        const exception = error as PyException
        const { handling } = f.rt
        if (handling && handling !== exception && exception.context === null) exception.context = handling
        if (!cause) {
          f.rt.line = line
          throw exception
        }
        return bind(cause(f), (from: Value) =>
          bind(from === null ? null : asRaised(from, f), (source: Value) => {
            exception.cause = source as PyException | null
            exception.suppressContext = true
            f.rt.line = line
            throw exception
          }),
        )
      }),
    )
  }
}

function asRaised(value: Value, f: Frame): Result {
  if (value instanceof PyException) return value
  if (value instanceof PyClass && value.isSubclass(types.BaseException)) return instantiate(value, [], null, f.rt)
  return raise('TypeError', 'exceptions must derive from BaseException')
}

export function compileWith(node: Kind<'With'>, scope: Scope): Ex {
  const inner = (items: { context: Expr; target: Expr | null }[]): Ex => {
    const [first, ...rest] = items
    if (!first) return compileBlock(node.body, scope)
    const context = compileExpr(first.context, scope)
    const store = first.target ? compileStore(first.target, scope) : null
    const body = inner(rest)
    return f =>
      bind(context(f), (manager: Value) =>
        bind(method(manager, '__enter__', f), (enter: Value) =>
          bind(method(manager, '__exit__', f), (exit: Value) =>
            bind(call(enter, selfArgs(manager), null, f.rt), (entered: Value) =>
              within(f, manager, exit, () => bind(store ? store(f, entered) : undefined, () => body(f))),
            ),
          ),
        ),
      )
  }
  const within = (f: Frame, manager: Value, exit: Value, body: () => End): End => {
    const close = (end: End): End => {
      const { result } = f
      return bind(call(exit, [...selfArgs(manager), null, null, null], null, f.rt), () => {
        if (end === RETURN) f.result = result
        return end
      })
    }
    const failed = (thrown: unknown): End => {
      const error = asException(thrown)
      if (!(error instanceof PyException)) throw error
      f.rt.charge(20)
      const { line } = f.rt
      try {
        return bind(call(exit, [...selfArgs(manager), error.cls, error, null], null, f.rt), (answer: Value) =>
          bind(truth(answer, f.rt), (suppress: boolean) => {
            if (suppress) return undefined
            f.rt.line = line
            throw error
          }),
        )
      } catch (inner) {
        throw chain(inner, error)
      }
    }
    let end: End
    try {
      end = body()
    } catch (error) {
      return failed(error)
    }
    return end instanceof Pending ? end.then(close, failed) : close(end)
  }
  return inner(node.items)
}

const selfArgs = (manager: Value): Value[] => (manager instanceof HostObject ? [] : [manager])

/** The special method of a context manager, unbound (bound, for host objects). */
function method(manager: Value, name: string, f: Frame): Result {
  const found = manager instanceof HostObject ? findAttribute(manager, name, f.rt) : special(manager, name)
  if (found === undefined) raise('TypeError', `'${typeOf(manager).name}' object does not support the context manager protocol`)
  return found
}
