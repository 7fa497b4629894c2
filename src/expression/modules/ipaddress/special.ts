/** The special-purpose registries of IANA, as Python 3.13 reads them. */
import { bitsOf, maskOf, parseV4, parseV6 } from './parse.ts'
import type { Version } from './parse.ts'

type Range = readonly [first: bigint, last: bigint]

const range = (text: string): Range => {
  const [address, prefix] = text.split('/') as [string, string]
  const version: Version = address.includes(':') ? 6 : 4
  const first = version === 4 ? parseV4(address) : parseV6(address)
  return [first, first | (maskOf(version, Number(prefix)) ^ ((1n << BigInt(bitsOf(version))) - 1n))]
}
const ranges = (text: string) => text.trim().split(/\s+/).map(range)

interface Registry {
  private: Range[]
  /** Parts of the private ranges that are global all the same. */
  privateExceptions: Range[]
  /** Neither private nor global. */
  shared: Range[]
  loopback: Range[]
  linkLocal: Range[]
  multicast: Range[]
  reserved: Range[]
  siteLocal: Range[]
}

export const registries: Record<Version, Registry> = {
  4: {
    private: ranges(`0.0.0.0/8 10.0.0.0/8 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.170/31 192.0.2.0/24
      192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 255.255.255.255/32`),
    privateExceptions: ranges('192.0.0.9/32 192.0.0.10/32'),
    shared: ranges('100.64.0.0/10'),
    loopback: ranges('127.0.0.0/8'),
    linkLocal: ranges('169.254.0.0/16'),
    multicast: ranges('224.0.0.0/4'),
    reserved: ranges('240.0.0.0/4'),
    siteLocal: [],
  },
  6: {
    private: ranges(`::1/128 ::/128 ::ffff:0:0/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 fc00::/7
      fe80::/10`),
    privateExceptions: ranges('2001:1::1/128 2001:1::2/128 2001:3::/32 2001:4:112::/48 2001:20::/28 2001:30::/28'),
    shared: [],
    loopback: ranges('::1/128'),
    linkLocal: ranges('fe80::/10'),
    multicast: ranges('ff00::/8'),
    reserved: ranges(`::/8 100::/8 200::/7 400::/6 800::/5 1000::/4 4000::/3 6000::/3 8000::/3 a000::/3 c000::/3 e000::/4 f000::/5
      f800::/6 fe00::/9`),
    siteLocal: ranges('fec0::/10'),
  },
}

/** Do the addresses from `first` to `last` lie in one of the ranges? */
export const within = (list: readonly Range[], first: bigint, last = first) => list.some(([from, to]) => first >= from && last <= to)

export function isPrivate(version: Version, first: bigint, last = first): boolean {
  if (version === 6 && first === last && first >> 32n === 0xffffn) return isPrivate(4, first & 0xffffffffn)
  const { private: own, privateExceptions } = registries[version]
  return within(own, first, last) && !within(privateExceptions, first, last)
}

export function isGlobal(version: Version, first: bigint, last = first): boolean {
  if (version === 6 && first === last && first >> 32n === 0xffffn) return isGlobal(4, first & 0xffffffffn)
  return !within(registries[version].shared, first, last) && !isPrivate(version, first, last)
}
