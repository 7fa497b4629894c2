// Writing DER (ITU-T X.690): the few types that a certificate is made of.

/** Any type: tag, length in its shortest form, content. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents)
  if (content.length < 0x80) return Buffer.concat([Uint8Array.of(tag, content.length), content])
  const hex = content.length.toString(16)
  const length = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')
  return Buffer.concat([Uint8Array.of(tag, 0x80 | length.length), length, content])
}

export const sequence = (...items: readonly Uint8Array[]): Uint8Array => der(0x30, ...items)
export const set = (item: Uint8Array): Uint8Array => der(0x31, item) // of one item: the order of several would matter
export const utf8 = (text: string): Uint8Array => der(0x0c, Buffer.from(text, 'utf8'))
export const octets = (bytes: Uint8Array): Uint8Array => der(0x04, bytes)
export const bits = (bytes: Uint8Array): Uint8Array => der(0x03, Uint8Array.of(0), bytes)
export const nothing = (): Uint8Array => der(0x05)

/** A constructed field under a context tag: `[number] EXPLICIT`. */
export const explicit = (number: number, item: Uint8Array): Uint8Array => der(0xa0 | number, item)

/** A whole number from 0, given by its bytes in network order. */
export function unsigned(bytes: Uint8Array): Uint8Array {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const digits = bytes.subarray(start)
  // A first bit of 1 would make it negative.
  return (digits[0] ?? 0) & 0x80 ? der(0x02, Uint8Array.of(0), digits) : der(0x02, digits.length > 0 ? digits : Uint8Array.of(0))
}

/** An object identifier such as `2.5.4.3`. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest].flatMap(arc => {
    const septets = [arc & 0x7f]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) septets.unshift((left & 0x7f) | 0x80)
    return septets
  })
  return der(0x06, Uint8Array.from(bytes))
}

/** An instant to the second: UTCTime up to 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
export function time(instant: Date): Uint8Array {
  const digits = instant.toISOString().replace(/\.\d+|[-:T]/g, '')
  return instant.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits))
}
