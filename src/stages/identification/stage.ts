import { eventModel } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import { DEFAULT_AVATAR } from '../../core/user/avatar.ts'
import { linkTo } from '../../core/application/launch-url.ts'
import { noteUse } from '../../authenticators/device.ts'
import { User } from '../../core/people.ts'
import { recordEvent } from '../../events/record.ts'
import { flowPath } from '../../flows/addresses.ts'
import { objectField, textField, type AnswerValues } from '../../flows/answer.ts'
import { flowSlug, stageByKey, type StageRow } from '../../flows/definition.ts'
import { asObject } from '../../flows/objects.ts'
import { defineStage, isChallenge, next, retry, type Challenge, type Outcome, type Run } from '../../flows/stage.ts'
import { changeReputation } from '../../policies/reputation/score.ts'
import { sourceButtons } from '../../sources/buttons.ts'
import { MAX_TOKEN } from '../captcha/stage.ts'
import { captchaFields, refuseCaptcha } from '../captcha/verify.ts'
import { judgeAssertion, requestOptions } from '../authenticator_webauthn/assertion.ts'
import { notePasskey } from '../authenticator_webauthn/passwordless.ts'
import { noteFailure, noteProof, notLookedAt } from '../password/stage.ts'
import { provePassword, type Proof } from '../password/backends.ts'
import { findUser } from './lookup.ts'
import { IdentificationStage } from './model.ts'

/** The one thing said of a failed attempt, whatever was wrong. */
const FAILED = 'Failed to authenticate.'

const unsaved = (typed: string): Row =>
  asObject(User, { id: null, username: typed, email: typed, name: '', is_active: true, attributes: {}, type: 'external', path: 'users' })

const embeddedPassword = async ({ ctx, stage }: Run): Promise<StageRow | undefined> =>
  stage.password_stage ? stageByKey(ctx, stage.password_stage as string) : undefined

const embeddedCaptcha = async ({ ctx, stage }: Run): Promise<StageRow | undefined> =>
  stage.captcha_stage ? stageByKey(ctx, stage.captcha_stage as string) : undefined

/** Addresses of the flows that the form links to, each with the page's own query, so that `next` survives. */
async function links({ ctx, stage, query }: Run): Promise<Row> {
  const found: Row = {}
  for (const [name, field] of [
    ['enroll_url', 'enrollment_flow'],
    ['recovery_url', 'recovery_flow'],
    ['passwordless_url', 'passwordless_flow'],
  ] as const) {
    const slug = stage[field] ? await flowSlug(ctx, stage[field] as string) : undefined
    if (slug !== undefined) found[name] = flowPath(ctx, slug, query.toString())
  }
  return found
}

/** The validate stage by whose rules passkeys are taken here. */
const passkeyRules = async ({ ctx, stage }: Run): Promise<StageRow | undefined> =>
  stage.webauthn_stage ? stageByKey(ctx, stage.webauthn_stage as string) : undefined

async function form(run: Run): Promise<Challenge> {
  const { flow, plan, stage } = run
  const password = await embeddedPassword(run)
  const captcha = await embeddedCaptcha(run)
  const rules = await passkeyRules(run)
  const application = plan.context.application as Row | undefined
  const url = application && (await linkTo(run.ctx, application, null))
  const identifier = plan.context.pending_user_identifier
  return {
    component: 'ak-stage-identification',
    user_fields: stage.user_fields,
    ...(typeof identifier === 'string' && { pending_user_identifier: identifier }),
    password_fields: password !== undefined,
    allow_show_password: password?.allow_show_password ?? false,
    ...(application && { application_pre: application.name }),
    ...(url !== undefined && { application_pre_launch: url }),
    flow_designation: flow.designation,
    captcha_stage: captcha ? { ...captchaFields(run.ctx, plan, captcha), pending_user: '', pending_user_avatar: DEFAULT_AVATAR } : null,
    ...(await links(run)),
    primary_action: flow.designation === 'authentication' ? 'Log in' : 'Continue',
    sources: await sourceButtons(run.ctx, stage.stage_uuid as string, run.query.toString()),
    show_source_labels: stage.show_source_labels,
    enable_remember_me: stage.enable_remember_me,
    passkey_challenge: rules ? requestOptions(run, [], rules) : null,
  }
}

