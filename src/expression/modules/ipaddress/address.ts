import { raise } from '../../errors.ts'
import { native } from '../../module.ts'
import type { Runtime } from '../../module.ts'
import { quoted } from '../../regex/source.ts'
import { normalizeInt, NotImplemented, PyBytes, PyInstance } from '../../values.ts'
import type { PyClass, Value } from '../../values.ts'
import { addressError, bitsOf, explodedV6, maskOf, parseV4, parseV6, splitZone, textOfAddress, textV4 } from './parse.ts'
import type { Version } from './parse.ts'
import { isGlobal, isPrivate, registries, within } from './special.ts'
import { typedClass } from '../typed-class.ts'

/** An IPv4 or IPv6 address, or (with a prefix) an interface. */
export class PyAddress extends PyInstance {
  readonly version: Version
  readonly value: bigint
  /** The zone of an IPv6 address. */
  readonly zone: string | null
  /** Prefix length of an interface, else null. */
  readonly prefix: number | null

  constructor(
    version: Version,
    value: bigint,
    zone: string | null = null,
    prefix: number | null = null,
    cls: PyClass = addressClasses[version],
  ) {
    super(cls, null)
    this.version = version
    this.value = value
    this.zone = zone
    this.prefix = prefix
  }

  addressText() {
    return textOfAddress(this.version, this.value) + (this.zone === null ? '' : `%${this.zone}`)
  }

  text() {
    return this.addressText() + (this.prefix === null ? '' : `/${this.prefix}`)
  }

  override hashKey() {
    return `ip ${this.version} ${this.text()}`
  }

  override toJson() {
    return this.text()
  }
}

/** Reads an address of one version from a text, an int or packed bytes. AddressValueError */
export function readAddress(version: Version, value: Value): { value: bigint; zone: string | null } {
  const bits = bitsOf(version)
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    const int = BigInt(value)
    if (int < 0n) raise(addressError, `${int} (< 0) is not permitted as an IPv${version} address`)
    if (int >> BigInt(bits)) raise(addressError, `${int} (>= 2**${bits}) is not permitted as an IPv${version} address`)
    return { value: int, zone: null }
  }
  if (value instanceof PyBytes) {
    const { data } = value
    if (data.length !== bits / 8) raise(addressError, `(len ${data.length} != ${bits / 8}) is not permitted as an IPv${version} address`)
    return { value: BigInt(`0x${Buffer.from(data).toString('hex')}`), zone: null }
  }
  const text =
    typeof value === 'string' ? value : value instanceof PyAddress ? value.text() : raise(addressError, 'not a text, an int or bytes')
  if (text.length > 1000) raise(addressError, `${text.length} characters are not permitted as an IPv${version} address`)
  if (version === 4) return { value: parseV4(text), zone: null }
  const [address, zone] = splitZone(text)
  if (zone === undefined) raise(addressError, `Invalid IPv6 address: "${quoted(text)}"`)
  if (text.includes('/')) raise(addressError, `Unexpected '/' in ${quoted(text)}`)
  return { value: parseV6(address), zone }
}

/** Text of an address that is needed to tell what was wrong. */
const sameVersion = (a: PyAddress, b: PyAddress) =>
  a.version === b.version || raise('TypeError', `${a.text()} and ${b.text()} are not of the same version`)

const order = (name: string, holds: (order: number) => boolean) =>
  native(name, 'self, other', ([self, other]) => {
    if (!(other instanceof PyAddress)) return NotImplemented
    sameVersion(self, other)
    const a = self as PyAddress
    const masked = (x: PyAddress) => (x.prefix === null ? 0n : x.value & maskOf(x.version, x.prefix))
    // Interfaces sort by network first.
    const keysA = [masked(a), BigInt(a.prefix ?? 0), a.value]
    const keysB = [masked(other), BigInt(other.prefix ?? 0), other.value]
    const i = keysA.findIndex((key, n) => key !== keysB[n])
    return holds(i < 0 ? 0 : keysA[i]! < keysB[i]! ? -1 : 1)
  })

const moved = (self: PyAddress, by: Value, sign: bigint) =>
  typeof by === 'number' || typeof by === 'bigint' || typeof by === 'boolean'
    ? new PyAddress(self.version, readAddress(self.version, normalizeInt(self.value + sign * BigInt(by))).value)
    : NotImplemented

const reverse = (self: PyAddress) =>
  self.version === 4
    ? `${textV4(self.value).split('.').reverse().join('.')}.in-addr.arpa`
    : `${Array.from(explodedV6(self.value).replaceAll(':', '')).reverse().join('.')}.ip6.arpa`

