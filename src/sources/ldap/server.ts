import type { Row } from '../../api/model.ts'
import { findObject } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { CertificateKeyPair } from '../../crypto/model.ts'
import { openDirectory, type Directory, type DirectoryServer } from './client.ts'
import type { LdapSource } from './model.ts'

/** How to reach the directory of a source. */
export async function serverOf(ctx: Ctx, source: LdapSource): Promise<DirectoryServer> {
  const pair = async (key: string | null) => (key === null ? undefined : findObject(ctx, CertificateKeyPair, key))
  const peer = await pair(source.peer_certificate)
  const own = await pair(source.client_certificate)
  return {
    uri: source.server_uri,
    startTls: source.start_tls,
    sni: source.sni,
    allow: ctx.config.outgoing_allow,
    ciphers: ctx.config.ldap.tls.ciphers ?? undefined,
    ...(peer && { ca: peer.certificate_data as string }),
    ...(own && own.key_data !== '' && { cert: own.certificate_data as string, key: own.key_data as string }),
  }
}

/**
 * A conversation with a directory in the name of the source; without a name it is nobody's. `work` ends it.
 * @throws DirectoryError
 */
export async function withDirectory<T>(ctx: Ctx, source: LdapSource, work: (directory: Directory) => Promise<T>): Promise<T> {
  const directory = await openDirectory(await serverOf(ctx, source))
  try {
    if (source.bind_cn !== '') await directory.bind(source.bind_cn, source.bind_password)
    return await work(directory)
  } finally {
    await directory.close()
  }
}

/** The name of an account's entry. What mappings wrote into its attributes does not count: others may write there. */
export async function entryOf(ctx: Ctx, source: LdapSource, user: Row): Promise<string | undefined> {
  const row = await ctx.db
    .selectFrom('user_source_connection as c')
    .innerJoin('user_ldap_source_connection as l', 'l.id', 'c.id')
    .where('c.source', '=', source.pbm_uuid)
    .where('c.user', '=', user.id as number)
    .where('l.missing_since', 'is', null)
    .where('l.disabled', '=', false)
    .where('l.dn', '!=', '')
    .select('l.dn')
    .executeTakeFirst()
  return row?.dn
}
