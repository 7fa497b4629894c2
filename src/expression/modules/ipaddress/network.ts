import { raise } from '../../errors.ts'
import { native } from '../../module.ts'
import { quoted } from '../../regex/source.ts'
import { NativeIterator, normalizeInt, NotImplemented, PyInstance, PyTuple, typeOf } from '../../values.ts'
import type { PyClass, Value } from '../../values.ts'
import { intOf, requireInt, textOf } from '../arguments.ts'
import { PyAddress, readAddress } from './address.ts'
import { addressError, bitsOf, explodedV6, maskOf, netmaskError, parsePrefix, textOfAddress } from './parse.ts'
import type { Version } from './parse.ts'
import { isGlobal, isPrivate, registries, within } from './special.ts'
import { typedClass } from '../typed-class.ts'

const ones = (bits: number) => (1n << BigInt(bits)) - 1n

export class PyNetwork extends PyInstance {
  readonly version: Version
  /** The address with its host bits cleared. */
  readonly first: bigint
  readonly prefix: number

  constructor(version: Version, first: bigint, prefix: number) {
    super(networkClasses[version], null)
    this.version = version
    this.first = first
    this.prefix = prefix
  }

  get last() {
    return this.first | ones(bitsOf(this.version) - this.prefix)
  }

  text() {
    return `${textOfAddress(this.version, this.first)}/${this.prefix}`
  }

  override hashKey() {
    return `network ${this.version} ${this.text()}`
  }

  override toJson() {
    return this.text()
  }
}

/** Address and prefix out of `address/prefix`, a tuple of the two, or an address alone. */
export function readPrefixed(version: Version, given: Value): { value: bigint; zone: string | null; prefix: number } {
  const bits = bitsOf(version)
  const shown = given instanceof PyNetwork || given instanceof PyAddress ? given.text() : given
  if (typeof shown === 'string') {
    if (shown.length > 1000) raise(addressError, `${shown.length} characters are not permitted as an IPv${version} network`)
    const parts = shown.split('/')
    if (parts.length > 2) raise(addressError, `Only one '/' permitted in ${quoted(shown)}`)
    const address = readAddress(version, parts[0]!)
    return { ...address, prefix: parts[1] === undefined ? bits : parsePrefix(version, parts[1]) }
  }
  if (!(shown instanceof PyTuple)) return { ...readAddress(version, shown), prefix: bits }
  const [address, mask] = [shown.items[0] ?? null, shown.items[1]]
  const number = intOf(mask)
  const asText = () => (mask instanceof PyAddress ? mask.text() : (textOf(mask) ?? raise(netmaskError, 'not a valid netmask')))
  const prefix = mask === undefined ? bits : (number ?? parsePrefix(version, asText()))
  if (prefix < 0 || prefix > bits) parsePrefix(version, String(prefix))
  return { ...readAddress(version, address), prefix }
}

export function makeNetwork(version: Version, given: Value, strict: boolean): PyNetwork {
  const { value, prefix } = readPrefixed(version, given)
  const first = value & maskOf(version, prefix)
  if (strict && first !== value) raise('ValueError', `${textOfAddress(version, value)}/${prefix} has host bits set`)
  return new PyNetwork(version, first, prefix)
}

const address = (self: PyNetwork, value: bigint) => new PyAddress(self.version, value)

function* addresses(self: PyNetwork, from: bigint, to: bigint): Generator<PyAddress> {
  for (let value = from; value <= to; value++) yield address(self, value)
}

function hosts(self: PyNetwork) {
  const free = bitsOf(self.version) - self.prefix
  if (free === 0 || free === 1) return addresses(self, self.first, self.last)
  return addresses(self, self.first + 1n, self.version === 4 ? self.last - 1n : self.last)
}

function* subnetsOf(self: PyNetwork, prefix: number): Generator<PyNetwork> {
  const size = 1n << BigInt(bitsOf(self.version) - prefix)
  for (let first = self.first; first <= self.last; first += size) yield new PyNetwork(self.version, first, prefix)
}

