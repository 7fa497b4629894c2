/**
 * Searching several columns of a row at once: their text in one piece, lower case, a line each, which an index can hold. A needle
 * without white space cannot reach from one column into the next.
 */
import type { Expression, RawBuilder, SqlBool } from 'kysely'
import { sql } from 'kysely'
import type { Db } from './database.ts'
import { engineOf } from './engine.ts'
import { escapeLike } from './like.ts'

/** What the index of a migration is made of; must read the same in queries, or the index is not used. Columns hold text, never null. */
export const searchText = (engine: 'sqlite' | 'postgres', columns: readonly Expression<unknown>[]): RawBuilder<string> =>
  engine === 'sqlite'
    ? sql<string>`lower(${sql.join(columns, sql` || char(10) || `)})`
    : sql<string>`lower((${sql.join(columns, sql` || E'\\n' || `)}) collate "und-x-icu")`

/** Letters of one word that are tried in both cases; a word with more of them is rare, and takes longer. */
const MOST_LETTERS = 3

/** SQLite lowers ASCII alone: a word with other letters is looked for in each way that they can be written. */
function spellings(word: string): string[] | undefined {
  let all = ['']
  let letters = 0
  for (const letter of word.toLowerCase()) {
    const upper = letter.toUpperCase()
    const both = letter > '\u007f' && upper !== letter && [...upper].length === 1
    if (both && ++letters > MOST_LETTERS) return undefined
    all = all.flatMap(start => (both ? [start + letter, start + upper] : [start + letter]))
  }
  return all
}

/** Rows whose `columns` contain `word`, whatever the case of either. The word holds no white space. */
export function textContains(db: Db, columns: readonly Expression<unknown>[], word: string): RawBuilder<SqlBool> {
  const engine = engineOf(db)
  const text = searchText(engine, columns)
  if (engine === 'sqlite') {
    const ways = spellings(word)
    // `fold` knows all letters, and costs a call into JavaScript for each row.
    if (ways === undefined) return sql<SqlBool>`instr(fold(${text}), ${word.toLowerCase()}) > 0`
    return sql<SqlBool>`(${sql.join(ways.map(way => sql`instr(${text}, ${way}) > 0`), sql` or `)})`
  }
  // The index knows groups of three letters: for less than that going through it would take longer than through the table.
  if ([...word].length < 3) return sql<SqlBool>`strpos(${text}, ${word.toLowerCase()}) > 0`
  return sql<SqlBool>`${text} like ${`%${escapeLike(word.toLowerCase())}%`} escape '\\'`
}
