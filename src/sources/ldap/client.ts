/**
 * Conversations with directories. One connection serves one conversation: it is never opened again behind the caller's back, which
 * would send the next request without TLS and without a name. Answers are read page by page.
 */
import { isIP, connect as connectPlain, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls, type ConnectionOptions } from 'node:tls'
import {
  Attribute,
  BerWriter,
  Change,
  Client,
  FilterParser,
  PagedResultsControl,
  ResultCodeError,
  SearchRequest,
  type Filter,
  type SearchEntry,
  type SearchResponse,
} from 'ldapts'
import { OutgoingError } from '../../http/outgoing/error.ts'
import { checkedAddresses, pinnedLookup, type Resolve } from '../../http/outgoing/resolve.ts'
import type { Allowed } from '../../http/outgoing/addresses.ts'

export type DirectoryServer = {
  /** `ldap://host:port` or `ldaps://…`; several stand with commas between them and are tried in their order. */
  uri: string
  /** Turns `ldap://` to TLS before anything is said. */
  startTls: boolean
  /** PEM of the certificates that the server's must lead to; undefined: those that the system trusts. */
  ca?: string
  /** PEM of what we show the server. */
  cert?: string
  key?: string
  /** Whether the server's name is told before its certificate comes. The certificate must be for that name in any case. */
  sni: boolean
  ciphers?: string
  /** Addresses that may be reached although they are our own. */
  allow: readonly Allowed[]
  resolve?: Resolve
  /** ms until the server can be talked to, TLS included; default 10 s. */
  connectTimeout?: number
  /** ms for each question; default 60 s. */
  timeout?: number
}

/** An entry as it came: names of attributes in the server's spelling, values as bytes. */
export type RawEntry = { dn: string; attributes: Map<string, readonly Buffer[]> }

export type DirectoryErrorCode = 'uri' | 'refused' | 'connect' | 'tls' | 'timeout' | 'credentials' | 'filter' | 'too_large' | 'server'

/** What a directory would not do, or why it cannot be talked to. The message names no secret. */
export class DirectoryError extends Error {
  readonly code: DirectoryErrorCode
  /** Result code of RFC 4511 §4.1.9, where the server gave one. */
  readonly result: number | undefined
  constructor(code: DirectoryErrorCode, message: string, { cause, result }: { cause?: unknown; result?: number } = {}) {
    super(message, { cause })
    this.name = 'DirectoryError'
    this.code = code
    this.result = result
  }
}

export type Scope = 'base' | 'one' | 'sub'

export type Directory = {
  /** The address that answered. */
  uri: string
  /** Proves who is asking. @throws DirectoryError `credentials` when name or password are wrong */
  bind: (dn: string, password: string) => Promise<void>
  /** Entries page by page, so that memory does not grow with the directory. */
  pages: (
    base: string,
    filter: Filter,
    options?: { scope?: Scope; attributes?: readonly string[]; size?: number },
  ) => AsyncGenerator<RawEntry[]>
  /** One entry by its name; undefined when there is none. */
  entry: (dn: string, attributes?: readonly string[]) => Promise<RawEntry | undefined>
  /** Gives an entry another password, as its server wants to be asked. */
  setPassword: (dn: string, password: string) => Promise<void>
  close: () => Promise<void>
}

const CONNECT = 10_000 // ms
const TIMEOUT = 60_000 // ms
/** Bytes that one question may be answered with: no page of real entries comes near. */
const MOST_BYTES = 256 * 1024 * 1024
const NO_SUCH_OBJECT = 32
const INVALID_CREDENTIALS = 49

/** The addresses of a setting. */
export const serverUris = (uri: string): string[] =>
  uri
    .split(',')
    .map(one => one.trim())
    .filter(Boolean)

/** What an administrator wrote as a filter. @throws DirectoryError */
export function parseFilter(text: string): Filter {
  try {
    return FilterParser.parseString(text.trim())
  } catch (error) {
    throw new DirectoryError('filter', `${JSON.stringify(text)} is not a filter`, { cause: error })
  }
}

/** Opens a conversation with the first server that answers. @throws DirectoryError of the last one */
export async function openDirectory(server: DirectoryServer): Promise<Directory> {
  let last: DirectoryError = new DirectoryError('uri', 'no server is named')
  for (const uri of serverUris(server.uri)) {
    try {
      return await open(server, uri)
    } catch (error) {
      last = asDirectoryError(error, uri)
      // A server that answers as somebody else is no server that is down.
      if (last.code === 'tls') throw last
    }
  }
  throw last
}

type Address = { host: string; port: number; secure: boolean }

