/** Regular expressions of filters: neither database speaks ours, so that the rows are looked through here. */
import { sql } from 'kysely'
import type { Db } from '../../db/database.ts'
import { raise } from '../errors.ts'
import { RegexSyntaxError, compileRegex, search, IGNORECASE, RegexBudgetError } from '../regex/index.ts'
import type { ModelClass } from './classes.ts'
import { notSupportedError } from './exceptions.ts'
import { fromClause, keyColumn, valueTerm } from './sql.ts'

/** Rows that a regular expression is tried on at most. */
const MOST_MATCHED = 10_000
/** Steps of a regular expression over all of them, and between two turns of the event loop. */
const MOST_STEPS = 1_000_000
const STEPS_AT_ONCE = 20_000

/** Keys of the objects with a field (or a place inside of it) that a regular expression matches. */
export async function keysMatching(
  db: Db,
  own: ModelClass,
  names: readonly string[],
  pattern: string,
  ignoreCase: boolean,
): Promise<unknown[]> {
  const program = compiled(pattern, ignoreCase)
  const { rows } = await sql<{
    key: unknown
    value: unknown
  }>`select ${keyColumn(own)} as key, ${valueTerm(own, names, db)} as value from ${fromClause(own)} limit ${sql.lit(MOST_MATCHED + 1)}`.execute(
    db,
  )
  if (rows.length > MOST_MATCHED) raise(notSupportedError, `a regular expression over more than ${MOST_MATCHED} objects`)
  const budget = { steps: MOST_STEPS }
  const keys: unknown[] = []
  let pauseAt = MOST_STEPS - STEPS_AT_ONCE
  for (const { key, value } of rows) {
    if (value !== null && matches(program, String(value), budget)) keys.push(key)
    if (budget.steps >= pauseAt) continue
    pauseAt = budget.steps - STEPS_AT_ONCE
    await new Promise(setImmediate)
  }
  return keys
}

function compiled(pattern: string, ignoreCase: boolean) {
  try {
    return compileRegex(pattern, ignoreCase ? IGNORECASE : 0)
  } catch (error) {
    if (error instanceof RegexSyntaxError) return raise('ValueError', `invalid regular expression: ${pattern}`)
    throw error
  }
}

function matches(program: ReturnType<typeof compileRegex>, text: string, budget: { steps: number }): boolean {
  try {
    if (budget.steps < 0) raise(notSupportedError, 'the regular expression takes too long')
    return search(program, text, { charge: steps => (budget.steps -= steps + 10) }) !== null
  } catch (error) {
    if (error instanceof RegexBudgetError) return raise(notSupportedError, 'the regular expression takes too long')
    throw error
  }
}
