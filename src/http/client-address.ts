import type { Cidr, Ip } from '../lib/ip.ts'
import { formatIp, inCidrs, parseIp } from '../lib/ip.ts'
import { remember } from '../lib/remember.ts'

/** The parts of a request that tell where it comes from; repeated headers are joined with commas, as Node does. */
export type Incoming = {
  readonly remoteAddress: string | undefined
  /** Whether the socket itself speaks TLS. */
  readonly encrypted: boolean
  readonly headers: { readonly [name: string]: string | string[] | undefined }
}

export type ClientAddress = {
  /** The last hop that is no trusted proxy, in canonical form; `0.0.0.0` when the socket is already gone. */
  readonly ip: string
  readonly scheme: 'http' | 'https'
  /** Host and port as the browser wrote them, lower case; undefined when absent or malformed. */
  readonly host: string | undefined
  /** Whether the neighbour on the socket may speak for others (X-Forwarded-Uri and the like). */
  readonly viaTrustedProxy: boolean
}

const MAX_HOPS = 32
/** Neighbours and hosts that are remembered. */
const MOST = 1_000
const HOST = /^(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_.])?)(?::\d{1,5})?$/

/**
 * Client address, scheme and host of a request. X-Forwarded-For, -Proto and -Host count only when the socket's other end is trusted;
 * the list of addresses is read from its end, each trusted hop vouching for the one before. The first entry that is no address ends
 * the walk: who wrote what stands before it cannot be known. `Forwarded` (RFC 7239) and X-Real-IP are not read, since proxies pass
 * on what clients wrote there.
 */
export function clientAddress({ remoteAddress, encrypted, headers }: Incoming, trusted: readonly Cidr[]): ClientAddress {
  const scheme = encrypted ? 'https' : 'http'
  const host = validHost(single(headers['host'] ?? headers[':authority']))
  const neighbour = neighbours(trusted)(remoteAddress ?? '')
  if (!neighbour) return { ip: '0.0.0.0', scheme, host, viaTrustedProxy: false }
  if (!neighbour.trusted) return { ip: neighbour.text, scheme, host, viaTrustedProxy: false }

  // Most requests come from neighbours that speak for nobody else.
  if (headers['x-forwarded-for'] === undefined && headers['x-forwarded-proto'] === undefined && headers['x-forwarded-host'] === undefined)
    return { ip: neighbour.text, scheme, host, viaTrustedProxy: true }

  const { ip: peer } = neighbour
  const entries = list(headers['x-forwarded-for'])
  let ip = peer
  let hops = 0
  while (hops < Math.min(entries.length, MAX_HOPS) && inCidrs(trusted, ip)) {
    const before = parseHop(entries.at(-1 - hops) ?? '')
    if (!before) break
    ip = before
    hops++
  }
  return {
    ip: formatIp(ip),
    scheme: forwardedScheme(sameHop(list(headers['x-forwarded-proto']), hops)) ?? scheme,
    host: validHost(sameHop(list(headers['x-forwarded-host']), hops)) ?? host,
    viaTrustedProxy: true,
  }
}

/** Whether the other end of a socket is a trusted proxy. */
export const isTrustedPeer = (remoteAddress: string | undefined, trusted: readonly Cidr[]): boolean =>
  neighbours(trusted)(remoteAddress ?? '')?.trusted ?? false

/** The other end of a socket: the same for all requests of a connection, and with a proxy in front for all there are. */
type Neighbour = { readonly ip: Ip; readonly text: string; readonly trusted: boolean }

const known = new WeakMap<readonly Cidr[], (address: string) => Neighbour | undefined>()

function neighbours(trusted: readonly Cidr[]): (address: string) => Neighbour | undefined {
  let find = known.get(trusted)
  if (!find) {
    find = remember(MOST, address => {
      const ip = parseIp(address)
      return ip && { ip, text: formatIp(ip), trusted: inCidrs(trusted, ip) }
    })
    known.set(trusted, find)
  }
  return find
}

const single = (value: string | string[] | undefined) => (typeof value === 'string' ? value : value?.length === 1 ? value[0] : undefined)

const list = (value: string | string[] | undefined): string[] =>
  value === undefined || value.length === 0 ? [] : (typeof value === 'string' ? value : value.join(',')).split(',').map(item => item.trim())

/**
 * Proxies that append to the list of addresses append to these as well, so the entry as far from the end as the client's address
 * belongs to the same hop. A proxy that sets the header afresh leaves one entry, which then counts for all.
 */
const sameHop = (entries: string[], hops: number) => entries.at(-Math.min(Math.max(hops, 1), Math.max(entries.length, 1)))

/** An address, or one with a port as some proxies write it: `192.0.2.1:1234`, `[2001:db8::1]:1234`. */
function parseHop(text: string): Ip | undefined {
  const [, bracketed, v4] = /^(?:\[([^\]]+)\](?::\d{1,5})?|([\d.]+):\d{1,5})$/.exec(text) ?? []
  if (bracketed !== undefined && !bracketed.includes(':')) return undefined
  return parseIp(bracketed ?? v4 ?? text)
}

function forwardedScheme(word: string | undefined): 'http' | 'https' | undefined {
  switch (word?.toLowerCase()) {
    case 'https':
    case 'wss': // some proxies name the scheme of the upgraded connection
      return 'https'
    case 'http':
    case 'ws':
      return 'http'
    default:
      return undefined
  }
}

const validHost = (text: string | undefined): string | undefined => (text === undefined ? undefined : hostOf(text))

const hostOf = remember(MOST, (text): string | undefined => {
  const host = text.toLowerCase()
  if (!HOST.test(host) || host.includes('..')) return undefined
  const [, port] = /:(\d+)$/.exec(host.replace(/^\[.*\]/, '')) ?? []
  if (port !== undefined && Number(port) > 65_535) return undefined
  const [, bracketed] = /^\[(.*)\]/.exec(host) ?? []
  return bracketed !== undefined && !parseIp(bracketed) ? undefined : host
})
