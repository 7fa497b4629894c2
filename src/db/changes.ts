import type { CompiledQuery, OnConflictNode, OperationNode } from 'kysely'
import {
  AndNode,
  BinaryOperationNode,
  ColumnNode,
  DeleteQueryNode,
  InsertQueryNode,
  OperatorNode,
  ParensNode,
  PrimitiveValueListNode,
  ReferenceNode,
  UpdateQueryNode,
  ValueListNode,
  ValueNode,
  ValuesNode,
} from 'kysely'

/**
 * What commits changed is collected, and sent to other processes, as texts: `provider` (any of its rows) or `provider=42` (rows that belong to
 * 42, see `rowKeys`); `provider=` are new rows that nobody could know of.
 */
export type Changes = Iterable<string>

/** Changes by table: the keys whose rows may be others now, or all of them. */
export type ChangedRows = ReadonlyMap<string, ReadonlySet<string> | 'all'>

/** Beyond so many keys a table counts as changed: a notification of PostgreSQL holds 8,000 bytes. */
const MOST_KEYS = 50

/** Numbers and UUIDs; whatever else a key may be is not told of. */
const TELLABLE = /^[\w-]{1,40}$/

export const tableOfChange = (change: string): string => {
  const end = change.indexOf('=')
  return end < 0 ? change : change.slice(0, end)
}

export function changedRows(changes: Changes): Map<string, Set<string> | 'all'> {
  const rows = new Map<string, Set<string> | 'all'>()
  for (const change of changes) {
    const table = tableOfChange(change)
    const known = rows.get(table)
    if (known === 'all') continue
    if (table === change) rows.set(table, 'all')
    else if (known === undefined) rows.set(table, new Set([change.slice(table.length + 1)]))
    else if (known.add(change.slice(table.length + 1)).size > MOST_KEYS) rows.set(table, 'all')
  }
  return rows
}

/** The same, in as few texts as can be. */
export const textsOf = (rows: ChangedRows): string[] =>
  [...rows].flatMap(([table, keys]) => (keys === 'all' ? [table] : [...keys].map(key => `${table}=${key}`)))

/**
 * What a statement changes in the table that it names: single rows if it says so itself, by the values it inserts or by what it looks for.
 * @param column whose value tells whom a row belongs to; undefined: nobody asks
 */
export function changesIn(compiled: CompiledQuery, parameters: readonly unknown[], table: string, column: string | undefined): string[] {
  const keys = column === undefined ? undefined : writtenKeys(compiled, parameters, column)
  if (keys === undefined || !keys.every(key => key === '' || TELLABLE.test(key))) return [table]
  return keys.map(key => `${table}=${key}`)
}

function writtenKeys(compiled: CompiledQuery, parameters: readonly unknown[], column: string): string[] | undefined {
  const valueOf = (value: unknown): string | undefined => {
    // A statement that was compiled ahead holds a place for the value, in the query and among the parameters.
    const real = typeof value === 'object' && value !== null ? parameters[compiled.parameters.indexOf(value)] : value
    return typeof real === 'string' || typeof real === 'number' ? String(real) : undefined
  }
  const { query } = compiled
  if (InsertQueryNode.is(query)) return insertedKeys(query, column, valueOf)
  if (!UpdateQueryNode.is(query) && !DeleteQueryNode.is(query)) return undefined
  // With other tables beside it a column may be one of theirs.
  if (query.joins !== undefined || (UpdateQueryNode.is(query) ? query.from : query.using) !== undefined) return undefined
  // A row that is given to somebody else concerns both, and only one of them is named.
  if (UpdateQueryNode.is(query) && query.updates?.some(update => nameOf(update.column) === column) !== false) return undefined
  return allKnown(soughtValues(query.where?.where, column)?.map(valueOf))
}

function insertedKeys(query: InsertQueryNode, column: string, valueOf: (value: unknown) => string | undefined): string[] | undefined {
  const { columns, values, onConflict } = query
  if (onConflict !== undefined && !staysWithKey(onConflict, column)) return undefined
  if (columns === undefined || values === undefined || !ValuesNode.is(values)) return undefined
  const index = columns.findIndex(node => nameOf(node) === column)
  if (index < 0) return ['']
  return allKnown(
    values.values.map(row => {
      if (PrimitiveValueListNode.is(row)) return valueOf(row.values[index])
      const node = ValueListNode.is(row) ? row.values[index] : undefined
      return node !== undefined && ValueNode.is(node) ? valueOf(node.value) : undefined
    }),
  )
}

/** A row that is there already is written only if it has the same key. */
const staysWithKey = ({ doNothing, columns, updates = [] }: OnConflictNode, column: string): boolean =>
  doNothing === true || (columns?.some(node => nameOf(node) === column) === true && !updates.some(node => nameOf(node.column) === column))

const allKnown = (values: readonly (string | undefined)[] | undefined): string[] | undefined =>
  values === undefined || values.includes(undefined) ? undefined : [...new Set(values as string[])]

const nameOf = (node: OperationNode): string | undefined => {
  if (ReferenceNode.is(node)) return nameOf(node.column)
  return ColumnNode.is(node) ? node.column.name : undefined
}

/** The values that a column must have for a condition to hold; undefined: it says nothing of it. */
function soughtValues(node: OperationNode | undefined, column: string): readonly unknown[] | undefined {
  if (node === undefined) return undefined
  if (ParensNode.is(node)) return soughtValues(node.node, column)
  if (AndNode.is(node)) return soughtValues(node.left, column) ?? soughtValues(node.right, column)
  if (!BinaryOperationNode.is(node) || nameOf(node.leftOperand) !== column || !OperatorNode.is(node.operator)) return undefined
  const { operator, rightOperand } = node
  if (operator.operator === '=' && ValueNode.is(rightOperand)) return [rightOperand.value]
  if (operator.operator === 'in' && PrimitiveValueListNode.is(rightOperand)) return rightOperand.values
  return undefined
}
