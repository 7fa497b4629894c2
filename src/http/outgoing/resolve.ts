import { lookup as resolveName } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { normalHost, refusal, type Allowed } from './addresses.ts'
import { OutgoingError } from './error.ts'

/** How names become addresses; replaced in tests. */
export type Resolve = (host: string) => Promise<readonly { address: string; family: number }[]>

const resolveAll: Resolve = host => resolveName(host, { all: true, verbatim: true })

export type Address = { address: string; family: number }

/**
 * The addresses of a host (a name, or an address without brackets), all of them checked: one bad one among them is enough to refuse, since
 * nobody knows which will be taken.
 * @throws OutgoingError
 */
export async function checkedAddresses(host: string, allow: readonly Allowed[], resolve: Resolve = resolveAll): Promise<Address[]> {
  const literal = isIP(host)
  let found: readonly Address[]
  try {
    found = literal ? [{ address: host, family: literal }] : isLocalhost(host) ? loopback(host, allow) : await resolve(host)
  } catch (error) {
    throw new OutgoingError('dns', `${host} cannot be resolved`, error)
  }
  if (found.length === 0) throw new OutgoingError('dns', `${host} has no address`)
  for (const { address } of found) {
    const why = refusal(address, host, allow)
    if (why !== undefined) throw new OutgoingError('refused', `${host} is not reachable from here: ${why}`)
  }
  return [...found]
}

/** A look-up for sockets that answers with addresses that were checked, whatever a resolver would say by now. */
export const pinnedLookup =
  (addresses: readonly Address[]): LookupFunction =>
  (_, options, done) => {
    const usable = options.family === 4 || options.family === 6 ? addresses.filter(one => one.family === options.family) : addresses
    if (options.all) done(null, [...usable])
    else done(usable.length ? null : new Error('no address of this family'), usable[0]?.address ?? '', usable[0]?.family)
  }

/** RFC 6761 §6.3: these names are loopback, whatever a resolver says. */
const isLocalhost = (host: string): boolean => /^(?:.*\.)?localhost$/.test(normalHost(host))

/** Both loopback addresses, or the one that is open. */
function loopback(host: string, allow: readonly Allowed[]): Address[] {
  const both = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]
  const open = both.filter(({ address }) => refusal(address, host, allow) === undefined)
  return open.length ? open : both
}
