/**
 * Bounds on what one blueprint may cost. A document may come from an API upload, and a few lines of
 * aliases or loops can otherwise describe gigabytes ("billion laughs").
 */
import { BlueprintError } from './document.ts'

export const MAX_BYTES = 1_048_576
export const MAX_DEPTH = 64
/** Nodes after aliases are expanded. */
export const MAX_NODES = 50_000
/** Pieces that the lexer cuts the text into; about eight for a line such as `name: users`. */
export const MAX_LEXEMES = 300_000
/** Nodes visited while tags of one document are evaluated. */
export const MAX_STEPS = 200_000
/** Characters that !Format may produce in one evaluation of a document. */
export const MAX_FORMATTED = 4_194_304

export type Budget = { spend(amount: number, line: number | null): void }

/** A counter that throws a BlueprintError once more than `limit` was spent. */
export function budget(limit: number, what: string): Budget {
  let left = limit
  return {
    spend(amount, line) {
      left -= amount
      if (left < 0) throw new BlueprintError(`The blueprint is too large: more than ${limit} ${what}`, line)
    },
  }
}

export function checkDepth(depth: number, line: number | null) {
  if (depth > MAX_DEPTH) throw new BlueprintError(`Nested more than ${MAX_DEPTH} levels deep`, line)
}