function readUri(uri: string): Address {
  const url = URL.parse(uri)
  if (!url || (url.protocol !== 'ldap:' && url.protocol !== 'ldaps:') || url.hostname === '')
    throw new DirectoryError('uri', `${uri} is not an address of a directory`)
  const secure = url.protocol === 'ldaps:'
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || (secure ? 636 : 389), secure }
}

async function open(server: DirectoryServer, uri: string): Promise<Directory> {
  const { host, port, secure } = readUri(uri)
  const limit = server.connectTimeout ?? CONNECT
  const sockets: Socket[] = []
  const end = () => sockets.forEach(socket => void socket.destroy())
  const tls: ConnectionOptions = {
    ...(server.ca !== undefined && { ca: server.ca }),
    ...(server.cert !== undefined && server.key !== undefined && { cert: server.cert, key: server.key }),
    ...(server.ciphers !== undefined && server.ciphers !== '' && { ciphers: server.ciphers }),
    ...(server.sni && isIP(host) === 0 && { servername: host }),
    rejectUnauthorized: true,
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
  }
  let received = 0
  const watched = <T extends Socket>(socket: T): T => {
    sockets.push(socket)
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
      if (received > MOST_BYTES) end()
    })
    return socket
  }
  let opened = false
  const once = () => {
    if (opened) throw new DirectoryError('connect', `${uri} ended the conversation`)
    opened = true
  }
  return within(limit, end, `no connection to ${uri} within ${limit} ms`, async () => {
    const lookup = pinnedLookup(await checkedAddresses(host, server.allow, server.resolve))
    const client = new Client({
      url: `${secure ? 'ldaps' : 'ldap'}://directory`,
      timeout: server.timeout ?? TIMEOUT,
      createConnection: () => (once(), watched(connectPlain({ host, port, lookup }))),
      createSecureConnection: (...given: unknown[]) => {
        const over = (given[0] as { socket?: Socket } | undefined)?.socket
        if (over) return watched(connectTls({ ...tls, host, socket: over }))
        once()
        return watched(connectTls({ ...tls, host, port, lookup }))
      },
    })
    if (server.startTls && !secure) await client.startTLS()
    else await client['_connect']()
    return directory(client, uri, () => void (received = 0))
  })
}

