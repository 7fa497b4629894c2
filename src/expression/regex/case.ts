import { quickCaseClass } from './charset.ts'
import type { Folding } from './charset.ts'
import { IGNORECASE, UNICODE } from './flags.ts'
import { asciiCaseClass } from './unicode.ts'

/** How the flags of a pattern have characters compared. */
export const foldingOf = (flags: number): Folding => (!(flags & IGNORECASE) ? 'none' : flags & UNICODE ? 'unicode' : 'ascii')

/** The characters that a literal stands for. */
export function variants(char: number, flags: number): readonly number[] {
  const folding = foldingOf(flags)
  return folding === 'none' ? [char] : folding === 'ascii' ? asciiCaseClass(char) : quickCaseClass(char)
}
