import type { RawEntry } from './client.ts'
import type { DirectorySchema, Syntax } from './schema.ts'

/** A value as mappings see it: dates for times, bytes for what is no text, lists where a directory may keep several. */
type Value = string | number | bigint | boolean | Date | Uint8Array
export type Entry = { dn: string; ldap: Record<string, Value | Value[]> }

/** What nobody needs to see, wherever entries are shown or handed on. */
const SECRET = new Set([
  'userpassword',
  'unicodepwd',
  'dbcspwd',
  'lmpwdhistory',
  'ntpwdhistory',
  'supplementalcredentials',
  'sambantpassword',
])
const isSecret = (name: string): boolean => SECRET.has(name) || /^(?:krbprincipalkey|sambalmpassword|ipanthash|pwdhistory)$/.test(name)

/** A security identifier, MS-DTYP §2.4.2.2, as `S-1-5-21-…`. */
function sid(bytes: Buffer): string | undefined {
  const count = bytes[1]
  if (count === undefined || bytes.length !== 8 + 4 * count) return undefined
  const parts = Array.from({ length: count }, (_, index) => bytes.readUInt32LE(8 + 4 * index))
  return ['S', bytes[0], bytes.readUIntBE(2, 6), ...parts].join('-')
}

/** MS-DTYP §2.3.4: the first three groups have their bytes turned round. */
function guid(bytes: Buffer): string | undefined {
  if (bytes.length !== 16) return undefined
  const turned = Buffer.concat(
    [bytes.subarray(0, 4).toReversed(), bytes.subarray(4, 6).toReversed(), bytes.subarray(6, 8).toReversed(), bytes.subarray(8)].map(part =>
      Buffer.from(part),
    ),
  )
  return `{${turned.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')}}`
}

const FORMS: Readonly<Record<string, (bytes: Buffer) => string | undefined>> = { objectsid: sid, sidhistory: sid, objectguid: guid }

/** Generalized time, RFC 4517 §3.3.13. */
export function readTime(text: string): Date | undefined {
  const parts = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})?(\d{2})?(?:[.,](\d+))?(Z|[+-]\d{2}(?:\d{2})?)?$/.exec(text)
  if (!parts) return undefined
  const [, year, month, day, hour, minute = '00', second = '00', fraction = '0', zone = 'Z'] = parts
  const whole = `${year}-${month}-${day}T${hour}:${minute}:${second === '60' ? '59' : second}`
  const offset = zone === 'Z' ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3) || '00'}`
  const date = new Date(`${whole}.${fraction.slice(0, 3).padEnd(3, '0')}${offset}`)
  return Number.isNaN(date.getTime()) ? undefined : date
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function text(bytes: Buffer): string | Uint8Array {
  try {
    return utf8.decode(bytes)
  } catch {
    return new Uint8Array(bytes)
  }
}

function decode(name: string, syntax: Syntax, bytes: Buffer): Value {
  const form = FORMS[name]?.(bytes)
  if (form !== undefined) return form
  // Copied: a value must not keep the page alive that it came with.
  if (syntax === 'bytes' || name.endsWith(';binary')) return new Uint8Array(bytes)
  const value = text(bytes)
  if (typeof value !== 'string') return value
  if (syntax === 'integer' && /^-?\d{1,30}$/.test(value)) return Number.isSafeInteger(Number(value)) ? Number(value) : BigInt(value)
  if (syntax === 'boolean' && /^(?:TRUE|FALSE)$/i.test(value)) return value.toUpperCase() === 'TRUE'
  return (syntax === 'time' && readTime(value)) || value
}

/** What an entry says. Attributes of one value are that value, the others lists, as the directory's schema has it; passwords are left out. */
export function readEntry({ dn, attributes }: RawEntry, schema: DirectorySchema): Entry {
  const ldap: Entry['ldap'] = {}
  for (const [spelled, values] of attributes) {
    const name = spelled.toLowerCase()
    if (isSecret(name.replace(/;.*$/, '')) || values.length === 0) continue
    const { single, syntax } = schema(name)
    const read = values.map(bytes => decode(name, syntax, bytes))
    ldap[spelled] = single && read.length === 1 ? read[0]! : read
  }
  // Active Directory has it among the attributes; texts written for it work with others, too.
  ldap.distinguishedName ??= dn
  return { dn, ldap }
}

/** The values of an attribute, whatever the case of its name. */
export function valuesOf({ ldap }: Entry, name: string): Value[] {
  const wanted = name.toLowerCase()
  const key = Object.hasOwn(ldap, name) ? name : Object.keys(ldap).find(one => one.toLowerCase() === wanted)
  return key === undefined ? [] : [ldap[key]!].flat()
}

/** A value as text: bytes in hexadecimal, times as RFC 3339. */
export const textOf = (value: Value): string =>
  value instanceof Date ? value.toISOString() : value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)

/** The first value of an attribute as text. */
export function firstText(entry: Entry, name: string): string | undefined {
  const [value] = valuesOf(entry, name)
  return value === undefined ? undefined : textOf(value)
}

const plainValue = (value: Value): unknown => (typeof value === 'number' || typeof value === 'boolean' ? value : textOf(value))

/** An entry in JSON. */
export const plainEntry = ({ dn, ldap }: Entry): Record<string, unknown> => ({
  dn,
  ...Object.fromEntries(
    Object.entries(ldap).map(([name, value]) => [name, Array.isArray(value) ? value.map(plainValue) : plainValue(value)]),
  ),
})
