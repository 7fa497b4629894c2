import type { CompiledQuery, OperationNode, RootOperationNode } from 'kysely'
import { AliasNode, DeleteQueryNode, InsertQueryNode, MergeQueryNode, RawNode, SelectQueryNode, TableNode, UpdateQueryNode } from 'kysely'

export type Write = { tables: readonly string[]; deletes: boolean }

const nothing: Write = { tables: [], deletes: false }

const tableOf = (node: OperationNode | undefined): string[] => {
  if (node === undefined) return []
  if (AliasNode.is(node)) return tableOf(node.node)
  return TableNode.is(node) ? [node.table.identifier.name] : []
}

const WRITTEN = /\b(insert\s+(?:or\s+\w+\s+)?into|update|delete\s+from)\s+(?:only\s+)?"?(\w+)"?/gi

const rawWrites = new Map<string, Write>()
const RAW_KEPT = 500

/** Hand-written SQL: what follows the words insert into, update and delete from. Naming a table too many is harmless. */
const ofText = (sql: string): Write => {
  let write = rawWrites.get(sql)
  if (write === undefined) {
    const found = [...sql.matchAll(WRITTEN)]
    write =
      found.length === 0
        ? nothing
        : { tables: [...new Set(found.map(match => match[2]!.toLowerCase()))], deletes: found.some(match => /^delete/i.test(match[1]!)) }
    if (rawWrites.size >= RAW_KEPT) rawWrites.clear()
    rawWrites.set(sql, write)
  }
  return write
}

/** Which tables a query writes itself; what its deletes reach by foreign keys is the catalogue's to say. */
export const writesOf = ({ query, sql }: CompiledQuery): Write => {
  if (SelectQueryNode.is(query)) return query.with === undefined ? nothing : ofText(sql)
  if (InsertQueryNode.is(query)) return { tables: tableOf(query.into), deletes: false }
  if (UpdateQueryNode.is(query)) return { tables: tableOf(query.table), deletes: false }
  if (DeleteQueryNode.is(query)) return { tables: query.from.froms.flatMap(tableOf), deletes: true }
  if (MergeQueryNode.is(query)) return { tables: tableOf(query.into), deletes: true }
  return ofText(sql)
}

/** A statement that only reads, and so may go to a read-only connection. */
export const readsOnly = (compiled: CompiledQuery): boolean => {
  if (SelectQueryNode.is(compiled.query)) return true
  return compiled.query.kind === 'RawNode' && /^\s*(?:select|with|values)\b/i.test(compiled.sql) && ofText(compiled.sql) === nothing
}

/** A statement that can share a transaction with others: SQLite undoes it alone when it fails. */
export const isPlainWrite = ({ query }: CompiledQuery): boolean =>
  InsertQueryNode.is(query) || UpdateQueryNode.is(query) || DeleteQueryNode.is(query)

/** A statement after which tables or columns may be different. */
export const changesSchema = (sql: string): boolean => /^\s*(?:create|alter|drop)\b/i.test(sql)

/** Whether a query writes, as a plugin of the query builder sees it. Hand-written SQL counts as a write unless it plainly only reads. */
export const isWriteNode = (node: RootOperationNode): boolean => {
  if (SelectQueryNode.is(node)) return false
  if (!RawNode.is(node)) return true
  const text = node.sqlFragments.join('?')
  return !/^\s*(?:select|with|values)\b/i.test(text) || ofText(text) !== nothing
}