/** `work`, or an error when it takes longer than `ms`. */
async function within<T>(ms: number, end: () => void, message: string, work: () => Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(new DirectoryError('timeout', message))
    end()
  }, ms)
  try {
    return await Promise.race([work(), late.promise])
  } catch (error) {
    end()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function directory(client: Client, uri: string, begin: () => void): Directory {
  const asking = async <T>(work: () => Promise<T>): Promise<T> => {
    begin()
    try {
      return await work()
    } catch (error) {
      throw asDirectoryError(error, uri)
    }
  }

  async function* pages(
    base: string,
    filter: Filter,
    { scope = 'sub', attributes = ['*', '+'], size = 200 }: { scope?: Scope; attributes?: readonly string[]; size?: number } = {},
  ): AsyncGenerator<RawEntry[]> {
    const control = new PagedResultsControl({ value: { size } })
    for (;;) {
      const answer = await asking(() => search(client, { base, scope, filter, attributes, control }))
      const entries: RawEntry[] = []
      for (const entry of answer.searchEntries) entries.push(await whole(rawEntry(entry)))
      if (entries.length > 0) yield entries
      // RFC 2696 §3: a page may be empty although others follow; the cookie alone tells.
      const cookie = answer.controls?.find(one => one instanceof PagedResultsControl)?.value?.cookie
      if (!cookie?.length) return
      control.value = { size, cookie }
    }
  }

  async function entry(dn: string, attributes: readonly string[] = ['*', '+']): Promise<RawEntry | undefined> {
    try {
      const answer = await asking(() => search(client, { base: dn, scope: 'base', filter: parseFilter('(objectClass=*)'), attributes }))
      return answer.searchEntries[0] && rawEntry(answer.searchEntries[0])
    } catch (error) {
      if (error instanceof DirectoryError && error.result === NO_SUCH_OBJECT) return undefined
      throw error
    }
  }

  /** The entry with the rest of the attributes that came in part: Active Directory gives 1,500 members at a time, as `member;range=0-1499`. */
  const whole = (found: RawEntry): Promise<RawEntry> => withRanges(found, async name => (await entry(found.dn, [name]))?.attributes)

  return {
    uri,
    pages,
    entry,
    bind: (dn, password) =>
      asking(async () => {
        // RFC 4513 §5.1.2: a name without a password is nobody, and some servers say yes to nobody.
        if (password === '') throw new DirectoryError('credentials', 'an empty password proves nothing')
        await client.bind(dn, password)
      }),
    async setPassword(dn, password) {
      const root = await entry('', ['supportedCapabilities', 'supportedExtension'])
      const said = [...(root?.attributes.values() ?? [])].flat().map(String)
      await asking(() => changePassword(client, said, dn, password))
    },
    close: () => client.unbind(),
  }
}

/** Values that came in ranges, put together under the attribute's own name. `fetch` asks for one range. */
export async function withRanges(
  entry: RawEntry,
  fetch: (name: string) => Promise<ReadonlyMap<string, readonly Buffer[]> | undefined>,
): Promise<RawEntry> {
  for (const [spelled, first] of entry.attributes) {
    const range = RANGE.exec(spelled)
    if (!range) continue
    const [, name = ''] = range
    const values = [...first]
    let end = range[2]
    while (end !== '*') {
      const next = await fetch(`${name};range=${Number(end) + 1}-*`)
      const part = [...(next ?? [])].map(([key, more]) => ({ range: RANGE.exec(key), more })).find(one => one.range?.[1] === name)
      // What is missing would look like members who left.
      if (!part) throw new DirectoryError('server', `the values of ${name} beyond ${end} cannot be read`)
      values.push(...part.more)
      end = part.range![2]
    }
    entry.attributes.delete(spelled)
    entry.attributes.set(name, values)
  }
  return entry
}

const RANGE = /^([^;]+);range=\d+-(\d+|\*)$/i

/** Active Directory, MS-ADTS §3.1.1.3.4.1.1. */
const ACTIVE_DIRECTORY = '1.2.840.113556.1.4.800'
/** RFC 3062 §2: the server hashes the password by its own rules. */
const PASSWORD_MODIFY = '1.3.6.1.4.1.4203.1.11.1'

async function changePassword(client: Client, said: readonly string[], dn: string, password: string): Promise<void> {
  const replace = (type: string, values: Buffer[]) =>
    client.modify(dn, new Change({ operation: 'replace', modification: new Attribute({ type, values }) }))
  if (said.includes(ACTIVE_DIRECTORY)) return replace('unicodePwd', [Buffer.from(`"${password}"`, 'utf16le')])
  if (!said.includes(PASSWORD_MODIFY)) return replace('userPassword', [Buffer.from(password)])
  const writer = new BerWriter()
  writer.startSequence()
  writer.writeString(dn, 0x80)
  writer.writeString(password, 0x82)
  writer.endSequence()
  await client.exop(PASSWORD_MODIFY, writer.buffer)
}

type Question = { base: string; scope: Scope; filter: Filter; attributes: readonly string[]; control?: PagedResultsControl }

/** The library's own search drops the control of an empty page. */
async function search(client: Client, { base, scope, filter, attributes, control }: Question): Promise<SearchResponse> {
  const request = new SearchRequest({
    messageId: client['_nextMessageId']() as number,
    baseDN: base,
    scope,
    filter,
    attributes: [...attributes],
    timeLimit: 0,
    ...(control && { controls: [control] }),
  })
  const answer = (await client['_send'](request)) as SearchResponse
  if (answer.status !== 0) throw new DirectoryError('server', `search failed with result ${answer.status}`, { result: answer.status })
  return answer
}

const rawEntry = (entry: SearchEntry): RawEntry => ({
  dn: entry.name,
  attributes: new Map(entry.attributes.map(attribute => [attribute.type, attribute.parsedBuffers])),
})

const codeOf = (error: unknown): string => (error as { code?: unknown }).code as string

function asDirectoryError(error: unknown, uri: string): DirectoryError {
  if (error instanceof DirectoryError) return error
  if (error instanceof OutgoingError)
    return new DirectoryError(error.code === 'refused' ? 'refused' : 'connect', error.message, { cause: error })
  if (error instanceof ResultCodeError) {
    const result = error.code
    if (result === INVALID_CREDENTIALS) return new DirectoryError('credentials', 'name or password are wrong', { result })
    return new DirectoryError('server', `${uri} answered: ${error.name}`, { cause: error, result })
  }
  const code = codeOf(error)
  if (typeof code === 'string' && /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code))
    return new DirectoryError('tls', `the certificate of ${uri} is not trusted: ${code}`, { cause: error })
  const message = error instanceof Error ? error.message : String(error)
  if (/timed out/.test(message)) return new DirectoryError('timeout', `${uri} did not answer in time`, { cause: error })
  return new DirectoryError('connect', `no connection to ${uri}${typeof code === 'string' ? `: ${code}` : ''}`, { cause: error })
}
