/**
 * A real directory on loopback: Debian's slapd with a database of its own in a temporary folder, for tests and benchmarks.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Attribute, Change, Client } from 'ldapts'
import { generateKeypair } from '../src/crypto/self-signed.ts'
import { freePort } from './ports.ts'

const SCHEMAS = ['core', 'cosine', 'inetorgperson', 'nis', 'dyngroup']

export const BASE = 'dc=example,dc=test'
export const ADMIN = `cn=admin,${BASE}`
export const ADMIN_PASSWORD = 'the directory’s own password'

/** Entries with their attributes; values are written as they are, Buffers in base64. */
export type LdifEntry = { dn: string; [attribute: string]: string | Buffer | readonly (string | Buffer)[] }

export type Slapd = {
  uri: string
  /** With TLS from the first byte; its certificate names `localhost` and 127.0.0.1. */
  tlsUri: string
  /** The certificate that TLS shows, PEM; signed by itself. */
  certificate: string
  /** Changes made over the wire, as the directory's administrator. */
  add: (...entries: LdifEntry[]) => Promise<void>
  set: (dn: string, attributes: Record<string, string | string[]>) => Promise<void>
  remove: (...dns: string[]) => Promise<void>
  rename: (dn: string, to: string) => Promise<void>
  /** What the directory keeps under a name. */
  read: (dn: string) => Promise<Record<string, unknown>>
  stop: () => Promise<void>
}

/** One line, in base64 where RFC 2849 asks for it. */
function line(name: string, value: string | Buffer): string {
  const plain = typeof value === 'string' && /^[\x21-\x39\x3b\x3d-\x7e][\x20-\x7e]*$/.test(value) && !value.endsWith(' ')
  return plain ? `${name}: ${value}` : `${name}:: ${Buffer.from(value as string).toString('base64')}`
}

const ldif = (entries: Iterable<LdifEntry>): string =>
  [...entries]
    .map(entry =>
      Object.entries(entry)
        .flatMap(([name, values]) => [values].flat().map(value => line(name, value)))
        .join('\n'),
    )
    .join('\n\n')

/** The roots of a directory: its domain, and a place each for people and groups. */
const ROOT: readonly LdifEntry[] = [
  { dn: BASE, objectClass: ['dcObject', 'organization'], dc: 'example', o: 'Example' },
  { dn: `ou=people,${BASE}`, objectClass: 'organizationalUnit', ou: 'people' },
  { dn: `ou=groups,${BASE}`, objectClass: 'organizationalUnit', ou: 'groups' },
]

async function run(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', chunk => void (said += String(chunk)))
  const [code] = (await once(child, 'exit')) as [number]
  if (code !== 0) throw new Error(`${program} failed: ${said}`)
}

async function answers(port: number): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/**
 * Starts a directory with `BASE` and, below it, `ou=people` and `ou=groups`.
 * @param options.entries loaded before the start: quick, however many there are
 * @param options.memberOf people have `memberOf`, through nested groups too; otherwise entries may have the attributes of Active Directory
 * @throws Error with what it said, when it does not start
 */
export async function startSlapd({
  entries = [],
  memberOf = false,
}: { entries?: Iterable<LdifEntry>; memberOf?: boolean } = {}): Promise<Slapd> {
  const folder = mkdtempSync(join(tmpdir(), 'signet-slapd-'))
  const [port, tlsPort] = [await freePort(), await freePort()]
  const { certificate, key } = await generateKeypair(
    { commonName: 'localhost', alternativeNames: ['localhost', '127.0.0.1'], validityDays: 30, algorithm: 'ecdsa' },
    { now: () => new Date() },
  )
  mkdirSync(join(folder, 'db'))
  writeFileSync(join(folder, 'cert.pem'), certificate)
  writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 })
  const config = join(folder, 'slapd.conf')
  writeFileSync(
    config,
    [
      // Active Directory's `memberOf` cannot be searched for; the overlay brings another one.
      ...[...SCHEMAS, ...(memberOf ? [] : ['msuser'])].map(name => `include /etc/ldap/schema/${name}.schema`),
      'modulepath /usr/lib/ldap',
      'moduleload back_mdb',
      'moduleload ppolicy',
      ...(memberOf ? ['moduleload dynlist'] : []),
      `pidfile ${join(folder, 'slapd.pid')}`,
      `TLSCertificateFile ${join(folder, 'cert.pem')}`,
      `TLSCertificateKeyFile ${join(folder, 'key.pem')}`,
      'TLSVerifyClient allow',
      'threads 2',
      'database mdb',
      'maxsize 1073741824',
      'dbnosync',
      `suffix "${BASE}"`,
      `rootdn "${ADMIN}"`,
      `rootpw "${ADMIN_PASSWORD}"`,
      `directory ${join(folder, 'db')}`,
      'index objectClass,member,uid,entryUUID eq',
      'overlay ppolicy',
      ...(memberOf ? ['overlay dynlist', 'dynlist-attrset groupOfURLs memberURL member+memberOf@groupOfNames*'] : []),
      '',
    ].join('\n'),
  )
  const data = join(folder, 'data.ldif')
  writeFileSync(data, `${ldif([...ROOT, ...entries])}\n`)
  await run('/usr/sbin/slapadd', ['-q', '-f', config, '-l', data])

  const uri = `ldap://127.0.0.1:${port}`
  const tlsUri = `ldaps://localhost:${tlsPort}`
  const child = spawn('/usr/sbin/slapd', ['-f', config, '-h', `${uri} ldaps://127.0.0.1:${tlsPort}`, '-d', 'none'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', chunk => void (said += String(chunk)))
  const ended = once(child, 'exit')
  while (!(await answers(port)) || !(await answers(tlsPort))) {
    if (child.exitCode !== null) throw new Error(`slapd did not start: ${said}\n${readFileSync(config, 'utf8')}`)
    await delay(10)
  }

  const asAdmin = async <T>(work: (client: Client) => Promise<T>): Promise<T> => {
    const client = new Client({ url: uri, timeout: 10_000 })
    await client.bind(ADMIN, ADMIN_PASSWORD)
    try {
      return await work(client)
    } finally {
      await client.unbind()
    }
  }
  return {
    uri,
    tlsUri,
    certificate,
    add: (...added) =>
      asAdmin(async client => {
        for (const { dn, ...attributes } of added)
          await client.add(
            dn,
            Object.entries(attributes).map(([type, values]) => new Attribute({ type, values: [values].flat() as string[] })),
          )
      }),
    set: (dn, attributes) =>
      asAdmin(client =>
        client.modify(
          dn,
          Object.entries(attributes).map(
            ([type, values]) => new Change({ operation: 'replace', modification: new Attribute({ type, values: [values].flat() }) }),
          ),
        ),
      ),
    remove: (...dns) =>
      asAdmin(async client => {
        for (const dn of dns) await client.del(dn)
      }),
    rename: (dn, to) => asAdmin(client => client.modifyDN(dn, to)),
    read: dn => asAdmin(async client => (await client.search(dn, { scope: 'base', attributes: ['*', '+'] })).searchEntries[0]!),
    async stop() {
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