/** `f"{address:x}"`, `:b`, `:n` and their variants; `:s` and none are the text. */
function format(self: PyAddress, spec: string, rt: Runtime): string {
  if (spec === '' || spec.endsWith('s'))
    return spec === '' || spec === 's' ? self.text() : self.text().padEnd(Number.parseInt(spec, 10) || 0)
  const parts =
    /^(#?)(_?)([xbnX])$/.exec(spec) ??
    raise('ValueError', `Invalid format specifier ${rt.repr(spec)} for object of type '${self.cls.name}'`)
  const kind = parts[3] === 'n' ? (self.version === 4 ? 'b' : 'x') : parts[3]!
  const bits = bitsOf(self.version)
  const digits = kind === 'b' ? self.value.toString(2).padStart(bits, '0') : self.value.toString(16).padStart(bits / 4, '0')
  const grouped = parts[2] ? digits.replace(/(.{4})(?!$)/g, '$1_') : digits
  const shown = `${parts[1] ? `0${kind.toLowerCase()}` : ''}${grouped}`
  return kind === 'X' ? shown.toUpperCase() : shown
}

const registered = (name: 'loopback' | 'linkLocal' | 'multicast' | 'reserved' | 'siteLocal') => (self: PyAddress) =>
  within(registries[self.version][name], self.value)

const bytesOf = ({ version, value }: PyAddress) =>
  new PyBytes(Uint8Array.from(Buffer.from(value.toString(16).padStart(bitsOf(version) / 4, '0'), 'hex')))

const v4 = (value: bigint) => new PyAddress(4, value & 0xffffffffn)

const onlyV6: Record<string, (self: PyAddress) => Value> = {
  scope_id: self => self.zone,
  is_site_local: registered('siteLocal'),
  ipv4_mapped: self => (self.value >> 32n === 0xffffn ? v4(self.value) : null),
  sixtofour: self => (self.value >> 112n === 0x2002n ? v4(self.value >> 80n) : null),
}

function addressClass(version: Version): PyClass {
  const name = `IPv${version}Address`
  const make = native(name, 'address', ([given]) => {
    const { value, zone } = readAddress(version, given)
    return new PyAddress(version, value, zone)
  })
  return typedClass(
    {
      name,
      module: 'ipaddress',
      construct: (_, args, kwargs, rt) => make.code(args, kwargs, rt),
      methods: {
        __str__: native('__str__', 'self', ([self]) => self.text()),
        __repr__: native('__repr__', 'self', ([self]) => `${self.cls.name}('${self.text()}')`),
        __format__: native('__format__', 'self, spec', ([self, spec], rt) => format(self, spec, rt)),
        __int__: native('__int__', 'self', ([self]) => normalizeInt(self.value)),
        __eq__: native('__eq__', 'self, other', ([self, other]) =>
          other instanceof PyAddress ? self.version === other.version && self.text() === other.text() : NotImplemented,
        ),
        __lt__: order('__lt__', n => n < 0),
        __le__: order('__le__', n => n <= 0),
        __gt__: order('__gt__', n => n > 0),
        __ge__: order('__ge__', n => n >= 0),
        __add__: native('__add__', 'self, other', ([self, other]) => moved(self, other, 1n)),
        __sub__: native('__sub__', 'self, other', ([self, other]) => moved(self, other, -1n)),
      },
      getters: {
        version: (self: PyAddress) => self.version,
        max_prefixlen: (self: PyAddress) => bitsOf(self.version),
        packed: bytesOf,
        compressed: (self: PyAddress) => self.text(),
        exploded: (self: PyAddress) =>
          self.version === 4 ? self.text() : explodedV6(self.value) + (self.prefix === null ? '' : `/${self.prefix}`),
        reverse_pointer: reverse,
        is_private: (self: PyAddress) => isPrivate(self.version, self.value),
        is_global: (self: PyAddress) => isGlobal(self.version, self.value),
        is_loopback: registered('loopback'),
        is_link_local: registered('linkLocal'),
        is_multicast: registered('multicast'),
        is_reserved: registered('reserved'),
        is_unspecified: (self: PyAddress) => self.value === 0n,
        ...(version === 6 ? onlyV6 : {}),
      },
    },
    () => PyAddress,
  )
}

export const addressClasses: Record<Version, PyClass> = { 4: addressClass(4), 6: addressClass(6) }
