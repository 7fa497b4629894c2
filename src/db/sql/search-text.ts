/**
 * Searching several columns of a row at once: their text in one piece, lower case, a line each, which an index can hold. A needle
 * without white space cannot reach from one column into the next.
 */
import type { Expression, RawBuilder, SqlBool } from 'kysely'
import { sql } from 'kysely'
import type { Db } from '../database.ts'
import { engineOf } from '../engine.ts'
import { escapeLike, icontains } from './like.ts'

/**
 * What the index of a migration is made of; must read the same in queries, or the index is not used. Columns hold text, never null.
 * ASCII letters alone are lowered: that is what SQLite knows, and what PostgreSQL does five times faster than the rest.
 */
export const searchText = (engine: 'sqlite' | 'postgres', columns: readonly Expression<unknown>[]): RawBuilder<string> =>
  engine === 'sqlite'
    ? sql<string>`lower(${sql.join(columns, sql` || char(10) || `)})`
    : sql<string>`lower((${sql.join(columns, sql` || E'\\n' || `)}) collate "C")`

/** Letters of one word that are tried in both cases; a word with more of them is rare, and takes longer. */
const MOST_LETTERS = 3

/** The ways in which the text can hold a word: other letters than those of ASCII stand in it as they were written. */
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
  const ways = spellings(word)
  // What knows all letters takes several times as long for each row.
  if (ways === undefined) return icontains(db, text, word)
  const contains = (way: string) => {
    if (engine === 'sqlite') return sql`instr(${text}, ${way}) > 0`
    // The index knows groups of three letters: for less than that going through it would take longer than through the table.
    return [...way].length < 3 ? sql`strpos(${text}, ${way}) > 0` : sql`${text} like ${`%${escapeLike(way)}%`} escape '\\'`
  }
  return sql<SqlBool>`(${sql.join(ways.map(contains), sql` or `)})`
}
