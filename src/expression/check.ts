/** What an administrator should hear when saving: syntax errors refuse, everything else warns. */
import { builtins } from './builtins/index.ts'
import { children } from './compile/scope.ts'
import { ExpressionSyntaxError } from './errors.ts'
import { findModule } from './modules/index.ts'
import type { Expr, Pattern, Stmt } from './syntax/ast.ts'
import { parse } from './syntax/parser.ts'
import type { PyModule } from './values.ts'

export interface CheckMessage {
  line: number
  column: number
  message: string
}

export interface CheckResult {
  error: CheckMessage | null
  warnings: CheckMessage[]
}

/** `findHostModule` knows the modules beyond the standard ones, as `Host.module` does. */
export function check(text: string, findHostModule: (name: string) => PyModule | undefined = () => undefined): CheckResult {
  let body: Stmt[]
  try {
    body = parse(text)
  } catch (error) {
    if (!(error instanceof ExpressionSyntaxError)) throw error
    return { error: { line: error.line, column: error.column, message: error.message }, warnings: [] }
  }
  const warnings: CheckMessage[] = []
  const find = (name: string) => findModule(name) ?? findHostModule(name)
  const warn = (node: { line: number; column: number }, message: string) =>
    warnings.push({ line: node.line, column: Math.max(1, node.column - 3), message })
  const visit = (node: Stmt | Expr | Pattern): void => {
    switch (node.kind) {
      case 'Import':
        for (const { name } of node.names) if (!find(name)) warn(node, `module '${name}' is not available`)
        break
      case 'ImportFrom': {
        if (node.module === '__future__') break
        const module = find(node.module)
        for (const { name } of node.names) {
          if (!module?.members.has(name) && !find(`${node.module}.${name}`))
            warn(node, module ? `'${name}' of module '${node.module}' is not available` : `module '${node.module}' is not available`)
        }
        break
      }
      case 'Unsupported':
      case 'UnsupportedStmt':
        warn(node, `${node.what} is not supported`)
        break
      case 'Attribute':
        if (HIDDEN.test(node.name)) warn(node, `attribute '${node.name}' is not available`)
        break
      case 'Name':
        if (UNAVAILABLE.has(node.id) && !builtins.has(node.id)) warn(node, `'${node.id}' is not available`)
        break
      default:
    }
    for (const child of children(node)) visit(child)
  }
  for (const statement of body) visit(statement)
  return { error: null, warnings }
}

const HIDDEN = /^__(?:globals|subclasses|builtins|bases|mro|code|closure|dict|reduce|reduce_ex)__$/
const UNAVAILABLE = new Set([
  'open',
  'exec',
  'eval',
  'compile',
  'globals',
  'locals',
  '__import__',
  'input',
  'bytearray',
  'memoryview',
  'complex',
  'breakpoint',
  'help',
])
