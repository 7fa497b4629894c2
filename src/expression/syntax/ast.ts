/** The syntax tree. Lines count from 1 in the author's text; columns from 0, in UTF-16 units. */
import type { Value } from '../values.ts'

export interface Position {
  line: number
  column: number
}

export type BinaryOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**' | '@' | '<<' | '>>' | '|' | '&' | '^'
export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in' | 'is' | 'is not'

export interface Comprehension {
  target: Expr
  iter: Expr
  conditions: Expr[]
}

export interface Parameter extends Position {
  name: string
  annotation: Expr | null
  default: Expr | null
}

export interface ParameterList {
  positionalOnly: Parameter[]
  regular: Parameter[]
  rest: Parameter | null
  keywordOnly: Parameter[]
  keywordRest: Parameter | null
}

export interface Keyword extends Position {
  /** null: `**value`. */
  name: string | null
  value: Expr
}

/** A replacement field of an f-string. */
export interface FormatField {
  value: Expr
  conversion: '' | 'r' | 's' | 'a'
  spec: (string | FormatField)[] | null
}

type E<K extends string, T = object> = { kind: K } & Position & T

export type Name = E<'Name', { id: string }>
export type Attribute = E<'Attribute', { object: Expr; name: string }>
export type Subscript = E<'Subscript', { object: Expr; index: Expr }>
export type Starred = E<'Starred', { value: Expr }>
export type Lambda = E<'Lambda', { parameters: ParameterList; body: Expr }>
export type ComprehensionExpr = E<
  'Comprehension',
  { form: 'list' | 'set' | 'dict' | 'generator'; element: Expr; value: Expr | null; clauses: Comprehension[] }
>
export type Call = E<'Call', { fn: Expr; args: Expr[]; keywords: Keyword[] }>

export type Expr =
  | E<'Constant', { value: Value }>
  | E<'Format', { parts: (string | FormatField)[] }>
  | Name
  | Attribute
  | Subscript
  | Starred
  | E<'Slice', { lower: Expr | null; upper: Expr | null; step: Expr | null }>
  | E<'List', { items: Expr[] }>
  | E<'Tuple', { items: Expr[] }>
  | E<'Set', { items: Expr[] }>
  | E<'Dict', { keys: (Expr | null)[]; values: Expr[] }>
  | E<'Bool', { op: 'and' | 'or'; values: Expr[] }>
  | E<'Binary', { op: BinaryOperator; left: Expr; right: Expr }>
  | E<'Unary', { op: '-' | '+' | '~' | 'not'; operand: Expr }>
  | E<'Compare', { left: Expr; ops: CompareOperator[]; rights: Expr[] }>
  | E<'Conditional', { test: Expr; body: Expr; orelse: Expr }>
  | E<'Walrus', { target: Name; value: Expr }>
  | Call
  | Lambda
  | ComprehensionExpr
  | E<'Yield', { value: Expr | null }>
  | E<'YieldFrom', { value: Expr }>
  | E<'Unsupported', { what: string }>

export type Pattern =
  | E<'MatchValue', { value: Expr }>
  | E<'MatchSingleton', { value: null | boolean }>
  | E<'MatchCapture', { name: string | null; pattern: Pattern | null }>
  | E<'MatchStar', { name: string | null }>
  | E<'MatchSequence', { patterns: Pattern[] }>
  | E<'MatchMapping', { keys: Expr[]; patterns: Pattern[]; rest: string | null }>
  | E<'MatchClass', { cls: Expr; patterns: Pattern[]; names: string[]; named: Pattern[] }>
  | E<'MatchOr', { patterns: Pattern[] }>

export interface ExceptHandler extends Position {
  type: Expr | null
  name: string | null
  body: Stmt[]
}

export interface Alias {
  name: string
  as: string | null
}

export type FunctionDef = E<'Function', { name: string; parameters: ParameterList; body: Stmt[]; decorators: Expr[]; returns: Expr | null }>
export type ClassDef = E<'Class', { name: string; bases: Expr[]; keywords: Keyword[]; body: Stmt[]; decorators: Expr[] }>

export type Stmt =
  | E<'Expr', { value: Expr }>
  | E<'Assign', { targets: Expr[]; value: Expr }>
  | E<'AugAssign', { target: Expr; op: BinaryOperator; value: Expr }>
  | E<'AnnAssign', { target: Expr; annotation: Expr; value: Expr | null }>
  | E<'Return', { value: Expr | null }>
  | E<'Delete', { targets: Expr[] }>
  | E<'Pass'>
  | E<'Break'>
  | E<'Continue'>
  | E<'If', { branches: { test: Expr; body: Stmt[] }[]; orelse: Stmt[] }>
  | E<'While', { test: Expr; body: Stmt[]; orelse: Stmt[] }>
  | E<'For', { target: Expr; iter: Expr; body: Stmt[]; orelse: Stmt[] }>
  | E<'With', { items: { context: Expr; target: Expr | null }[]; body: Stmt[] }>
  | E<'Try', { body: Stmt[]; handlers: ExceptHandler[]; orelse: Stmt[]; final: Stmt[] }>
  | E<'Raise', { value: Expr | null; cause: Expr | null }>
  | E<'Assert', { test: Expr; message: Expr | null }>
  | E<'Global', { names: string[] }>
  | E<'Nonlocal', { names: string[] }>
  | E<'Import', { names: Alias[] }>
  | E<'ImportFrom', { module: string; level: number; names: Alias[] }>
  | E<'Match', { subject: Expr; cases: { pattern: Pattern; guard: Expr | null; body: Stmt[] }[] }>
  | FunctionDef
  | ClassDef
  | E<'UnsupportedStmt', { what: string }>
