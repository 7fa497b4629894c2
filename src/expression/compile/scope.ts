/** Which names belong to which function: found before compiling, as in CPython. */
import type { Expr, Pattern, Stmt } from '../syntax/ast.ts'

export type ScopeKind = 'function' | 'class' | 'comprehension'

/** Where a name lives, seen from a place in the text. */
export type Place =
  | { kind: 'slot'; depth: number; index: number }
  /** A name of the class body that runs now. */
  | { kind: 'class' }
  | { kind: 'global' }

export class Scope {
  readonly kind: ScopeKind
  readonly parent: Scope | null
  readonly slots = new Map<string, number>()
  readonly globals: ReadonlySet<string>
  readonly nonlocals: ReadonlySet<string>
  /** Slots that somebody looked for. */
  readonly used = new Set<number>()
  /** Names bound in a class body. */
  readonly names: ReadonlySet<string>

  constructor(kind: ScopeKind, parent: Scope | null, bound: Bindings) {
    this.kind = kind
    this.parent = parent
    this.globals = bound.globals
    this.nonlocals = bound.nonlocals
    this.names = bound.names
    if (kind !== 'class') for (const name of bound.names) if (!bound.globals.has(name) && !bound.nonlocals.has(name)) this.slot(name)
  }

  slot(name: string): number {
    const known = this.slots.get(name)
    if (known !== undefined) return known
    const index = this.slots.size
    this.slots.set(name, index)
    return index
  }

  /** Finds a name, or says that it is global. */
  find(name: string): Place {
    if (this.globals.has(name)) return { kind: 'global' }
    if (this.kind === 'class' && this.names.has(name) && !this.nonlocals.has(name)) return { kind: 'class' }
    return this.outward(name)
  }

  /** Finds a name in the functions around a class body. */
  outward(name: string): Place {
    let depth = 0
    for (const scope of outwardFrom(this)) {
      if (scope.kind !== 'class') {
        if (scope.globals.has(name)) return { kind: 'global' }
        const index = scope.slots.get(name)
        if (index !== undefined) {
          scope.used.add(index)
          return { kind: 'slot', depth, index }
        }
      }
      depth++
    }
    return { kind: 'global' }
  }

  /** Frames between this scope and the function it runs in. */
  functionDepth(): number {
    let depth = 0
    for (const scope of outwardFrom(this)) {
      if (scope.kind !== 'comprehension' || !scope.parent) break
      depth++
    }
    return depth
  }
}

/** The scope and those around it, innermost first. */
function* outwardFrom(scope: Scope): Generator<Scope> {
  for (let at: Scope | null = scope; at; at = at.parent) yield at
}

export interface Bindings {
  names: Set<string>
  globals: Set<string>
  nonlocals: Set<string>
  isGenerator: boolean
}

/** The names that a body binds itself, nested functions and classes left out. */
export function bindings(body: (Stmt | Expr)[]): Bindings {
  const result: Bindings = { names: new Set(), globals: new Set(), nonlocals: new Set(), isGenerator: false }
  for (const node of body) visit(node, result)
  return result
}

/** The names that a comprehension's targets bind. */
export function targetNames(targets: Expr[]): Bindings {
  const result: Bindings = { names: new Set(), globals: new Set(), nonlocals: new Set(), isGenerator: false }
  for (const target of targets) bindTarget(target, result)
  return result
}

function bindTarget(target: Expr, into: Bindings): void {
  if (target.kind === 'Name') into.names.add(target.id)
  else if (target.kind === 'Starred') bindTarget(target.value, into)
  else if (target.kind === 'Tuple' || target.kind === 'List') for (const item of target.items) bindTarget(item, into)
  else visit(target, into)
}

type Node = Stmt | Expr | Pattern

function visit(node: Node, into: Bindings): void {
  switch (node.kind) {
    case 'Assign':
      for (const target of node.targets) bindTarget(target, into)
      return visit(node.value, into)
    case 'AugAssign':
    case 'AnnAssign':
      bindTarget(node.target, into)
      if (node.value) visit(node.value, into)
      return
    case 'For':
      bindTarget(node.target, into)
      break
    case 'With':
      for (const item of node.items) {
        visit(item.context, into)
        if (item.target) bindTarget(item.target, into)
      }
      break
    case 'Delete':
      for (const target of node.targets) bindTarget(target, into)
      return
    case 'Import':
      for (const alias of node.names) into.names.add(alias.as ?? alias.name.split('.')[0]!)
      return
    case 'ImportFrom':
      for (const alias of node.names) into.names.add(alias.as ?? alias.name)
      return
    case 'Global':
      for (const name of node.names) into.globals.add(name)
      return
    case 'Nonlocal':
      for (const name of node.names) into.nonlocals.add(name)
      return
    case 'Function':
      into.names.add(node.name)
      for (const decorator of node.decorators) visit(decorator, into)
      for (const p of [...node.parameters.positionalOnly, ...node.parameters.regular, ...node.parameters.keywordOnly])
        if (p.default) visit(p.default, into)
      return
    case 'Class':
      into.names.add(node.name)
      for (const inner of [...node.decorators, ...node.bases, ...node.keywords.map(keyword => keyword.value)]) visit(inner, into)
      return
    case 'Lambda':
      for (const p of [...node.parameters.positionalOnly, ...node.parameters.regular, ...node.parameters.keywordOnly])
        if (p.default) visit(p.default, into)
      return
    case 'Walrus':
      into.names.add(node.target.id)
      break
    case 'MatchCapture':
    case 'MatchStar':
      if (node.name) into.names.add(node.name)
      break
    case 'MatchMapping':
      if (node.rest) into.names.add(node.rest)
      break
    case 'Yield':
    case 'YieldFrom':
      into.isGenerator = true
      break
    case 'Try':
      for (const handler of node.handlers) if (handler.name) into.names.add(handler.name)
      break
    default:
  }
  for (const child of children(node)) visit(child, into)
}

/** The nodes directly inside a node, however they are wrapped. */
export function* children(node: object): Generator<Node> {
  for (const value of Object.values(node)) yield* nodesIn(value)
}

function* nodesIn(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const item of value) yield* nodesIn(item)
  else if (value !== null && typeof value === 'object') {
    if (typeof (value as Node).kind === 'string') yield value as Node
    else if (Object.getPrototypeOf(value) === Object.prototype) for (const inner of Object.values(value)) yield* nodesIn(inner)
  }
}

const BLOCKS = new Set(['body', 'orelse', 'final', 'handlers', 'cases', 'branches'])

/** Steps that a statement costs, by its size; blocks inside it pay for themselves. */
export function cost(node: Node): number {
  let nodes = 0
  const count = (inner: Node, top: boolean) => {
    nodes++
    for (const [name, value] of Object.entries(inner))
      if (!top || !BLOCKS.has(name)) for (const child of nodesIn(value)) count(child, false)
  }
  count(node, true)
  return 1 + (nodes >> 3)
}