/** `prefixlen_diff` and `new_prefix` as one prefix length. */
function newPrefix(self: PyNetwork, diff: Value, given: Value, longer: boolean): number {
  const by = requireInt(diff)
  if (given !== null) {
    const prefix = requireInt(given)
    if (longer ? prefix < self.prefix : prefix > self.prefix) raise('ValueError', `new prefix must be ${longer ? 'longer' : 'shorter'}`)
    if (by !== 1) raise('ValueError', 'cannot set prefixlen_diff and new_prefix')
    return prefix
  }
  if (longer && by < 0) raise('ValueError', 'prefix length diff must be > 0')
  return longer ? self.prefix + by : self.prefix - by
}

function subnets(self: PyNetwork, diff: Value, given: Value): Value {
  if (self.prefix === bitsOf(self.version)) return new NativeIterator([self][Symbol.iterator]())
  const prefix = newPrefix(self, diff, given, true)
  if (prefix > bitsOf(self.version)) raise('ValueError', `prefix length diff ${prefix} is invalid for netblock ${self.text()}`)
  return new NativeIterator(subnetsOf(self, prefix))
}

function supernet(self: PyNetwork, diff: Value, given: Value): Value {
  if (self.prefix === 0) return self
  const prefix = newPrefix(self, diff, given, false)
  if (prefix < 0) raise('ValueError', `current prefixlen is ${self.prefix}, cannot have a prefixlen_diff of ${self.prefix - prefix}`)
  return new PyNetwork(self.version, self.first & maskOf(self.version, prefix), prefix)
}

const comparable = (self: PyNetwork, other: Value): PyNetwork => {
  if (!(other instanceof PyNetwork))
    return raise('TypeError', `Unable to test subnet containment between ${self.text()} and another kind of object`)
  if (other.version !== self.version) raise('TypeError', `${self.text()} and ${other.text()} are not of the same version`)
  return other
}
const inside = (a: PyNetwork, b: PyNetwork) => a.first >= b.first && a.last <= b.last

const order = (name: string, holds: (order: number) => boolean) =>
  native(name, 'self, other', ([self, other]) => {
    if (!(other instanceof PyNetwork)) return NotImplemented
    if (self.version !== other.version) raise('TypeError', `${self.text()} and ${other.text()} are not of the same version`)
    return holds(self.first === other.first ? self.prefix - other.prefix : self.first < other.first ? -1 : 1)
  })

function item(self: PyNetwork, index: Value) {
  const n = BigInt(requireInt(index))
  const value = n >= 0n ? self.first + n : self.last + n + 1n
  if (value < self.first || value > self.last) raise('IndexError', 'address out of range')
  return address(self, value)
}

/** What is left of a network without another inside it, largest pieces first as CPython yields them. */
function* excluding(self: PyNetwork, other: PyNetwork): Generator<PyNetwork> {
  let rest = self
  while (rest.prefix < other.prefix) {
    const [low, high] = [...subnetsOf(rest, rest.prefix + 1)] as [PyNetwork, PyNetwork]
    const inLow = inside(other, low)
    yield inLow ? high : low
    rest = inLow ? low : high
  }
}

function holds(self: PyNetwork, other: Value): boolean {
  if (other instanceof PyNetwork) return false
  // A text is a common mistake: CPython stumbles over it too, and silence would decide a policy.
  if (!(other instanceof PyAddress)) return raise('AttributeError', `'${typeOf(other).name}' object has no attribute '_version'`)
  return other.version === self.version && other.value >= self.first && other.value <= self.last
}

const registered = (name: 'loopback' | 'linkLocal' | 'multicast' | 'reserved' | 'siteLocal') => (self: PyNetwork) =>
  within(registries[self.version][name], self.first) && within(registries[self.version][name], self.last)

const netmask = (self: PyNetwork) => address(self, maskOf(self.version, self.prefix))
const hostmask = (self: PyNetwork) => address(self, ones(bitsOf(self.version) - self.prefix))

