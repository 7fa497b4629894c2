/** An address: 4 bytes or 16, in network order. IPv4 written as IPv6 (`::ffff:192.0.2.1`) is IPv4. */
export type Ip = { readonly version: 4 | 6; readonly bytes: Uint8Array }

/** A block of addresses; bits of `ip` behind `prefix` are zero. */
export type Cidr = { readonly ip: Ip; readonly prefix: number }

const [DOT, ZERO, NINE] = [0x2e, 0x30, 0x39]
const GROUP = /^[0-9a-f]{1,4}$/i
const ZONE = /^[\w.~-]{1,32}$/

/**
 * Reads an IPv4 address (dotted decimal, no leading zeros) or IPv6 address (RFC 4291 §2.2).
 * A zone (`fe80::1%eth0`, RFC 4007 §11) is accepted on link-local addresses alone and dropped.
 * Anything else, ports, brackets and white space included, is undefined.
 */
export function parseIp(text: string): Ip | undefined {
  if (text.length > 80) return undefined
  if (!text.includes(':')) return parseIpv4(text)
  const percent = text.indexOf('%')
  const ip = parseIpv6(percent < 0 ? text : text.slice(0, percent))
  if (!ip) return undefined
  if (percent >= 0 && !(ZONE.test(text.slice(percent + 1)) && isLinkLocal(ip))) return undefined
  return isMapped(ip.bytes) ? { version: 4, bytes: ip.bytes.slice(12) } : ip
}

// Character by character: this runs several times for every request.
function parseIpv4(text: string): Ip | undefined {
  if (text.length > 15) return undefined
  const bytes = new Uint8Array(4)
  let part = 0
  let digits = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === DOT) {
      if (digits === 0 || part === 3) return undefined
      part++
      digits = 0
      continue
    }
    const byte = (bytes[part] ?? 0) * 10 + code - ZERO
    // A second digit behind a zero would be read as octal elsewhere.
    if (code < ZERO || code > NINE || byte > 255 || (digits > 0 && bytes[part] === 0)) return undefined
    bytes[part] = byte
    digits++
  }
  return part === 3 && digits > 0 ? { version: 4, bytes } : undefined
}

function parseIpv6(text: string): Ip | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head = '', tail] = halves
  const left = head === '' && tail !== undefined ? [] : groups(head, tail === undefined)
  const right = tail === undefined || tail === '' ? [] : groups(tail, true)
  if (!left || !right) return undefined
  const given = left.length + right.length
  // "::" stands for at least one group of zeros (RFC 5952 §4.2.2 allows reading one).
  if (tail === undefined ? given !== 8 : given > 7) return undefined
  const all = [...left, ...Array<number>(8 - given).fill(0), ...right]
  const bytes = new Uint8Array(16)
  for (const [i, group] of all.entries()) {
    bytes[2 * i] = group >> 8
    bytes[2 * i + 1] = group & 0xff
  }
  return { version: 6, bytes }
}

function groups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  const parts = text.split(':')
  const result: number[] = []
  for (const [i, part] of parts.entries()) {
    if (GROUP.test(part)) {
      result.push(Number.parseInt(part, 16))
      continue
    }
    const v4 = mayEndInIpv4 && i === parts.length - 1 ? parseIpv4(part)?.bytes : undefined
    if (!v4) return undefined
    const [a = 0, b = 0, c = 0, d = 0] = v4
    result.push((a << 8) | b, (c << 8) | d)
  }
  return result
}

const isMapped = (bytes: Uint8Array) => bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every(b => b === 0)
const isLinkLocal = ({ bytes }: Ip) => bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80

/** The canonical text (RFC 5952): lower case, longest run of zeros as `::`. */
export function formatIp({ version, bytes }: Ip): string {
  if (version === 4) return bytes.join('.')
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0))
  let best = { start: 0, length: 1 } // a single zero is not shortened, RFC 5952 §4.2.2
  for (let start = 0; start < 8; start++) {
    let end = start
    while (end < 8 && words[end] === 0) end++
    if (end - start > best.length) best = { start, length: end - start }
  }
  const hex = words.map(word => word.toString(16))
  if (best.length === 1) return hex.join(':')
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`
}

/** Reads `10.0.0.0/8`; an address alone is a block of one. Bits behind the prefix are cleared. Undefined when it is no block. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length, ...rest] = text.split('/')
  if (rest.length > 0 || address.includes('%')) return undefined
  const ip = parseIp(address)
  if (!ip) return undefined
  const size = ip.bytes.length * 8
  if (length === undefined) return { ip, prefix: size }
  if (!/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined
  // A block of IPv4 written as IPv6 counts its bits from the front of the longer form.
  const prefix = ip.version === 4 && address.includes(':') ? Number(length) - 96 : Number(length)
  if (prefix < 0 || prefix > size) return undefined
  const bytes = ip.bytes.map((byte, i) => byte & mask(prefix, i))
  return { ip: { version: ip.version, bytes }, prefix }
}

const mask = (prefix: number, byteIndex: number) => (0xff00 >> Math.min(8, Math.max(0, prefix - 8 * byteIndex))) & 0xff

/** The canonical text of a block, always with its prefix length. */
export const formatCidr = ({ ip, prefix }: Cidr): string => `${formatIp(ip)}/${prefix}`

/** An address as it is counted, as a block: whoever has one of IPv6 has 2^64 of them (RFC 6177). What is no address stays as it is. */
export function networkOf(address: string): string {
  const cidr = parseCidr(address.includes(':') ? `${address}/64` : address)
  return cidr ? formatCidr(cidr) : address
}

/** Whether the address lies in the block. IPv4 and IPv6 never contain each other: `::/0` holds no IPv4 address. */
export function cidrContains({ ip: block, prefix }: Cidr, ip: Ip): boolean {
  if (block.version !== ip.version) return false
  for (let i = 0; i < block.bytes.length && 8 * i < prefix; i++) {
    if (((ip.bytes[i] ?? 0) & mask(prefix, i)) !== block.bytes[i]) return false
  }
  return true
}

/** Whether the address lies in one of the blocks. */
export const inCidrs = (cidrs: readonly Cidr[], ip: Ip): boolean => cidrs.some(cidr => cidrContains(cidr, ip))
