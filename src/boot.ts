import type { Deps } from './deps.ts'
import { eventModel } from './api/objects.ts'
import { insertObject, withDefaults } from './api/store.ts'
import { applyDefaults } from './blueprints/defaults.ts'
import type { Config } from './config.ts'
import { systemContext, type Ctx } from './context.ts'
import { Group } from './core/people.ts'
import { isUsable } from './core/password/passwords.ts'
import { generate } from './crypto/model.ts'
import { recordEvent } from './events/record.ts'
import { storeDeviceTypes } from './stages/authenticator_webauthn/device-types.ts'
import { withLease } from './tasks/lease.ts'

const ADMIN_USERNAME = 'akadmin'
export const ADMIN_GROUP = 'authentik Admins'

/** What RS256 clients get; providers refer to it by this name. */
export const RSA_KEYPAIR = 'authentik Self-signed Certificate'
/** What HTTPS is served with. */
export const EC_KEYPAIR = 'Signet Self-signed ECDSA Certificate'

/**
 * Gives a new installation what it cannot do without: keys, the default blueprints with the first administrator, and what
 * `bootstrap_*` says. Each part is made once and then belongs to the operator: what they delete does not come back. Of processes
 * that start together one works and the others wait.
 * @throws Error when a bootstrap setting is of no use
 */
export async function boot(deps: Deps): Promise<void> {
  const ctx = systemContext(deps)
  await withLease(ctx, 'boot', async () => {
    await keypairs(ctx)
    await storeDeviceTypes(ctx)
    await applyDefaults(deps, bootstrapEnvironment(deps.config))
    await bootstrapHash(ctx)
  })
}

/** What blueprints may read of the environment, whichever way it was set. */
export const bootstrapEnvironment = (config: Config): Readonly<Record<string, string | undefined>> => ({
  AUTHENTIK_BOOTSTRAP_EMAIL: config.bootstrap_email,
  AUTHENTIK_BOOTSTRAP_PASSWORD: config.bootstrap_password ?? undefined,
  AUTHENTIK_BOOTSTRAP_TOKEN: config.bootstrap_token ?? undefined,
})

/** Whether this part was made before. */
const isDone = async (ctx: Ctx, part: string): Promise<boolean> =>
  (await ctx.db.selectFrom('installation').select('name').where('name', '=', part).executeTakeFirst()) !== undefined

const markDone = (ctx: Ctx, part: string) =>
  ctx.db
    .insertInto('installation')
    .values({ name: part, value: ctx.now().toISOString() })
    .onConflict(conflict => conflict.doNothing())
    .execute()

async function keypairs(ctx: Ctx): Promise<void> {
  if (await isDone(ctx, 'keypairs_made')) return
  const wanted = [
    { name: RSA_KEYPAIR, algorithm: 'rsa' },
    { name: EC_KEYPAIR, algorithm: 'ecdsa' },
  ] as const
  for (const { name, algorithm } of wanted) {
    const known = await ctx.db.selectFrom('keypair').select('kp_uuid').where('name', '=', name).executeTakeFirst()
    if (!known) await generate(ctx, { name, algorithm, validityDays: 365 })
  }
  await markDone(ctx, 'keypairs_made')
}

/** A password that comes as its hash cannot pass through a blueprint, which hashes what it is given. */
async function bootstrapHash(ctx: Ctx): Promise<void> {
  if (await isDone(ctx, 'bootstrap_done')) return
  const { bootstrap_password_hash: hash } = ctx.config
  if (hash !== null) {
    if (!isUsable(hash)) throw new Error('BOOTSTRAP_PASSWORD_HASH is no hash that this program can check')
    await ctx.db
      .updateTable('user')
      .set({ password: hash })
      .where('username', '=', ADMIN_USERNAME)
      .where('password', 'like', '!%')
      .execute()
  }
  await markDone(ctx, 'bootstrap_done')
}

/** Key of the group whose members are superusers; made when there is none. Call inside a transaction. */
export async function ensureAdminGroup(ctx: Ctx): Promise<string> {
  const known = await ctx.db.selectFrom('group').select('group_uuid').where('name', '=', ADMIN_GROUP).executeTakeFirst()
  if (known) return known.group_uuid
  const group = await insertObject(ctx, Group, withDefaults(ctx, Group, { name: ADMIN_GROUP, is_superuser: true }))
  await recordEvent(ctx, 'model_created', { model: eventModel(Group, group), diff: {} })
  return group.group_uuid as string
}
