import { cidrContains, formatCidr, formatIp, parseCidr, parseIp, type Cidr, type Ip } from '../../lib/ip.ts'

/** What an operator lets requests reach beside the addresses that are open to all: a block, or a host by name (`.example.org`: all below). */
export type Allowed = { readonly cidr: Cidr } | { readonly host: string }

/** Reads `10.0.0.0/8`, `::1`, `localhost` or `.internal`; undefined when it is none of them. */
export function parseAllowed(text: string): Allowed | undefined {
  const cidr = parseCidr(text)
  if (cidr) return { cidr }
  const host = normalHost(text)
  return /^\.?(?:[a-z\d_](?:[a-z\d_-]{0,62})\.)*[a-z\d_](?:[a-z\d_-]{0,62})$/.test(host) ? { host } : undefined
}

export const formatAllowed = (allowed: Allowed): string => ('cidr' in allowed ? formatCidr(allowed.cidr) : allowed.host)

/** Lower case, without the dot that ends a full name. */
export const normalHost = (host: string): string => host.toLowerCase().replace(/\.$/, '')

const blocks = (...texts: string[]): Cidr[] => texts.map(text => parseCidr(text)!)

/** Blocks that no request reaches unless the operator says so, and what to call them. Private networks are open: the services of the house live there. */
const REFUSED: readonly (readonly [name: string, cidrs: readonly Cidr[]])[] = [
  ['an unspecified address', blocks('0.0.0.0/8', '::/128')],
  ['a loopback address', blocks('127.0.0.0/8', '::1/128')],
  // Clouds answer with credentials of the machine: most at 169.254.169.254, some elsewhere.
  [
    'a metadata address',
    blocks(
      '169.254.169.254/32',
      '169.254.170.2/32',
      '100.100.100.200/32',
      '168.63.129.16/32',
      '192.0.0.192/32',
      'fd00:ec2::254/128',
      'fd20:ce::254/128',
      'fd00:42::42/128',
    ),
  ],
  ['a link-local address', blocks('169.254.0.0/16', 'fe80::/10', 'fec0::/10')],
  ['a multicast address', blocks('224.0.0.0/4', 'ff00::/8')],
  ['a reserved address', blocks('240.0.0.0/4')],
]

/** Blocks of IPv6 that carry an IPv4 address, and where it begins. */
const CARRIERS: readonly (readonly [cidr: Cidr, offset: number])[] = [
  [parseCidr('64:ff9b::/96')!, 12], // NAT64, RFC 6052
  [parseCidr('64:ff9b:1::/48')!, 12], // NAT64 of one's own, RFC 8215, in the layout that networks use
  [parseCidr('2002::/16')!, 2], // 6to4, RFC 3056
  [parseCidr('::/96')!, 12], // "IPv4-compatible", RFC 4291 §2.5.5.1
  [parseCidr('::ffff:0:0:0/96')!, 12], // translated, RFC 2765
]
const TEREDO = parseCidr('2001::/32')!

const v4 = (bytes: Uint8Array): Ip => ({ version: 4, bytes })

/** The IPv4 addresses that an IPv6 address stands for. */
function carried(ip: Ip): Ip[] {
  if (ip.version === 4) return []
  const { bytes } = ip
  const found = CARRIERS.filter(([cidr]) => cidrContains(cidr, ip)).map(([, offset]) => v4(bytes.slice(offset, offset + 4)))
  // RFC 4380 §4: the server, and the client with its bits turned round.
  if (cidrContains(TEREDO, ip)) found.push(v4(bytes.slice(4, 8)), v4(bytes.slice(12).map(byte => byte ^ 0xff)))
  // ISATAP, RFC 5214 §6.1
  if ((bytes[8]! & 0xfd) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe) found.push(v4(bytes.slice(12)))
  return found
}

const kindOf = (ip: Ip): string | undefined => REFUSED.find(([, cidrs]) => cidrs.some(cidr => cidrContains(cidr, ip)))?.[0]

/**
 * Why a request to this address is refused (`a loopback address`), or undefined. An IPv6 address is judged by the IPv4 addresses inside it too.
 * @param address as the resolver gives it; anything that is no address is refused
 */
export function refusal(address: string, host: string, allow: readonly Allowed[]): string | undefined {
  const name = normalHost(host)
  if (allow.some(entry => 'host' in entry && (entry.host.startsWith('.') ? name.endsWith(entry.host) : name === entry.host)))
    return undefined
  const ip = parseIp(address)
  if (!ip) return 'not an address'
  const permitted = (one: Ip) => allow.some(entry => 'cidr' in entry && cidrContains(entry.cidr, one))
  if (permitted(ip)) return undefined
  // `::` and `::1` are called by their own names rather than by the IPv4 address that they could be read as.
  const own = kindOf(ip)
  if (own !== undefined) return own
  for (const inner of carried(ip)) {
    const kind = permitted(inner) ? undefined : kindOf(inner)
    if (kind !== undefined) return `${kind} (${formatIp(inner)} inside ${formatIp(ip)})`
  }
  return undefined
}
