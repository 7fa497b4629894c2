import type { Ctx } from '../../context.ts'
import type { Row } from '../../api/model.ts'
import { admitAttempt, noteRightPassword, noteWrongPassword, type Attempt } from '../../core/password/attempts.ts'
import { hashToken } from '../../crypto/secrets.ts'
import { lazy } from '../../lib/lazy.ts'
import { isKnownDevice } from '../user_login/device.ts'

export const BACKENDS = [
  'authentik.core.auth.InbuiltBackend',
  'authentik.core.auth.TokenBackend',
  'authentik.sources.ldap.auth.LDAPBackend',
  'authentik.sources.kerberos.auth.KerberosBackend',
] as const
export type Backend = (typeof BACKENDS)[number]

/** How a password was proved: what the login event and the `amr` claim are made of. */
export type Proof = { backend: Backend; method: string; args: Row }

type Check = (ctx: Ctx, user: Row | null, password: string, attempt: Attempt) => Promise<Omit<Proof, 'backend'> | undefined>

/** The password kept with the account. Does the same work when there is no account, or none with a password. */
const inbuilt: Check = async (ctx, user, password, attempt) => {
  const stored = (user?.password as string | undefined) ?? null
  const matches = await ctx.passwords.verify(stored, password, ctx.request?.clientIp, () => admitAttempt(ctx, attempt))
  if (!matches || !user?.is_active) return undefined
  if (ctx.passwords.needsRehash(stored!)) await rehash(ctx, user, stored!, password)
  return { method: 'password', args: {} }
}

/** Replaces a hash of another make by ours, unless the password was changed meanwhile. */
async function rehash(ctx: Ctx, user: Row, stored: string, password: string): Promise<void> {
  const fresh = await ctx.passwords.hash(password, ctx.request?.clientIp)
  await ctx.db
    .updateTable('user')
    .set({ password: fresh })
    .where('id', '=', user.id as number)
    .where('password', '=', stored)
    .execute()
}

/** An app password: a token of the account with that intent. */
const token: Check = async (ctx, user, password) => {
  const found = await ctx.db
    .selectFrom('token')
    .select(['token_uuid', 'identifier', 'user', 'expires', 'expiring'])
    .where('key_hash', '=', hashToken(password))
    .where('intent', '=', 'app_password')
    .executeTakeFirst()
  if (!found || !user?.is_active || found.user !== user.id) return undefined
  if (found.expiring && found.expires !== null && found.expires <= ctx.now()) return undefined
  return { method: 'token', args: { token: { pk: found.token_uuid, name: found.identifier, app: 'authentik_core', model_name: 'token' } } }
}

const directories = lazy(() => import('../../sources/ldap/backend.ts'))

/** The password that the account has in the directory that it comes from. */
const ldap: Check = async (ctx, user, password) => {
  const source = await (await directories()).provenBy(ctx, user, password)
  return (
    source && {
      method: 'ldap',
      args: { source: { pk: source.pbm_uuid, name: source.name, app: 'authentik_sources_ldap', model_name: 'ldapsource' } },
    }
  )
}

/** Backends without an entry are those of sources that this installation does not have: they know nobody. */
const CHECKS = new Map<string, Check>([
  ['authentik.core.auth.InbuiltBackend', inbuilt],
  ['authentik.core.auth.TokenBackend', token],
  ['authentik.sources.ldap.auth.LDAPBackend', ldap],
])

/**
 * Asks the backends in their order whether the password is this user's; the first that says so wins. Takes as long for nobody
 * as for somebody, so that the time does not tell whether an account exists.
 * @param name what was typed, where nobody is called so
 * @throws QueueFullError when too many passwords wait to be checked
 * @throws SlowDownError when too many wrong ones came before
 */
export async function provePassword(
  ctx: Ctx,
  backends: readonly string[],
  { user, name }: { user: Row | null; name: string },
  password: string,
): Promise<Proof | undefined> {
  const attempt: Attempt = user ? { account: user.id as number, known: () => isKnownDevice(ctx, user) } : { account: name }
  await admitAttempt(ctx, attempt)
  for (const backend of backends) {
    const proof = await CHECKS.get(backend)?.(ctx, user, password, attempt)
    if (!proof) continue
    await noteRightPassword(ctx, attempt)
    return { backend: backend as Backend, ...proof }
  }
  await noteWrongPassword(ctx, attempt)
  return undefined
}
