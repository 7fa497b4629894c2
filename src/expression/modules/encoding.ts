/** base64, hashlib, hmac, secrets, uuid: bytes in and out. */
import { createHash, createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import { unwrap } from '../compare.ts'
import { exceptionClass, raise } from '../errors.ts'
import { defineModule, native, nativeClass } from '../module.ts'
import type { Runtime } from '../module.ts'
import { PyBytes, PyInstance, isInt, normalizeInt, typeOf, type PyModule, type PyClass, type Value } from '../values.ts'

/** The bytes in an argument, paid for. */
export function bytesOf(value: Value, rt: Runtime, textAllowed = false): Buffer {
  const inner = unwrap(value)
  const data =
    inner instanceof PyBytes
      ? Buffer.from(inner.data)
      : textAllowed && typeof inner === 'string'
        ? Buffer.from(inner, 'utf8')
        : raise('TypeError', `a bytes-like object is required, not '${typeOf(value).name}'`)
  rt.charge(1 + (data.length >> 6))
  rt.alloc(data.length)
  return data
}

const binasciiError = exceptionClass('Error', 'ValueError', 'binascii')

/** As encoders write it: nothing to be left out or put right. */
const PLAIN64 = /^[A-Za-z0-9+/]*={0,2}$/

function decode64(source: Value, urlSafe: boolean, rt: Runtime): PyBytes {
  const text = bytesOf(source, rt, true).toString('latin1')
  rt.charge(text.length >> 5)
  rt.alloc(text.length)
  if (text.length % 4 === 0 && !urlSafe && PLAIN64.test(text)) return new PyBytes(Buffer.from(text, 'base64'))
  rt.charge(text.length >> 3)
  const standard = (urlSafe ? text.replaceAll('-', '+').replaceAll('_', '/') : text).replace(/[^A-Za-z0-9+/=]+/g, '')
  let end = standard.length
  while (end > 0 && standard[end - 1] === '=') end--
  const body = standard.slice(0, end)
  if (body.length % 4 === 1)
    raise(binasciiError, `Invalid base64-encoded string: number of data characters (${body.length}) cannot be 1 more than a multiple of 4`)
  if (body.length % 4 && standard.length - body.length < 4 - (body.length % 4)) raise(binasciiError, 'Incorrect padding')
  return new PyBytes(Buffer.from(body, 'base64'))
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

function encode32(data: Uint8Array): string {
  let text = ''
  let held = 0
  let bits = 0
  for (const byte of data) {
    held = ((held << 8) | byte) & 0xfff
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(held >> (bits - 5)) & 31]
  }
  if (bits) text += BASE32[(held << (5 - bits)) & 31]
  return text.padEnd(Math.ceil(text.length / 8) * 8, '=')
}

function decode32(text: string): Uint8Array {
  let end = text.length
  while (end > 0 && text[end - 1] === '=') end--
  if (text.length % 8 || /[^A-Z2-7]/.test(text.slice(0, end))) raise(binasciiError, 'Incorrect padding')
  const out = Buffer.alloc(Math.floor((end * 5) / 8))
  let held = 0
  let bits = 0
  let at = 0
  for (let i = 0; i < end; i++) {
    const unit = text.charCodeAt(i)
    held = ((held << 5) | (unit < 65 ? unit - 24 : unit - 65)) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    out[at++] = held >> bits
  }
  return out
}

const ascii = (text: string) => new PyBytes(Buffer.from(text, 'latin1'))

function encoded64(source: Value, rt: Runtime, finish: (text: string) => string = text => text): PyBytes {
  const data = bytesOf(source, rt)
  rt.charge(data.length >> 5)
  rt.alloc(2 * data.length)
  return ascii(finish(data.toString('base64')))
}

export const base64: PyModule = defineModule('base64', {
  b64encode: native('b64encode', 's, altchars=None', ([s], rt) => encoded64(s, rt)),
  standard_b64encode: native('standard_b64encode', 's', ([s], rt) => encoded64(s, rt)),
  urlsafe_b64encode: native('urlsafe_b64encode', 's', ([s], rt) =>
    encoded64(s, rt, text => text.replaceAll('+', '-').replaceAll('/', '_')),
  ),
  encodebytes: native('encodebytes', 's', ([s], rt) => encoded64(s, rt, text => text.replace(/.{1,76}/g, '$&\n'))),
  b64decode: native('b64decode', 's, altchars=None, validate=False', ([s], rt) => decode64(s, false, rt)),
  standard_b64decode: native('standard_b64decode', 's', ([s], rt) => decode64(s, false, rt)),
  urlsafe_b64decode: native('urlsafe_b64decode', 's', ([s], rt) => decode64(s, true, rt)),
  b32encode: native('b32encode', 's', ([s], rt) => {
    const data = bytesOf(s, rt)
    rt.charge(data.length)
    rt.alloc(2 * data.length)
    return ascii(encode32(data))
  }),
  b32decode: native('b32decode', 's, casefold=False', ([s, fold], rt) => {
    const text = bytesOf(s, rt, true).toString('latin1')
    rt.charge(text.length)
    return new PyBytes(decode32(fold ? text.toUpperCase() : text))
  }),
  b16encode: native('b16encode', 's', ([s], rt) => {
    const data = bytesOf(s, rt)
    rt.charge(data.length >> 4)
    rt.alloc(2 * data.length)
    return ascii(data.toString('hex').toUpperCase())
  }),
  b16decode: native('b16decode', 's, casefold=False', ([s], rt) => {
    const text = bytesOf(s, rt, true).toString('latin1')
    rt.charge(text.length >> 3)
    if (text.length % 2 || /[^0-9a-fA-F]/.test(text)) raise(binasciiError, 'Non-base16 digit found')
    return new PyBytes(Buffer.from(text, 'hex'))
  }),
})

const algorithms: Record<string, { name: string; block: number }> = {
  md5: { name: 'md5', block: 64 },
  sha1: { name: 'sha1', block: 64 },
  sha224: { name: 'sha224', block: 64 },
  sha256: { name: 'sha256', block: 64 },
  sha384: { name: 'sha384', block: 128 },
  sha512: { name: 'sha512', block: 128 },
  sha3_256: { name: 'sha3-256', block: 136 },
  sha3_512: { name: 'sha3-512', block: 72 },
  blake2b: { name: 'blake2b512', block: 128 },
  blake2s: { name: 'blake2s256', block: 64 },
}

/** A hash or HMAC object: the parts so far, hashed when asked. */
class Digest extends PyInstance {
  readonly algorithm: string
  readonly key: Buffer | null
  parts: Buffer
  constructor(cls: PyClass, algorithm: string, key: Buffer | null, parts: Buffer) {
    super(cls, null)
    this.algorithm = algorithm
    this.key = key
    this.parts = parts
  }
  digest(rt: Runtime): Buffer {
    rt.charge(10 + ((this.parts.length + (this.key?.length ?? 0)) >> 3))
    const { name } = algorithms[this.algorithm]!
    return (this.key ? createHmac(name, this.key) : createHash(name)).update(this.parts).digest()
  }
}

const digestClass = (name: string, module: string): PyClass =>
  nativeClass({
    name,
    module,
    methods: {
      update: native('update', 'self, data', ([self, data], rt) => {
        const more = bytesOf(data, rt)
        rt.charge((self.parts.length + more.length) >> 6)
        rt.alloc(self.parts.length + more.length)
        self.parts = Buffer.concat([self.parts, more])
        return null
      }),
      digest: native('digest', 'self', ([self], rt) => new PyBytes(self.digest(rt))),
      hexdigest: native('hexdigest', 'self', ([self], rt) => self.digest(rt).toString('hex')),
      copy: native('copy', 'self', ([self]) => new Digest(self.cls, self.algorithm, self.key, self.parts)),
    },
    getters: {
      name: (self: Digest) => (self.key ? `hmac-${self.algorithm}` : self.algorithm),
      digest_size: (self: Digest, rt) => self.digest(rt).length,
      block_size: (self: Digest) => algorithms[self.algorithm]!.block,
    },
  })
const hashClass = digestClass('HASH', '_hashlib')
const hmacClass = digestClass('HMAC', 'hmac')

const hasher = (algorithm: string) =>
  native(
    algorithm,
    'data?, *, usedforsecurity=True',
    ([data], rt) => new Digest(hashClass, algorithm, null, data === undefined ? Buffer.alloc(0) : bytesOf(data, rt)),
  )

const algorithmNamed = (value: Value): string => {
  const name = typeof value === 'string' ? value : value !== null && typeof value === 'object' && 'name' in value ? String(value.name) : ''
  const plain = name.toLowerCase().replace('-', name.startsWith('sha3') ? '_' : '')
  if (!Object.hasOwn(algorithms, plain)) raise('ValueError', `unsupported hash type ${name}`)
  return plain
}

export const hashlib: PyModule = defineModule('hashlib', {
  ...Object.fromEntries(Object.keys(algorithms).map(name => [name, hasher(name)])),
  new: native(
    'new',
    'name, data?, *, usedforsecurity=True',
    ([name, data], rt) => new Digest(hashClass, algorithmNamed(name), null, data === undefined ? Buffer.alloc(0) : bytesOf(data, rt)),
  ),
})

const compare = native('compare_digest', 'a, b', ([a, b], rt) => {
  const [x, y] = [bytesOf(a, rt, true), bytesOf(b, rt, true)]
  return x.length === y.length && timingSafeEqual(x, y)
})

export const hmac: PyModule = defineModule('hmac', {
  new: native('new', "key, msg=None, digestmod=''", ([key, message, algorithm], rt) => {
    if (algorithm === '') raise('TypeError', "Missing required argument 'digestmod'.")
    return new Digest(hmacClass, algorithmNamed(algorithm), bytesOf(key, rt), message === null ? Buffer.alloc(0) : bytesOf(message, rt))
  }),
  digest: native(
    'digest',
    'key, msg, digest',
    ([key, message, algorithm], rt) =>
      new PyBytes(new Digest(hmacClass, algorithmNamed(algorithm), bytesOf(key, rt), bytesOf(message, rt)).digest(rt)),
  ),
  compare_digest: compare,
})

/** Random bytes, at most a megabyte. */
function random(size: Value, fallback: number, rt: Runtime): Buffer {
  const n = size === null ? fallback : Number(size)
  if (!(n >= 0)) raise('ValueError', 'negative argument not allowed')
  rt.alloc(2 * n)
  rt.charge(5 + (n >> 3))
  return randomBytes(n)
}

export const secrets: PyModule = defineModule('secrets', {
  token_hex: native('token_hex', 'nbytes=None', ([n], rt) => random(n, 32, rt).toString('hex')),
  token_urlsafe: native('token_urlsafe', 'nbytes=None', ([n], rt) => random(n, 32, rt).toString('base64url')),
  token_bytes: native('token_bytes', 'nbytes=None', ([n], rt) => new PyBytes(random(n, 32, rt))),
  randbelow: native('randbelow', 'exclusive_upper_bound', ([n]) => {
    if (!(Number(n) > 0)) raise('ValueError', 'Upper bound must be positive.')
    return randomInt(Math.min(Number(n), 2 ** 48 - 1))
  }),
  randbits: native('randbits', 'k', ([k], rt) => {
    if (Number(k) > 65_536) raise('OverflowError', 'k is too large')
    return normalizeInt(BigInt(`0x${random(Math.ceil(Number(k) / 8), 0, rt).toString('hex') || '0'}`) >> BigInt((8 - (Number(k) % 8)) % 8))
  }),
  choice: native('choice', 'seq', function* ([seq], rt) {
    const items = yield rt.collect(seq)
    if (!items.length) raise('IndexError', 'Cannot choose from an empty sequence')
    return items[randomInt(items.length)]
  }),
  compare_digest: compare,
})

class Uuid extends PyInstance {
  readonly text: string
  constructor(cls: PyClass, text: string) {
    super(cls, null)
    this.text = text
  }
  override hashKey(): string {
    return `uuid:${this.text}`
  }
  override toJson(): string {
    return this.text
  }
}
const dashed = (hex: string) => `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`

/** The UUID written as `text`, in the usual form with dashes. */
export const uuidOf = (text: string): Value => new Uuid(uuidClass, text)

const uuidClass: PyClass = nativeClass({
  name: 'UUID',
  module: 'uuid',
  construct: (cls, args, kwargs) => {
    const hex = args[0] ?? kwargs?.get('hex')
    const bytes = kwargs?.get('bytes')
    const int = kwargs?.get('int')
    if (bytes instanceof PyBytes && bytes.data.length !== 16) raise('ValueError', 'bytes is not a 16-char string')
    if (bytes instanceof PyBytes) return new Uuid(cls, dashed(Buffer.from(bytes.data).toString('hex')))
    if (int !== undefined && !(isInt(int) && int >= 0 && int < 1n << 128n))
      raise('ValueError', 'int is out of range (need a 128-bit value)')
    if (int !== undefined) return new Uuid(cls, dashed(BigInt(int).toString(16).padStart(32, '0')))
    if (typeof hex === 'string' && hex.length > 100) raise('ValueError', 'badly formed hexadecimal UUID string')
    if (typeof hex !== 'string' && !(hex instanceof Uuid)) raise('TypeError', 'one of the hex, bytes or int arguments must be given')
    const digits = (typeof hex === 'string' ? hex : hex.text).replace(/^urn:uuid:|[{}-]/g, '').toLowerCase()
    if (!/^[0-9a-f]{32}$/.test(digits)) raise('ValueError', 'badly formed hexadecimal UUID string')
    return new Uuid(cls, dashed(digits))
  },
  methods: {
    __str__: native('__str__', 'self', ([self]) => self.text),
    __repr__: native('__repr__', 'self', ([self]) => `UUID('${self.text}')`),
    __lt__: native('__lt__', 'self, other', ([self, other]) => self.text < other.text),
  },
  getters: {
    hex: (self: Uuid) => self.text.replaceAll('-', ''),
    int: (self: Uuid) => normalizeInt(BigInt(`0x${self.text.replaceAll('-', '')}`)),
    bytes: (self: Uuid) => new PyBytes(Buffer.from(self.text.replaceAll('-', ''), 'hex')),
    urn: (self: Uuid) => `urn:uuid:${self.text}`,
    version: (self: Uuid) => ('89ab'.includes(self.text[19]!) ? parseInt(self.text[14]!, 16) : null),
  },
})

function named(algorithm: 'md5' | 'sha1', version: string, namespace: Value, name: Buffer): Uuid {
  if (!(namespace instanceof Uuid)) return raise('AttributeError', `'${typeOf(namespace).name}' object has no attribute 'bytes'`)
  const hash = createHash(algorithm)
    .update(Buffer.from(namespace.text.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest()
    .subarray(0, 16)
  hash[8] = (hash[8]! & 0x3f) | 0x80
  const hex = hash.toString('hex')
  return new Uuid(uuidClass, dashed(hex.slice(0, 12) + version + hex.slice(13)))
}
const namespace = (text: string) => new Uuid(uuidClass, text)

export const uuid: PyModule = defineModule('uuid', {
  UUID: uuidClass,
  uuid4: native('uuid4', '', (_, rt) => {
    rt.charge(5)
    const data = randomBytes(16)
    data[6] = (data[6]! & 0x0f) | 0x40
    data[8] = (data[8]! & 0x3f) | 0x80
    return new Uuid(uuidClass, dashed(data.toString('hex')))
  }),
  uuid5: native('uuid5', 'namespace, name', ([space, name], rt) => named('sha1', '5', space, bytesOf(name, rt, true))),
  uuid3: native('uuid3', 'namespace, name', ([space, name], rt) => named('md5', '3', space, bytesOf(name, rt, true))),
  NAMESPACE_DNS: namespace('6ba7b810-9dad-11d1-80b4-00c04fd430c8'),
  NAMESPACE_URL: namespace('6ba7b811-9dad-11d1-80b4-00c04fd430c8'),
  NAMESPACE_OID: namespace('6ba7b812-9dad-11d1-80b4-00c04fd430c8'),
})
