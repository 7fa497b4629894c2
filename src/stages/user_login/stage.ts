import type { Row } from '../../api/model.ts'
import { asObject, isStored, modelLabel } from '../../flows/objects.ts'
import { BINDING } from '../../core/session/binding.ts'
import { User } from '../../core/people.ts'
import { booleanField } from '../../flows/answer.ts'
import { withUser } from '../../flows/present.ts'
import { signIn } from '../../flows/sign-in.ts'
import { defineStage, denied, next, type Outcome, type Run } from '../../flows/stage.ts'
import { parseDuration } from '../../lib/duration.ts'
import { isKnownDevice, rememberDevice } from './device.ts'
import { UserLoginStage } from './model.ts'

/** ms; what is not positive counts as none. */
const length = (stage: Row, field: string): number => Math.max(0, parseDuration(stage[field] as string))

const offersToRemember = ({ stage }: Run): boolean => length(stage, 'remember_me_offset') > 0

/** The pending account as it is this moment; undefined when it may not sign in. */
async function activeAccount({ ctx, plan }: Run): Promise<Row | undefined> {
  const pending = plan.context.pending_user as Row | undefined
  if (!isStored(pending, 'id')) return undefined
  const user = await ctx.db
    .selectFrom('user')
    .selectAll()
    .where('id', '=', pending.id as number)
    .where('is_active', '=', true)
    .executeTakeFirst()
  return user && { ...asObject(User, user as Row), backend: pending.backend }
}

/** The login source that somebody came from, as events name it. */
function origin(source: unknown): Row {
  const label = modelLabel(source)
  if (label === undefined) return {}
  const [app, model_name] = label.split('.')
  const { pbm_uuid: pk, name } = source as Row
  return { source: { app, model_name, pk: String(pk).replaceAll('-', ''), name } }
}

async function logIn(run: Run, remember: boolean | undefined): Promise<Outcome> {
  const { plan, stage, visit } = run
  const user = await activeAccount(run)
  if (!user) return denied()
  const { context } = plan
  context.pending_user = user
  const args: Row = { ...(context.auth_method_args as Row | undefined), known_device: await isKnownDevice(run.ctx, user) }
  context.auth_method_args = args
  const binds = stage.network_binding !== 'no_binding' || stage.geoip_binding !== 'no_binding'
  await signIn(run, {
    user,
    lifetime: length(stage, 'session_duration') + (remember ? length(stage, 'remember_me_offset') : 0),
    authMethod: context.auth_method as string | undefined,
    authMethodArgs: args,
    facts: origin(context.source),
    terminateOthers: stage.terminate_other_sessions as boolean,
    data: binds ? { [BINDING]: { network: stage.network_binding, geoip: stage.geoip_binding } } : {},
  })
  const age = length(stage, 'remember_device')
  if (remember === undefined && age > 0) rememberDevice(run.ctx, visit, user, age)
  return next()
}

export const userLogin = defineStage({
  model: UserLoginStage,
  component: 'ak-stage-user-login',
  answer: run => (offersToRemember(run) ? { remember_me: booleanField() } : undefined),

  async challenge(run) {
    if (!offersToRemember(run)) return logIn(run, undefined)
    return (await activeAccount(run)) ? { component: 'ak-stage-user-login', ...(await withUser(run)) } : denied()
  },

  respond: (run, answer) => logIn(run, answer.remember_me as boolean),
})
