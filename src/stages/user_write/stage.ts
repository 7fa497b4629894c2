import { readBody } from '../../api/body.ts'
import { changeObject, createObject, eventModel } from '../../api/objects.ts'
import { ApiError } from '../../api/errors.ts'
import type { Row } from '../../api/model.ts'
import { endSessionsOf } from '../../core/session/session.ts'
import { rememberPassword } from '../../core/password/history.ts'
import { PasswordTooLongError } from '../../core/password/passwords.ts'
import { Group, User, USER_TYPES } from '../../core/people.ts'
import { userHooks } from '../../core/user/hooks.ts'
import { transact, type Ctx } from '../../context.ts'
import { recordEvent } from '../../events/record.ts'
import { asObject, isStored, modelLabel } from '../../flows/objects.ts'
import { completeSetup, setupAccount, SETUP_SLUG } from '../../flows/setup.ts'
import { defineStage, denied, next, type Outcome, type Run } from '../../flows/stage.ts'
import { textOf } from '../../flows/text.ts'
import { connectNewAccount, Taken } from '../../sources/connect.ts'
import { InvitationGone, spendInvitation } from '../invitation/spend.ts'
import { refusedByDirectory } from '../../sources/ldap/password.ts'
import { UserWriteStage } from './model.ts'
import { accountValues } from './values.ts'

const FAILED = 'Failed to update user. Please try again later.'
const SETUP_OVER = 'Initial set-up was already completed.'

/** The account to write to; null for one that is to be made. */
async function subject(run: Run): Promise<Row | null | { refused: string }> {
  const { ctx, flow, plan, stage } = run
  if (flow.slug === SETUP_SLUG) {
    const key = await setupAccount(ctx)
    const user = key === undefined ? undefined : await ctx.db.selectFrom('user').selectAll().where('id', '=', key).executeTakeFirst()
    return (user as Row | undefined) ?? { refused: SETUP_OVER }
  }
  const pending = (plan.context.pending_user as Row | undefined) ?? ctx.caller.user
  // An account that was only pretended to exist does not come into being by that.
  const known = isStored(pending, 'id') ? pending : null
  if (known && stage.user_creation_mode !== 'always_create') {
    // As it is this moment: a policy on the way here may have written to it.
    const now = await ctx.db
      .selectFrom('user')
      .selectAll()
      .where('id', '=', known.id as number)
      .executeTakeFirst()
    return now ? { ...(now as Row), backend: known.backend } : { refused: 'Unknown error' }
  }
  return stage.user_creation_mode === 'never_create' ? { refused: "No user found and can't create new user." } : null
}

/** Type and place of a new account. */
function birth({ plan, stage }: Run): Row {
  const type = textOf(plan.context.user_type) || textOf(stage.user_type)
  return {
    is_active: !stage.create_users_as_inactive,
    path: textOf(plan.context.user_path) || textOf(stage.user_path_template) || 'users',
    type: USER_TYPES.includes(type as never) && type !== 'internal_service_account' ? type : 'service_account',
    name: '',
  }
}

/** Keys of the groups that the account joins: the stage's, on every run, and those the plan holds as objects. */
const groupsToJoin = ({ plan, stage }: Run): string[] => {
  const listed = Array.isArray(plan.context.groups) ? (plan.context.groups as Row[]) : []
  const objects = listed.filter(group => modelLabel(group) === Group.label).map(group => group.group_uuid as string)
  return [...new Set([...(stage.create_users_group ? [stage.create_users_group as string] : []), ...objects])]
}

async function join(ctx: Ctx, user: number, groups: string[]): Promise<void> {
  if (groups.length === 0) return
  await ctx.db
    .insertInto('user_group')
    .values(groups.map(group => ({ user, group })))
    .onConflict(conflict => conflict.doNothing())
    .execute()
}

/** Thrown inside the transaction, so that nothing of it stays. */
class SetupOver extends Error {}

