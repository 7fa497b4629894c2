import { Type } from 'typebox'
import { readBody } from '../../api/body.ts'
import { crud } from '../../api/crud.ts'
import { eventModel, objectAt, createObject } from '../../api/objects.ts'
import { presentObject, presentObjects } from '../../api/present.ts'
import { ApiError, invalid, permissionDenied } from '../../api/errors.ts'
import { choice, computed, flag, instant, internal, parseInstant, reference, shown, slug, text } from '../../api/fields.ts'
import { defineModel, type Model, type Row } from '../../api/model.ts'
import type { Resource, SpecialOperation } from '../../api/mount.ts'
import { holds, mayTouch, requireCaller, requireObject } from '../../api/permissions.ts'
import { named } from '../../api/shapes.ts'
import { body, checked } from '../../api/validate.ts'
import { transact, type Ctx } from '../../context.ts'
import { hashToken, SealError } from '../../crypto/secrets.ts'
import { recordEvent } from '../../events/record.ts'
import { parseDuration } from '../../lib/duration.ts'
import { LETTERS_AND_DIGITS, randomString } from '../../lib/random.ts'
import { byKey } from '../user/present.ts'
import { groupsOf } from '../group/membership.ts'
import { systemSettings } from '../settings.ts'
import { User } from '../people.ts'
import { deepMerge } from '../../lib/deep-merge.ts'

export const TOKEN_EXPIRES = 'goauthentik.io/user/token-expires'
const MAXIMUM_LIFETIME = 'goauthentik.io/user/token-maximum-lifetime'

/** A key that stands for a person: for the API, or as a password where a program signs in. Only its hash can be looked up. */
export const Token: Model = defineModel({
  name: 'Token',
  label: 'authentik_core.token',
  verboseName: 'Token',
  table: 'token',
  pk: 'token_uuid',
  lookup: 'identifier',
  display: 'identifier',
  owner: 'user',
  fields: {
    managed: shown(text({ nullable: true, unique: true }), () => null),
    identifier: slug({ unique: true, maxLength: 255 }),
    intent: choice(['verification', 'api', 'recovery', 'app_password'], 'api'),
    user: reference(() => User, { initial: ctx => ctx.caller.user?.id }),
    user_obj: computed(named('User')),
    description: text({ default: '' }),
    expires: instant({ nullable: true }),
    expiring: flag(true),
    key_hash: internal(text()),
    key_sealed: internal(text()),
  },
  filters: ['identifier', 'intent', 'user__username', 'managed', 'expires', 'expiring', 'description'],
  search: ['identifier', 'intent', 'description'],
  ordering: ['identifier'],
  present: async (ctx, rows) => {
    const users = await byKey(
      keys => ctx.db.selectFrom('user').selectAll().where('id', 'in', keys).execute(),
      'id',
      rows.map(row => row.user),
    )
    const shown = await presentObjects(ctx, User, [...users.values()])
    const objects = new Map(shown.map(user => [user.pk, user]))
    return rows.map(row => ({ user_obj: objects.get(row.user) }))
  },
})

/** A new key in both its stored forms. */
export function newKey(ctx: Ctx, length: number): { key: string; key_hash: string; key_sealed: string } {
  const key = randomString(length, LETTERS_AND_DIGITS, ctx.randomBytes)
  return { key, key_hash: hashToken(key), key_sealed: ctx.secrets.seal(key) }
}

/** What a user's attributes, their groups' included, say. */
async function attributesOf(ctx: Ctx, user: Row): Promise<Row> {
  const groups = await groupsOf(ctx.db, user.id as number)
  return deepMerge(...groups.map(group => group.attributes), user.attributes as Row)
}

async function clean(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  const out = { ...values }
  const intent = (values.intent ?? current?.intent ?? 'api') as string
  if (intent !== 'api' && intent !== 'app_password') throw invalid({ intent: [`Invalid intent ${intent}`] })
  const user = await ownerOf(ctx, values, current)
  out.user = user.id
  const settings = await systemSettings(ctx)
  const now = ctx.now().getTime()
  const attributes = await attributesOf(ctx, user)
  if (!ctx.caller.superuser) {
    const allowed = attributes[TOKEN_EXPIRES]
    if (values.expiring === false && allowed !== false) out.expiring = true
    else if (values.expiring === undefined && !current && allowed === false) out.expiring = false
  }
  const expiring = (out.expiring ?? current?.expiring ?? true) as boolean
  if (!expiring) return { ...out, expires: null }
  if (intent === 'api') return { ...out, expires: new Date(now + parseDuration(settings.default_token_duration)) }
  const longest = new Date(now + parseDuration((attributes[MAXIMUM_LIFETIME] as string | undefined) ?? settings.default_token_duration))
  if (values.expires === undefined || values.expires === null) return { ...out, expires: current?.expires ?? longest }
  const wanted = parseInstant(values.expires as string)
  if (wanted > longest && !ctx.caller.superuser)
    throw invalid({ expires: [`Token expires exceeds maximum lifetime (${longest.toISOString()} UTC).`] })
  return { ...out, expires: wanted }
}