/** A passkey says who it is of and proves it at once. */
async function identifyByPasskey(run: Run, passkey: unknown, rules: StageRow): Promise<Outcome> {
  const { ctx, plan, stage } = run
  const { context } = plan
  // A link that was made for one account stays about that account.
  const owner = context.is_restored ? ((context.pending_user as Row | undefined) ?? null) : null
  const judged = await judgeAssertion(run, passkey, owner, rules)
  const device = 'device' in judged && (await noteUse(ctx, judged.device)) ? judged.device : undefined
  if (!device || !(await notePasskey(run, device))) {
    const [error] = 'errors' in judged ? Object.values(judged.errors).flat() : []
    await recordEvent(ctx, 'login_failed', { username: '', stage: eventModel(IdentificationStage, stage) }, { user: null })
    return retry({ non_field_errors: error?.string ?? 'Invalid device' })
  }
  delete context.pending_user_identifier
  return next()
}

/** Finds out who is meant, and with an embedded password whether they are who they say. */
async function identify(run: Run, answer: AnswerValues): Promise<Outcome> {
  const { ctx, plan, stage } = run
  const { context } = plan
  const rules = answer.passkey === undefined ? undefined : await passkeyRules(run)
  if (rules) return identifyByPasskey(run, answer.passkey, rules)
  const typed = (answer.uid_field as string | undefined) ?? ''
  if (typed === '') return retry({ non_field_errors: 'No identification data provided.' })
  // A link that was made for one account stays about that account.
  if (context.is_restored && context.pending_user) return next()
  const captcha = await embeddedCaptcha(run)
  if (captcha) {
    const token = (answer.captcha_token as string | undefined) ?? ''
    // Before the password: whoever cannot pass costs no hash. Why they could not is for the log alone.
    if (token === '' || (await refuseCaptcha(ctx, plan, captcha, token)) !== undefined) return retry({ non_field_errors: FAILED })
  }
  const user = await findUser(ctx, typed, stage.user_fields as string[], { ignoreCase: stage.case_insensitive_matching as boolean })
  const password = await embeddedPassword(run)
  if (!user) context.pending_user = unsaved(typed)
  if (password) {
    let proof: Proof | undefined
    try {
      // For unknown names too, and always with the same work: the time must not tell who exists.
      proof = await provePassword(
        ctx,
        password.backends as string[],
        { user: user ?? null, name: typed },
        (answer.password as string | undefined) ?? '',
      )
    } catch (error) {
      return notLookedAt(ctx, error)
    }
    if (!user || !proof) {
      await noteFailure(ctx, password, user ?? null, typed)
      return retry({ non_field_errors: FAILED })
    }
    noteProof(run, user, proof)
  } else if (user) {
    context.pending_user = asObject(User, user)
  } else if (!stage.pretend_user_exists) {
    // Where names are pretended, this waits for the password: work that only unknown names cause would tell that they are.
    await changeReputation(ctx, typed, -1)
    return retry({ non_field_errors: FAILED })
  }
  if (stage.show_matched_user) delete context.pending_user_identifier
  else context.pending_user_identifier = typed
  return next()
}

/** Whether a provider already said who it is about, so that there is nothing left to ask. */
const isKnownBeforehand = ({ place, plan, stage }: Run): boolean =>
  typeof plan.context.pending_user_identifier === 'string' &&
  !plan.context.pending_user &&
  !stage.password_stage &&
  !stage.captcha_stage &&
  !stage.webauthn_stage &&
  place.kind === 'bound'

export const identification = defineStage({
  model: IdentificationStage,
  component: 'ak-stage-identification',
  answer: () => ({
    uid_field: textField({ required: false, blank: true, nullable: true }),
    password: textField({ required: false, blank: true, nullable: true, trim: false }),
    captcha_token: textField({ required: false, blank: true, nullable: true, maxLength: MAX_TOKEN }),
    passkey: objectField({ required: false, nullable: true }),
  }),

  async challenge(run) {
    if (hasComeFromSource(run)) return next()
    if (isKnownBeforehand(run) && !(await hasPolicies(run))) {
      const outcome = await identify(run, { uid_field: run.plan.context.pending_user_identifier })
      if (!isChallenge(outcome) && outcome.kind === 'next') return outcome
      delete run.plan.context.pending_user
    }
    return form(run)
  },

  respond: identify,
})

/**
 * Whether the person has just come from a source, and this stage could ask for nothing else: enrolments offer sources beside other ways,
 * and whoever took one begins the same flow again.
 */
const hasComeFromSource = ({ plan, stage }: Run): boolean =>
  (stage.user_fields as string[]).length === 0 && plan.context['goauthentik.io/sources/connection'] !== undefined

async function hasPolicies({ ctx, place }: Run): Promise<boolean> {
  if (place.kind !== 'bound') return false
  const target = place.binding.policybindingmodel_ptr_id as string
  return (
    (await ctx.db.selectFrom('policy_binding').select('policy_binding_uuid').where('target', '=', target).executeTakeFirst()) !== undefined
  )
}
