/** Texts that say the same every time, whoever is asked about: `return {}` of a scope that only asks for a kind of token is the usual one. */
import { copyOf } from '../lib/copy.ts'
import { compile, evaluateNow } from './evaluate.ts'
import { toPlain } from './json.ts'
import type { Expr, Stmt } from './syntax/ast.ts'
import { parse } from './syntax/parser.ts'

/** Nothing that is named, called or computed; what computes could also exceed a limit. */
function isLiteral(expression: Expr): boolean {
  switch (expression.kind) {
    case 'Constant':
      return true
    case 'List':
    case 'Tuple':
      return expression.items.every(isLiteral)
    case 'Dict':
      return expression.keys.every(key => key !== null && isLiteral(key)) && expression.values.every(isLiteral)
    default:
      return false
  }
}

const saysAConstant = ([first, ...rest]: readonly Stmt[]): boolean =>
  first?.kind === 'Return' && rest.length === 0 && first.value !== null && isLiteral(first.value)

type Constant = { plain: unknown }

function constantIn(text: string): Constant | undefined {
  try {
    if (!saysAConstant(parse(text))) return undefined
    const evaluation = evaluateNow(compile(text, []), new Map(), {})
    return evaluation instanceof Promise ? undefined : { plain: toPlain(evaluation.value) }
  } catch {
    return undefined // what is wrong with it is told by whoever runs it
  }
}

const KEPT = 1_000
const known = new Map<string, Constant | undefined>()

/** What a text says as plain data of the caller's own, without running it; undefined where it has to be run to know. */
export function constantOf(text: string): Constant | undefined {
  let found = known.get(text)
  if (found === undefined && !known.has(text)) {
    found = constantIn(text)
    if (known.size >= KEPT) known.delete(known.keys().next().value!)
    known.set(text, found)
  }
  return found && { plain: copyOf(found.plain) }
}