/** Writes the account with everything that hangs on it, in one transaction. The password comes hashed. */
async function write(
  run: Run,
  current: Row | null,
  values: Row,
  hash: string | undefined,
): Promise<{ user: Row; invitation: Row | undefined }> {
  const { flow, plan } = run
  // What a flow may write is decided by who built it: a visitor who recovers a superuser's account has no rights of their own yet.
  return transact({ ...run.ctx, caller: { ...run.ctx.caller, superuser: true } }, async ctx => {
    const now = ctx.now()
    // Whoever notes the end of set-up first is the one who does it.
    if (flow.slug === SETUP_SLUG && (!(await completeSetup(ctx)) || (await setupAccount(ctx)) !== current?.id)) throw new SetupOver()
    if (hash !== undefined && current) await rememberPassword(ctx, current.id as number)
    const all = { ...values, ...(hash !== undefined && { password: hash, password_change_date: now }) }
    const user = current ? await changeObject(ctx, User, current, all, userHooks) : await createObject(ctx, User, all, userHooks)
    const id = user.id as number
    await join(ctx, id, groupsToJoin(run))
    if (hash !== undefined && current) {
      // Whoever knew the old password is out; the browser in which it was changed stays.
      const own = ctx.caller.user?.id === id ? (ctx.caller.session?.session_hash as string | undefined) : undefined
      await endSessionsOf(ctx, id, own)
      await recordEvent(ctx, 'password_set', { model: eventModel(User, user) }, { user })
    }
    if (!current) await connectNewAccount(ctx, plan, user)
    return { user, invitation: await spendInvitation(ctx, plan, user) }
  })
}

async function perform(run: Run): Promise<Outcome> {
  const { ctx, plan } = run
  const data = plan.context.prompt_data as Row | undefined
  if (!data) return denied('No Pending data.')
  const current = await subject(run)
  if (current && 'refused' in current) return denied(current.refused as string)
  const read = accountValues(data, current)
  if (!read) return denied(FAILED)
  const values = { ...(current ? {} : birth(run)), ...read.values, ...sources(run, current, read.values) }
  if (current === null && !values.username) return denied()
  if (values.username === '') return denied()
  try {
    const checked = await readBody(ctx, User, values, { partial: true, ...(current && { current }) })
    // Before the transaction opens: hashing takes as long as many of them.
    const hash = read.password === undefined ? undefined : await ctx.passwords.hash(read.password, ctx.request?.clientIp)
    const refused = current && read.password !== undefined ? await refusedByDirectory(ctx, current, read.password) : undefined
    if (refused !== undefined) return denied(refused)
    const { user, invitation } = await write(run, current, checked, hash)
    if (invitation) plan.context.invitation = invitation
    plan.context.prompt_data = { ...data, created: current === null }
    const { component: _, ...written } = data
    await recordEvent(ctx, 'user_write', { ...written, created: current === null }, { user })
    plan.context.pending_user = { ...asObject(User, user), ...(current?.backend !== undefined && { backend: current.backend }) }
    return next()
  } catch (error) {
    if (error instanceof SetupOver) return denied(SETUP_OVER)
    if (error instanceof InvitationGone || error instanceof Taken) return denied(error.message)
    if (error instanceof ApiError || error instanceof PasswordTooLongError) {
      ctx.log.info({ reason: error.message }, 'failed to write user')
      return denied(FAILED)
    }
    throw error
  }
}

/** The source that somebody came from is noted with the account, by name. */
function sources({ plan }: Run, current: Row | null, values: Row): Row {
  const source = plan.context.source as Row | undefined
  if (typeof source?.name !== 'string') return {}
  const attributes = (values.attributes ?? current?.attributes ?? {}) as Row
  const known = Array.isArray(attributes[SOURCES]) ? (attributes[SOURCES] as unknown[]) : []
  return { attributes: { ...attributes, [SOURCES]: [...known.filter(name => name !== source.name), source.name] } }
}

const SOURCES = 'goauthentik.io/user/sources'

export const userWrite = defineStage({ model: UserWriteStage, challenge: perform })
