/** Letters and digits that nobody takes for each other (Crockford's base 32). */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LENGTH = 8 // 40 bits: enough for what is kept at once, short enough for the telephone

/** A new id, e.g. `K7QF-2M9D`. */
export function explanationId(randomBytes: (count: number) => Uint8Array): string {
  const letters = Array.from(randomBytes(LENGTH), byte => ALPHABET[byte % ALPHABET.length]).join('')
  return `${letters.slice(0, 4)}-${letters.slice(4)}`
}

/** The spelling under which an id is kept, whichever way it was read out: case, dashes and look-alikes do not count. */
export function readId(sent: string): string {
  const letters = sent
    .toUpperCase()
    .replaceAll(/[^0-9A-Z]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1')
  return `${letters.slice(0, 4)}-${letters.slice(4)}`
}