function networkClass(version: Version): PyClass {
  const name = `IPv${version}Network`
  const make = native(name, 'address, strict=True', ([given, strict]) => makeNetwork(version, given, strict !== false && strict !== 0))
  return typedClass(
    {
      name,
      module: 'ipaddress',
      construct: (_, args, kwargs, rt) => make.code(args, kwargs, rt),
      methods: {
        hosts: native('hosts', 'self', ([self]) => new NativeIterator(hosts(self))),
        subnets: native('subnets', 'self, prefixlen_diff=1, new_prefix=None', ([self, diff, prefix]) => subnets(self, diff, prefix)),
        supernet: native('supernet', 'self, prefixlen_diff=1, new_prefix=None', ([self, diff, prefix]) => supernet(self, diff, prefix)),
        subnet_of: native('subnet_of', 'self, other', ([self, other]) => inside(self, comparable(self, other))),
        supernet_of: native('supernet_of', 'self, other', ([self, other]) => inside(comparable(self, other), self)),
        overlaps: native('overlaps', 'self, other', ([self, other]) => {
          const b = comparable(self, other)
          return self.version === b.version && self.first <= b.last && b.first <= self.last
        }),
        address_exclude: native('address_exclude', 'self, other', ([self, other]) => {
          const b = comparable(self, other)
          if (!inside(b, self)) raise('ValueError', `${b.text()} not contained in ${self.text()}`)
          return new NativeIterator(excluding(self, b))
        }),
        __contains__: native('__contains__', 'self, other', ([self, other]) => holds(self, other)),
        __iter__: native('__iter__', 'self', ([self]) => new NativeIterator(addresses(self, self.first, self.last))),
        __getitem__: native('__getitem__', 'self, index', ([self, index]) => item(self, index)),
        __str__: native('__str__', 'self', ([self]) => self.text()),
        __repr__: native('__repr__', 'self', ([self]) => `${name}('${self.text()}')`),
        __eq__: native('__eq__', 'self, other', ([self, other]) =>
          other instanceof PyNetwork ? self.hashKey() === other.hashKey() : NotImplemented,
        ),
        __lt__: order('__lt__', n => n < 0),
        __le__: order('__le__', n => n <= 0),
        __gt__: order('__gt__', n => n > 0),
        __ge__: order('__ge__', n => n >= 0),
      },
      getters: {
        version: (self: PyNetwork) => self.version,
        max_prefixlen: (self: PyNetwork) => bitsOf(self.version),
        network_address: (self: PyNetwork) => address(self, self.first),
        broadcast_address: (self: PyNetwork) => address(self, self.last),
        netmask,
        hostmask,
        prefixlen: (self: PyNetwork) => self.prefix,
        num_addresses: (self: PyNetwork) => normalizeInt(self.last - self.first + 1n),
        with_prefixlen: (self: PyNetwork) => self.text(),
        with_netmask: (self: PyNetwork) => `${textOfAddress(self.version, self.first)}/${netmask(self).text()}`,
        with_hostmask: (self: PyNetwork) => `${textOfAddress(self.version, self.first)}/${hostmask(self).text()}`,
        compressed: (self: PyNetwork) => self.text(),
        exploded: (self: PyNetwork) => (self.version === 4 ? self.text() : `${explodedV6(self.first)}/${self.prefix}`),
        is_private: (self: PyNetwork) => isPrivate(self.version, self.first, self.last),
        is_global: (self: PyNetwork) => isGlobal(self.version, self.first, self.last),
        is_loopback: registered('loopback'),
        is_link_local: registered('linkLocal'),
        is_multicast: registered('multicast'),
        is_reserved: registered('reserved'),
        is_unspecified: (self: PyNetwork) => self.first === 0n && self.prefix === bitsOf(self.version),
        ...(version === 6 ? { is_site_local: registered('siteLocal') } : {}),
      },
    },
    () => PyNetwork,
  )
}

export const networkClasses: Record<Version, PyClass> = { 4: networkClass(4), 6: networkClass(6) }
