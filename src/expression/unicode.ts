/** Python counts text in code points, JavaScript in UTF-16 units; they differ only where there are surrogates. */
const SURROGATE = /[\ud800-\udfff]/

export const hasSurrogates = (text: string): boolean => SURROGATE.test(text)

/** The characters of a text. */
export const points = (text: string): string[] => (hasSurrogates(text) ? Array.from(text) : text.split(''))

export function textLength(text: string): number {
  if (!hasSurrogates(text)) return text.length
  let length = 0
  for (const _ of text) length++
  return length
}

/** Turns an offset in UTF-16 units into one in code points. */
export const toPoints = (text: string, units: number): number =>
  units <= 0 || !hasSurrogates(text) ? units : textLength(text.slice(0, units))

/** Turns an offset in code points, not negative, into one in UTF-16 units. */
export function toUnits(text: string, offset: number): number {
  if (!hasSurrogates(text)) return Math.min(offset, text.length)
  let units = 0
  for (const character of text) {
    if (offset-- <= 0) break
    units += character.length
  }
  return units
}
