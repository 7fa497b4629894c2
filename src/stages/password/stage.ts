import { setTimeout as delay } from 'node:timers/promises'
import { transact, type Ctx } from '../../context.ts'
import type { Row } from '../../api/model.ts'
import { SlowDownError } from '../../core/password/attempts.ts'
import { User } from '../../core/people.ts'
import { recordEvent } from '../../events/record.ts'
import { currentBrand } from '../../core/brand/model.ts'
import { flowPath } from '../../flows/addresses.ts'
import { textField } from '../../flows/answer.ts'
import { asObject, isStored } from '../../flows/objects.ts'
import { displayName, withUser } from '../../flows/present.ts'
import { defineStage, denied, next, retry, type Outcome, type Run } from '../../flows/stage.ts'
import { changeReputation } from '../../policies/reputation/score.ts'
import { QueueFullError } from '../../lib/turn-queue.ts'
import { PasswordStage } from './model.ts'
import { provePassword, type Proof } from './backends.ts'

/** Wrong passwords within one plan. */
const FAILURES = 'goauthentik.io/stages/password/failures'

/** What a person may be told about a password that will not do: never why. */
const INVALID = 'Invalid password'

/** For how long an answer is held back, so that whoever waits for each cannot ask often. */
const LINGER = 4_000 // ms
/** The same while many answers are: their questions alone could keep others waiting. */
const LINGER_IN_FLOOD = 30_000 // ms
const FLOOD = 50
/** Answers that are held back at once; beyond that they go out at once. */
const MOST_LINGERING = 5_000
let lingering = 0

/** Holds an answer back; never as long as another, for those who were refused together would come again together. */
async function linger(ctx: Ctx): Promise<void> {
  if (lingering >= MOST_LINGERING) return
  const part = (1 + Buffer.from(ctx.randomBytes(2)).readUInt16BE() / 0xffff) / 2
  const time = (lingering < FLOOD ? LINGER : LINGER_IN_FLOOD) * part
  lingering++
  await delay(time)
  lingering--
}

/** What to say when a password was not looked at. @throws what does not mean that */
export async function notLookedAt(ctx: Ctx, error: unknown): Promise<Outcome> {
  if (error instanceof QueueFullError)
    return retry({ non_field_errors: [{ string: 'The server is busy. Please try again in a moment.', code: 'busy' }] })
  if (!(error instanceof SlowDownError)) throw error
  await linger(ctx)
  return retry({ non_field_errors: [{ string: error.message, code: 'throttled' }] })
}

/** The account as it is in the database, or the name that was only pretended to be one. */
export const pendingAccount = (run: Run): Row | null => {
  const user = (run.plan.context.pending_user as Row | undefined) ?? null
  return isStored(user, 'id') ? user : null
}

/** Writes down that somebody did not get in, whether or not there is such an account. `points`: what it costs the name's reputation. */
export const noteFailure = (ctx: Ctx, stage: Row, user: Row | null, name: string, points = 1): Promise<void> =>
  transact(ctx, async ctx => {
    await changeReputation(ctx, (user?.username as string | undefined) ?? name, -points)
    const from = { app: 'authentik_stages_password', model_name: 'passwordstage', pk: stage.stage_uuid, name: stage.name }
    await recordEvent(ctx, 'login_failed', { username: name, stage: from }, { user })
  })

/** Notes in the plan who was proved to be there, and how. The first method stays the method. */
export function noteProof(run: Run, user: Row, { backend, method, args }: Proof): void {
  const { context } = run.plan
  context.pending_user = { ...asObject(User, user), backend }
  context.user_backend = backend
  context.auth_method ??= method
  context.auth_method_args = { ...args, ...(context.auth_method_args as Row | undefined) }
}

/** Address of the brand's recovery flow for the page that is open. */
async function recoveryUrl({ ctx, query }: Run): Promise<string | undefined> {
  const slug = (await currentBrand(ctx)).flows.flow_recovery?.slug
  return slug === undefined ? undefined : (ctx.request?.origin ?? '') + flowPath(ctx, slug, query.toString())
}

export const password = defineStage({
  model: PasswordStage,
  component: 'ak-stage-password',
  settings: 'ak-user-settings-password',
  answer: () => ({ password: textField({ trim: false }) }),

  async challenge(run) {
    if (!run.plan.context.pending_user) return denied()
    const recovery = await recoveryUrl(run)
    return {
      component: 'ak-stage-password',
      ...(await withUser(run)),
      ...(recovery !== undefined && { recovery_url: recovery }),
      allow_show_password: run.stage.allow_show_password,
    }
  },

  async respond(run, answer) {
    const { ctx, plan, stage } = run
    if (!plan.context.pending_user) return denied()
    const user = pendingAccount(run)
    const name = displayName(ctx, plan.context)
    let proof: Proof | undefined
    try {
      // Also with nobody pending: the time taken must not tell whether the account exists.
      proof = await provePassword(ctx, stage.backends as string[], { user, name }, answer.password as string)
    } catch (error) {
      return notLookedAt(ctx, error)
    }
    if (proof) {
      noteProof(run, user!, proof)
      delete plan.context[FAILURES]
      return next()
    }
    // A name that nobody has counts for itself, too.
    await noteFailure(ctx, stage, user, name, user ? 1 : 2)
    const failures = Number(plan.context[FAILURES] ?? 0) + 1
    plan.context[FAILURES] = failures
    return failures >= (stage.failed_attempts_before_cancel as number) ? denied(INVALID) : retry({ password: INVALID })
  },
})
