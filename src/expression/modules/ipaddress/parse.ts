/** Texts of addresses and back. Addresses are integers of 32 or 128 bits; messages are those of CPython. */
import { exceptionClass, raise } from '../../errors.ts'
import { quoted } from '../../regex/source.ts'

export type Version = 4 | 6
export const bitsOf = (version: Version) => (version === 4 ? 32 : 128)

export const addressError = exceptionClass('AddressValueError', 'ValueError', 'ipaddress')
export const netmaskError = exceptionClass('NetmaskValueError', 'ValueError', 'ipaddress')

/** Thrown inside this file with the message of the part that is wrong. */
class Wrong extends Error {}

const refuse = (message: string): never => raise(addressError, message)

function octet(text: string): bigint {
  if (!text) throw new Wrong('Empty octet not permitted')
  if (!/^[0-9]+$/.test(text)) throw new Wrong(`Only decimal digits permitted in ${quoted(text)}`)
  if (text.length > 3) throw new Wrong(`At most 3 characters permitted in ${quoted(text)}`)
  // A leading zero is octal to some readers and decimal to others.
  if (text !== '0' && text[0] === '0') throw new Wrong(`Leading zeros are not permitted in ${quoted(text)}`)
  if (Number(text) > 255) throw new Wrong(`Octet ${Number(text)} (> 255) not permitted`)
  return BigInt(text)
}

function hextet(text: string): bigint {
  if (!/^[0-9a-fA-F]*$/.test(text)) throw new Wrong(`Only hex digits permitted in ${quoted(text)}`)
  if (text.length > 4) throw new Wrong(`At most 4 characters permitted in ${quoted(text)}`)
  return BigInt(`0x${text || '0'}`)
}

function guarded<T>(text: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof Wrong) refuse(`${error.message} in ${quoted(text)}`)
    throw error
  }
}

export function parseV4(text: string): bigint {
  if (!text) refuse('Address cannot be empty')
  if (text.includes('/')) refuse(`Unexpected '/' in ${quoted(text)}`)
  const parts = text.split('.')
  if (parts.length !== 4) refuse(`Expected 4 octets in ${quoted(text)}`)
  return guarded(text, () => parts.reduce((sum, part) => (sum << 8n) | octet(part), 0n))
}

/** An IPv6 address without a zone. */
export function parseV6(text: string): bigint {
  if (!text) refuse('Address cannot be empty')
  if (text.includes('/')) refuse(`Unexpected '/' in ${quoted(text)}`)
  const shown = quoted(text)
  let parts = text.split(':')
  if (parts.length < 3) refuse(`At least 3 parts expected in ${shown}`)
  const last = parts.at(-1)!
  if (last.includes('.')) {
    if (last.split('.').length !== 4) refuse(`Expected 4 octets in ${quoted(last)} in ${shown}`)
    const tail = guarded(text, () => {
      try {
        return last.split('.').reduce((sum, part) => (sum << 8n) | octet(part), 0n)
      } catch (error) {
        throw error instanceof Wrong ? new Wrong(`${error.message} in ${quoted(last)}`) : error
      }
    })
    parts = [...parts.slice(0, -1), (tail >> 16n).toString(16), (tail & 0xffffn).toString(16)]
  }
  if (parts.length > 9) refuse(`At most 8 colons permitted in ${shown}`)
  const gaps = parts.flatMap((part, i) => (part === '' && i > 0 && i < parts.length - 1 ? [i] : []))
  if (gaps.length > 1) refuse(`At most one '::' permitted in ${shown}`)
  const gap = gaps[0]
  if (gap === undefined) {
    if (parts.length !== 8) refuse(`Exactly 8 parts expected without '::' in ${shown}`)
    if (!parts[0]) refuse(`Leading ':' only permitted as part of '::' in ${shown}`)
    if (!parts[7]) refuse(`Trailing ':' only permitted as part of '::' in ${shown}`)
    return guarded(text, () => parts.reduce((sum, part) => (sum << 16n) | hextet(part), 0n))
  }
  let high = parts.slice(0, gap)
  let low = parts.slice(gap + 1)
  if (!high[0]) {
    high = high.slice(1)
    if (high.length) refuse(`Leading ':' only permitted as part of '::' in ${shown}`)
  }
  if (!low.at(-1)) {
    low = low.slice(0, -1)
    if (low.length) refuse(`Trailing ':' only permitted as part of '::' in ${shown}`)
  }
  const skipped = 8 - high.length - low.length
  if (skipped < 1) refuse(`Expected at most 7 other parts with '::' in ${shown}`)
  return guarded(text, () => [...high, ...Array<string>(skipped).fill('0'), ...low].reduce((sum, part) => (sum << 16n) | hextet(part), 0n))
}

