import type { Row } from '../../api/model.ts'

const occurrences = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0

/** Whether a password is long enough and has enough of each kind of character; letters are those of ASCII. */
export function meetsRules(policy: Row, password: string): boolean {
  const characters = [...password]
  const symbols = new Set(policy.symbol_charset as string)
  return (
    characters.length >= (policy.length_min as number) &&
    occurrences(password, /[0-9]/g) >= (policy.amount_digits as number) &&
    occurrences(password, /[a-z]/g) >= (policy.amount_lowercase as number) &&
    occurrences(password, /[A-Z]/g) >= (policy.amount_uppercase as number) &&
    characters.filter(character => symbols.has(character)).length >= (policy.amount_symbols as number)
  )
}
