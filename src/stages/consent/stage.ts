import type { Row } from '../../api/model.ts'
import { booleanField, textField } from '../../flows/answer.ts'
import { declined } from '../../flows/asking.ts'
import { isStored } from '../../flows/objects.ts'
import { subjectOf } from '../../flows/planner.ts'
import { withUser } from '../../flows/present.ts'
import { defineStage, next, retry, type Run } from '../../flows/stage.ts'
import { transact, type Ctx } from '../../context.ts'
import { secretsEqual } from '../../lib/constant-time.ts'
import { toBase64url } from '../../lib/base64url.ts'
import { parseDuration } from '../../lib/duration.ts'
import { ConsentStage } from './model.ts'

type Permission = { id: string; name: string }

const TOKEN = 'goauthentik.io/stages/consent/token'

const wanted = ({ plan }: Run): Permission[] => (plan.context.consent_permissions as Permission[] | undefined) ?? []

/** Scope names in one fixed order, so that two sets can be compared. */
const spelled = (permissions: readonly Permission[]): string => [...new Set(permissions.map(permission => permission.id))].sort().join(' ')

/** Who is asked by which application; undefined when consent cannot be remembered. */
function parties(run: Run): { user: number; application: string } | undefined {
  const user = subjectOf(run.ctx, run.plan.context)
  const application = run.plan.context.application as Row | undefined
  if (!isStored(user, 'id') || !isStored(application, 'pbm_uuid')) return undefined
  return { user: user.id as number, application: application.pbm_uuid as string }
}

/** What the person agreed to earlier; undefined when nothing, or when it has run out. */
async function granted(run: Run): Promise<string[] | undefined> {
  const who = parties(run)
  if (!who || run.stage.mode === 'always_require') return undefined
  const rows = await run.ctx.db
    .selectFrom('user_consent')
    .select(['permissions', 'expires', 'expiring'])
    .where('user', '=', who.user)
    .where('application', '=', who.application)
    .execute()
  const valid = rows.filter(row => !row.expiring || row.expires === null || row.expires > run.ctx.now())
  const [row] = valid.sort((a, b) => b.permissions.length - a.permissions.length)
  return row?.permissions.split(' ').filter(Boolean)
}

/** Replaces what was agreed to by what is agreed to now. */
async function remember(ctx: Ctx, run: Run): Promise<void> {
  const who = parties(run)
  // Who looks through another's eyes agrees for the look, and not for that person.
  if (!who || run.stage.mode === 'always_require' || ctx.caller.impersonator !== null) return
  const expiring = run.stage.mode === 'expiring'
  const expires = expiring ? new Date(ctx.now().getTime() + parseDuration(run.stage.consent_expire_in as string)) : null
  await transact(ctx, async ctx => {
    await ctx.db.deleteFrom('user_consent').where('user', '=', who.user).where('application', '=', who.application).execute()
    await ctx.db
      .insertInto('user_consent')
      .values({ ...who, permissions: spelled(wanted(run)), expires, expiring })
      .execute()
  })
}

export const consent = defineStage({
  model: ConsentStage,
  component: 'ak-stage-consent',
  /** `decline` is ours: clients that do not know it can only agree, or leave. */
  answer: () => ({ token: textField(), decline: booleanField({ required: false }) }),

  async challenge(run) {
    const { context } = run.plan
    const before = await granted(run)
    const asked = wanted(run)
    if (before && before.toSorted().join(' ') === spelled(asked)) {
      delete context[TOKEN]
      return next()
    }
    // The same for as long as the question stands, so that a page shown twice can be answered.
    context[TOKEN] ??= toBase64url(run.ctx.randomBytes(32))
    const isOld = (permission: Permission) => before?.includes(permission.id) ?? false
    return {
      component: 'ak-stage-consent',
      ...(await withUser(run)),
      ...(typeof context.consent_header === 'string' && { header_text: context.consent_header }),
      permissions: before ? asked.filter(isOld) : asked,
      additional_permissions: [
        ...(before ? asked.filter(permission => !isOld(permission)) : []),
        ...((context.consent_additional_permissions as Permission[] | undefined) ?? []),
      ],
      token: context[TOKEN],
    }
  },

  async respond(run, { token, decline }) {
    const expected = run.plan.context[TOKEN]
    if (typeof expected !== 'string' || !secretsEqual(token as string, expected)) {
      return retry({ token: 'Invalid consent token, re-showing prompt' })
    }
    if (decline === true) return declined(run)
    await remember(run.ctx, run)
    delete run.plan.context[TOKEN]
    run.plan.context.consent = { permissions: wanted(run).map(permission => permission.id) }
    return next()
  },
})