export const textV4 = (value: bigint) => [24n, 16n, 8n, 0n].map(shift => (value >> shift) & 255n).join('.')

const hextets = (value: bigint) => Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))

/** RFC 5952: the longest run of zeros (of two or more, the first of equals) becomes `::`. */
export function textV6(value: bigint): string {
  const parts = hextets(value)
  let best = 0
  let bestAt = -1
  for (let i = 0; i < 8; i++) {
    let run = 0
    while (i + run < 8 && parts[i + run] === '0') run += 1
    if (run > best) [best, bestAt] = [run, i]
  }
  if (best < 2) return parts.join(':')
  return `${parts.slice(0, bestAt).join(':')}::${parts.slice(bestAt + best).join(':')}`
}

export const explodedV6 = (value: bigint) =>
  hextets(value)
    .map(part => part.padStart(4, '0'))
    .join(':')

export const textOfAddress = (version: Version, value: bigint) => (version === 4 ? textV4(value) : textV6(value))

const ones = (bits: number) => (1n << BigInt(bits)) - 1n
export const maskOf = (version: Version, prefix: number) => ones(bitsOf(version)) ^ ones(bitsOf(version) - prefix)

/** The prefix length that a netmask or prefix given as a text stands for; IPv4 also takes netmasks and host masks. */
export function parsePrefix(version: Version, text: string): number {
  const wrong = () => raise(netmaskError, `${quoted(text)} is not a valid netmask`)
  if (/^[0-9]+$/.test(text)) {
    const prefix = Number(text)
    return prefix <= bitsOf(version) ? prefix : wrong()
  }
  if (version === 6) return wrong()
  let mask: bigint
  try {
    mask = parseV4(text)
  } catch {
    return wrong()
  }
  const asNetmask = prefixOf(mask)
  return asNetmask ?? prefixOf(mask ^ ones(32)) ?? wrong()
}

function prefixOf(mask: bigint): number | undefined {
  for (let prefix = 0; prefix <= 32; prefix++) if (maskOf(4, prefix) === mask) return prefix
  return undefined
}

/** Checks what stands between brackets in a URL. ValueError */
export function isBracketedHost(host: string): void {
  if (host.startsWith('v')) {
    if (!/^v[a-fA-F0-9]+\../.test(host)) raise('ValueError', 'IPvFuture address is invalid')
    return
  }
  const [address, zone] = splitZone(host)
  const four = attempt(() => parseV4(host))
  if (four !== undefined) raise('ValueError', 'An IPv4 address cannot be in brackets')
  if (zone === undefined || attempt(() => parseV6(address)) === undefined)
    raise('ValueError', `${quoted(host)} does not appear to be an IPv4 or IPv6 address`)
}

/** The value, or undefined where the language would raise. */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** The zone behind `%`: null without one, undefined when it is not valid. */
export function splitZone(text: string): [address: string, zone: string | null | undefined] {
  const at = text.indexOf('%')
  if (at < 0) return [text, null]
  const zone = text.slice(at + 1)
  return [text.slice(0, at), zone === '' || zone.includes('%') ? undefined : zone]
}
