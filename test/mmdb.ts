import { parseCidr, type Cidr } from '../src/lib/ip.ts'

/** Writes tiny databases of addresses in MaxMind's format (MaxMind DB File Format Specification 2.0). */

type Data = string | number | boolean | Data[] | { [key: string]: Data }

const TYPE = { text: 2, double: 3, uint16: 5, uint32: 6, map: 7, uint64: 9, array: 11, boolean: 14 }

/** The first byte or bytes of a value: its type, and how long it is. Types above 7 stand in a byte of their own. */
function control(type: number, size: number): Buffer {
  const extended = type > 7
  const [short, more] = size < 29 ? [size, []] : [29, [size - 29]]
  if (size >= 29 + 256) throw new RangeError('a test value is short')
  return Buffer.from([(extended ? 0 : type << 5) | short, ...(extended ? [type - 7] : []), ...more])
}

function unsigned(type: number, value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return Buffer.concat([control(type, bytes.length), Buffer.from(bytes)])
}

function encode(value: Data, number: 'uint32' | 'double' = 'uint32'): Buffer {
  if (typeof value === 'string') return Buffer.concat([control(TYPE.text, Buffer.byteLength(value)), Buffer.from(value)])
  if (typeof value === 'boolean') return control(TYPE.boolean, Number(value))
  if (typeof value === 'number') {
    if (number === 'uint32') return unsigned(TYPE.uint32, value)
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleBE(value)
    return Buffer.concat([control(TYPE.double, 8), bytes])
  }
  if (Array.isArray(value)) return Buffer.concat([control(TYPE.array, value.length), ...value.map(item => encode(item))])
  const entries = Object.entries(value)
  const pairs = entries.map(([key, inner]) =>
    Buffer.concat([encode(key), encode(inner, key === 'latitude' || key === 'longitude' ? 'double' : 'uint32')]),
  )
  return Buffer.concat([control(TYPE.map, entries.length), ...pairs])
}

type Node = { children: (Node | { data: number } | undefined)[] }

/** The bits that lead to a block; IPv4 hangs below ::/96. */
function bitsOf({ ip, prefix }: Cidr): number[] {
  const bits = [...ip.bytes].flatMap(byte => Array.from({ length: 8 }, (_, index) => (byte >> (7 - index)) & 1)).slice(0, prefix)
  return ip.version === 4 ? [...Array<number>(96).fill(0), ...bits] : bits
}

/**
 * A database that knows these blocks.
 * @param blocks `192.0.2.0/24` → what is known of it
 */
export function addressDatabase(type: string, blocks: Record<string, Data>): Buffer {
  const root: Node = { children: [] }
  const data: Buffer[] = []
  let length = 0
  for (const [block, value] of Object.entries(blocks)) {
    const encoded = encode(value)
    const bits = bitsOf(parseCidr(block)!)
    let node = root
    for (const bit of bits.slice(0, -1)) node = (node.children[bit] ??= { children: [] }) as Node
    node.children[bits.at(-1)!] = { data: length }
    data.push(encoded)
    length += encoded.length
  }
  const nodes: Node[] = []
  const number = new Map<Node, number>()
  const visit = (node: Node): void => {
    number.set(node, nodes.length)
    nodes.push(node)
    for (const child of node.children) if (child && 'children' in child) visit(child)
  }
  visit(root)
  const tree = Buffer.alloc(nodes.length * 6)
  for (const [index, { children }] of nodes.entries()) {
    for (const side of [0, 1]) {
      const child = children[side]
      const record = !child ? nodes.length : 'children' in child ? number.get(child)! : nodes.length + 16 + child.data
      tree.writeUIntBE(record, index * 6 + side * 3, 3)
    }
  }
  const metadata = {
    binary_format_major_version: unsigned(TYPE.uint16, 2),
    binary_format_minor_version: unsigned(TYPE.uint16, 0),
    build_epoch: unsigned(TYPE.uint64, 1_900_000_000),
    database_type: encode(type),
    description: encode({ en: 'for tests' }),
    ip_version: unsigned(TYPE.uint16, 6),
    languages: encode(['en']),
    node_count: unsigned(TYPE.uint32, nodes.length),
    record_size: unsigned(TYPE.uint16, 24),
  }
  const map = Object.entries(metadata).flatMap(([key, value]) => [encode(key), value])
  return Buffer.concat([
    tree,
    Buffer.alloc(16),
    ...data,
    Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'),
    control(TYPE.map, Object.keys(metadata).length),
    ...map,
  ])
}

const place = (continent: string, country: string, city: string, latitude: number, longitude: number) => ({
  city: { names: { en: city } },
  continent: { code: continent },
  country: { iso_code: country },
  location: { latitude, longitude },
})

/** Where the addresses of tests are. */
export const CITIES = addressDatabase('GeoLite2-City', {
  '192.0.2.0/25': place('EU', 'DE', 'Berlin', 52.52, 13.405),
  '192.0.2.128/25': place('EU', 'DE', 'Munich', 48.137, 11.575),
  '198.51.100.0/24': place('EU', 'FR', 'Paris', 48.857, 2.352),
  '203.0.113.0/24': place('OC', 'AU', 'Sydney', -33.869, 151.209),
  '2001:db8:1::/48': place('NA', 'US', 'Boston', 42.36, -71.058),
})

/** Whose they are. */
export const NETWORKS = addressDatabase('GeoLite2-ASN', {
  '192.0.2.0/25': { autonomous_system_number: 64_496, autonomous_system_organization: 'Example One' },
  '192.0.2.128/25': { autonomous_system_number: 64_496, autonomous_system_organization: 'Example One' },
  '198.51.100.0/24': { autonomous_system_number: 64_497, autonomous_system_organization: 'Example Two' },
  '203.0.113.0/24': { autonomous_system_number: 64_498 },
})