/** Whose token it is: the caller's own, or whom a superuser names. Never changed afterwards, or a token could be turned into another's. */
async function ownerOf(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  const wanted = values.user as number | undefined
  if (current) {
    if (wanted !== undefined && wanted !== current.user) throw invalid({ user: ['User cannot be changed'] })
    return await ctx.db
      .selectFrom('user')
      .selectAll()
      .where('id', '=', current.user as number)
      .executeTakeFirstOrThrow()
  }
  if (wanted === undefined || wanted === ctx.caller.user?.id || !ctx.caller.superuser) return ctx.caller.user!
  return await ctx.db.selectFrom('user').selectAll().where('id', '=', wanted).executeTakeFirstOrThrow()
}

const operations = crud(Token, { clean })

/** Anybody may make tokens for themselves, except by a token: a key must not mint keys that outlive it. */
async function create(ctx: Ctx, sent: Row): Promise<Row> {
  requireCaller(ctx)
  if (ctx.caller.token && !holds(ctx, 'authentik_core.add_token')) throw permissionDenied()
  const values = await readBody(ctx, Token, sent)
  const { default_token_length: length } = await systemSettings(ctx)
  const { key_hash, key_sealed } = newKey(ctx, length)
  return presentObject(ctx, Token, await createObject(ctx, Token, { ...values, key_hash, key_sealed }, { clean }))
}

/** Owners change their tokens where they are signed in: a key that could change itself would never expire. */
async function update(ctx: Ctx, identifier: string, sent: Row, partial: boolean): Promise<Row> {
  if (ctx.caller.token && !holds(ctx, 'authentik_core.change_token')) {
    await operations.retrieve(ctx, identifier)
    throw permissionDenied()
  }
  return operations.update(ctx, identifier, sent, partial)
}

export const tokens: Resource = { path: '/core/tokens', model: Token, operations: { ...operations, create, update } }

const NewKey = body({ key: Type.String({ minLength: 1, maxLength: 255 }) })

async function tokenAt(ctx: Ctx, request: { params: unknown }, permission: string): Promise<Row> {
  const row = await objectAt(ctx, Token, (request.params as { identifier: string }).identifier)
  // The key of another's token is that person's identity: the owner's own right does not reach it, and neither does a token of lesser rights.
  const own = row.user === ctx.caller.user?.id && ctx.caller.session !== null
  if (!own && !(await mayTouch(ctx, Token, row.token_uuid as string, permission))) {
    if (row.user === ctx.caller.user?.id) throw permissionDenied()
    await requireObject(ctx, Token, row.token_uuid as string, permission)
  }
  return row
}

/** @throws 404 where it was sealed under a former secret key of the installation: nobody can read it any more, though its hash is still known */
function openedKey(ctx: Ctx, row: Row): string {
  try {
    return ctx.secrets.open(row.key_sealed as string)
  } catch (error) {
    if (!(error instanceof SealError)) throw error
    const detail = 'The key was stored under a former secret key and cannot be shown. It is still valid; set a new one to see it here.'
    throw new ApiError(404, { detail })
  }
}

export const tokenRoutes: Record<string, SpecialOperation> = {
  'GET /core/tokens/:identifier/view_key/': {
    response: 'TokenView',
    handler: async (ctx, request) => {
      const row = await tokenAt(ctx, request, 'authentik_core.view_token_key')
      const key = openedKey(ctx, row)
      await recordEvent(ctx, 'secret_view', { secret: eventModel(Token, row) })
      return { key }
    },
  },
  'POST /core/tokens/:identifier/set_key/': {
    status: 204,
    body: NewKey,
    bodyName: 'TokenSetKeyRequest',
    handler: async (ctx, request) => {
      const row = await tokenAt(ctx, request, 'authentik_core.set_token_key')
      const { key } = checked<{ key: string }>(NewKey, request.body)
      await transact(ctx, async ctx => {
        const other = await ctx.db
          .selectFrom('token')
          .select('token_uuid')
          .where('key_hash', '=', hashToken(key))
          .where('token_uuid', '!=', row.token_uuid as string)
          .executeTakeFirst()
        if (other) throw invalid({ key: ['This key cannot be used.'] })
        await ctx.db
          .updateTable('token')
          .set({ key_hash: hashToken(key), key_sealed: ctx.secrets.seal(key) })
          .where('token_uuid', '=', row.token_uuid as string)
          .execute()
        await recordEvent(ctx, 'model_updated', { model: eventModel(Token, row), diff: {} })
      })
    },
  },
}
