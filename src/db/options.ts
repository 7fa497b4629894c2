import type { DatabaseConfig, PostgresTls } from '../config.ts'
import type { DatabaseOptions } from './database.ts'
import type { Address } from './postgres/dialect.ts'

/** From what the configuration says to what the driver takes. */
export function databaseOptions(config: DatabaseConfig): DatabaseOptions {
  if (config.engine === 'sqlite') return { engine: 'sqlite', file: config.path }
  const { hosts, user, password, database, schema, tls, poolSize, prepared } = config
  const [{ host, port }, ...fallbacks] = hosts as readonly [Address, ...Address[]]
  return {
    engine: 'postgres',
    host,
    port,
    fallbacks,
    user,
    password,
    database,
    schema,
    ssl: tls === null ? false : tlsOptions(tls),
    pool_size: poolSize,
    prepared,
  }
}

/** `require` and weaker modes encrypt without looking at who answers, as libpq does; only `verify-…` prove the server. */
const tlsOptions = ({ mode, ca, cert, key }: PostgresTls) => ({
  rejectUnauthorized: mode.startsWith('verify-'),
  ...(mode === 'verify-ca' && { checkServerIdentity: () => undefined }),
  ...(ca !== null && { ca }),
  ...(cert !== null && { cert }),
  ...(key !== null && { key }),
})
