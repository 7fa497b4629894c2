import { join } from 'node:path'
import { fromJson } from './kinds.ts'
import type { settings, ValuesOf } from './settings.ts'

type Values = ValuesOf<typeof settings>

/** What is wrong with a setting that only shows together with others. */
export type Complaint = (key: string, held: string, expected: string) => void

/** TLS towards PostgreSQL; certificates and key are PEM texts. */
export type PostgresTls = {
  readonly mode: 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'
  readonly ca: string | null
  readonly cert: string | null
  readonly key: string | null
}

/** Where the data is. */
export type DatabaseConfig =
  | { readonly engine: 'sqlite'; readonly path: string }
  | {
      readonly engine: 'postgres'
      /** Tried in order. A host that begins with `/` is the folder of a socket. */
      readonly hosts: readonly { readonly host: string; readonly port: number }[]
      readonly database: string
      readonly user: string
      readonly password: string
      readonly schema: string
      readonly tls: PostgresTls | null
      readonly poolSize: number
      /** Seconds; 0: as the pool sees fit; null: never. */
      readonly idleSeconds: number | null
      /** Whether hot queries may be prepared by name: false behind poolers that share connections between transactions. */
      readonly prepared: boolean
      /** Further options of libpq, by their names there. */
      readonly options: Readonly<Record<string, string | number | boolean>>
    }

/** PostgreSQL when a host is set, else the embedded database in the data directory. */
export function databaseConfig(values: Values, readFile: (path: string) => string, complain: Complaint): DatabaseConfig {
  const pg = values.postgresql
  if (pg.host === null) return { engine: 'sqlite', path: join(values.data_dir, 'signet.db') }
  return {
    engine: 'postgres',
    hosts: hosts(pg.host, pg.port, complain),
    database: pg.name,
    user: pg.user,
    password: pg.password,
    schema: pg.default_schema,
    tls:
      pg.sslmode === 'disable'
        ? null
        : {
            mode: pg.sslmode,
            ca: pem('postgresql.sslrootcert', pg.sslrootcert, readFile, complain),
            cert: pem('postgresql.sslcert', pg.sslcert, readFile, complain),
            key: pem('postgresql.sslkey', pg.sslkey, readFile, complain),
          },
    poolSize: pg.pool_size,
    idleSeconds: pg.conn_max_age,
    prepared: !(pg.disable_server_side_cursors || pg.use_pgbouncer || pg.use_pgpool),
    options: connOptions(pg.conn_options, complain),
  }
}

function hosts(hostList: string, portList: string, complain: Complaint) {
  const names = hostList.split(',').map(name => name.trim())
  const ports = portList.split(',').map(port => (/^\s*\d{1,5}\s*$/.test(port) ? Number(port) : Number.NaN))
  if (names.includes('')) complain('postgresql.host', hostList, 'host names between commas')
  if (!ports.every(port => port >= 1 && port <= 65_535) || (ports.length !== 1 && ports.length !== names.length)) {
    complain('postgresql.port', portList, 'a port from 1 to 65535, one for all hosts or one for each')
  }
  return names.map((host, i) => ({ host, port: ports[i] ?? ports[0] ?? 5432 }))
}

function pem(key: string, value: string | null, readFile: (path: string) => string, complain: Complaint): string | null {
  if (value === null || value === '' || value.includes('-----BEGIN ')) return value || null
  try {
    return readFile(value)
  } catch {
    complain(key, value, 'a PEM text or the path of a readable file')
    return null
  }
}

function connOptions(value: string | null, complain: Complaint): Record<string, string | number | boolean> {
  if (value === null || value === '') return {}
  const decoded = fromJson(Buffer.from(value, 'base64').toString('utf8'))
  if (typeof decoded === 'object' && decoded !== null && !Array.isArray(decoded)) {
    const entries = Object.entries(decoded)
    if (entries.every((entry): entry is [string, string | number | boolean] => ['string', 'number', 'boolean'].includes(typeof entry[1]))) {
      return Object.fromEntries(entries)
    }
  }
  complain('postgresql.conn_options', value, 'base64 of a JSON object')
  return {}
}
