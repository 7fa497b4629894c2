/** Function definitions and lambdas. */
import { PyFunction, type Code, type Frame } from '../function.ts'
import { Pending, bind } from '../pending.ts'
import type { Expr, Lambda, Parameter, ParameterList, Stmt } from '../syntax/ast.ts'
import { dictOf } from '../keys.ts'
import type { Result, Value } from '../values.ts'
import { compileExpr, evaluateAll, type Ev } from './expressions.ts'
import { Scope, bindings } from './scope.ts'
import { RETURN, compileBlock } from './statements.ts'

const named = (p: ParameterList): Parameter[] => [...p.positionalOnly, ...p.regular, ...p.keywordOnly]

function functionScope(p: ParameterList, body: (Stmt | Expr)[], outer: Scope | null): { scope: Scope; isGenerator: boolean } {
  const found = bindings(body)
  const names = [...named(p), ...(p.rest ? [p.rest] : []), ...(p.keywordRest ? [p.keywordRest] : [])].map(parameter => parameter.name)
  const scope = new Scope('function', outer, { ...found, names: new Set([...names, ...found.names]) })
  return { scope, isGenerator: found.isGenerator }
}

function codeOf(name: string, p: ParameterList, scope: Scope, isGenerator: boolean, run: (f: Frame) => Result): Code {
  const parameters = named(p).map(parameter => parameter.name)
  return {
    name,
    // The body has been compiled by now: every name in it was looked for.
    slots: scope.slots.size,
    used: [...scope.used].filter(index => index < parameters.length),
    parameters,
    positional: p.positionalOnly.length + p.regular.length,
    positionalOnly: p.positionalOnly.length,
    rest: p.rest !== null,
    keywordRest: p.keywordRest !== null,
    isGenerator,
    run,
  }
}

/** A body as a function from frame to result. */
function runnable(body: Stmt[], scope: Scope): (f: Frame) => Result {
  const block = compileBlock(body, scope)
  const result = (f: Frame) => f.result
  return f => {
    const end = block(f)
    if (end instanceof Pending) return end.then(completion => (completion === RETURN ? f.result : null))
    return end === RETURN ? result(f) : null
  }
}

/** Evaluates the defaults and makes the function. */
function maker(code: Code, p: ParameterList, scope: Scope, annotations: [string, Ev][]): Ev {
  const all = named(p)
  const withDefault = all.flatMap((parameter, index) => (parameter.default ? [index] : []))
  const evs = withDefault.map(index => compileExpr(all[index]!.default!, scope))
  const make = (f: Frame, values: Value[]): Value => {
    f.rt.alloc(128)
    const fn = new PyFunction(code, f, new Map(withDefault.map((index, i) => [index, values[i]!])), f.owner)
    if (annotations.length) fn.attrs!.set('__annotations__', dictOf(annotations.map(([name]) => [name, null])))
    return fn
  }
  return f => bind(evaluateAll(evs, f), (values: Value[]) => make(f, values))
}

export function compileFunction(name: string, parameters: ParameterList, body: Stmt[], outer: Scope): Ev {
  const { scope, isGenerator } = functionScope(parameters, body, outer)
  return maker(codeOf(name, parameters, scope, isGenerator, runnable(body, scope)), parameters, outer, [])
}

export function compileLambda(node: Lambda, outer: Scope): Ev {
  const { scope, isGenerator } = functionScope(node.parameters, [node.body], outer)
  const body = compileExpr(node.body, scope)
  const { line } = node
  const run = (f: Frame) => {
    f.rt.line = line
    return body(f)
  }
  return maker(codeOf('<lambda>', node.parameters, scope, isGenerator, run), node.parameters, outer, [])
}

/** The whole text: a function whose parameters are the names of the context. */
export function compileProgram(body: Stmt[], names: readonly string[]): Code {
  const at = { line: 1, column: 0 }
  const parameters: ParameterList = {
    positionalOnly: [],
    regular: names.map(name => ({ name, annotation: null, default: null, ...at })),
    rest: null,
    keywordOnly: [],
    keywordRest: null,
  }
  const { scope, isGenerator } = functionScope(parameters, body, null)
  return codeOf('<expression>', parameters, scope, isGenerator, runnable(body, scope))
}
