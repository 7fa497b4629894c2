const ALPHABET = /^[A-Za-z0-9_-]*$/

/** Unpadded base64url (RFC 4648 §5) of bytes, or of the UTF-8 of a text. */
export const toBase64url = (data: Uint8Array | string): string =>
  (typeof data === 'string' ? Buffer.from(data, 'utf8') : Buffer.from(data.buffer, data.byteOffset, data.byteLength)).toString('base64url')

/**
 * The bytes of an unpadded base64url text; undefined for padding, foreign characters, impossible lengths and bits left over,
 * so that one sequence of bytes has one spelling.
 */
export function fromBase64url(text: string): Uint8Array | undefined {
  if (!ALPHABET.test(text) || text.length % 4 === 1) return undefined
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? new Uint8Array(bytes) : undefined
}
