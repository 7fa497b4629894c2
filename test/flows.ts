import assert from 'node:assert/strict'
import { createObject } from '../src/api/objects.ts'
import type { Model, Row } from '../src/api/model.ts'
import type { Ctx } from '../src/context.ts'
import { FlowStageBinding } from '../src/flows/binding.ts'
import { Flow } from '../src/flows/flow.ts'
import { AuthenticatorWebAuthnStage } from '../src/stages/authenticator_webauthn/model.ts'
import { AuthenticatorStaticStage } from '../src/stages/authenticator_static/model.ts'
import { AuthenticatorTOTPStage } from '../src/stages/authenticator_totp/model.ts'
import { AuthenticatorValidateStage } from '../src/stages/authenticator_validate/model.ts'
import { CaptchaStage } from '../src/stages/captcha/model.ts'
import { AuthenticatorDuoStage } from '../src/stages/authenticator_duo/model.ts'
import { AuthenticatorEmailStage } from '../src/stages/authenticator_email/model.ts'
import { AuthenticatorSMSStage } from '../src/stages/authenticator_sms/model.ts'
import { ConsentStage } from '../src/stages/consent/model.ts'
import { DenyStage } from '../src/stages/deny/model.ts'
import { DummyStage } from '../src/stages/dummy/model.ts'
import { EmailStage } from '../src/stages/email/model.ts'
import { IdentificationStage } from '../src/stages/identification/model.ts'
import { InvitationStage } from '../src/stages/invitation/model.ts'
import { PasswordStage } from '../src/stages/password/model.ts'
import { Prompt, PromptStage } from '../src/stages/prompt/model.ts'
import { RedirectStage } from '../src/stages/redirect/model.ts'
import { SourceStage } from '../src/stages/source/model.ts'
import { UserDeleteStage } from '../src/stages/user_delete/model.ts'
import { UserLoginStage } from '../src/stages/user_login/model.ts'
import { UserLogoutStage } from '../src/stages/user_logout/model.ts'
import { UserWriteStage } from '../src/stages/user_write/model.ts'
import { assertFits, component } from './contract/schema.ts'
import { unique } from './builders.ts'
import type { Answer } from './harness.ts'
import { Visitor } from './visitor.ts'

/** Flows for tests: the least that is valid, stored as the API would store it. */

const KINDS: Readonly<Record<string, Model>> = {
  identification: IdentificationStage,
  password: PasswordStage,
  user_delete: UserDeleteStage,
  user_login: UserLoginStage,
  user_logout: UserLogoutStage,
  user_write: UserWriteStage,
  prompt: PromptStage,
  captcha: CaptchaStage,
  consent: ConsentStage,
  deny: DenyStage,
  dummy: DummyStage,
  redirect: RedirectStage,
  source: SourceStage,
  invitation: InvitationStage,
  email: EmailStage,
  authenticator_webauthn: AuthenticatorWebAuthnStage,
  authenticator_totp: AuthenticatorTOTPStage,
  authenticator_static: AuthenticatorStaticStage,
  authenticator_validate: AuthenticatorValidateStage,
  authenticator_email: AuthenticatorEmailStage,
  authenticator_sms: AuthenticatorSMSStage,
  authenticator_duo: AuthenticatorDuoStage,
}

const NEEDED: Readonly<Record<string, Row>> = {
  identification: { user_fields: ['username', 'email'] },
  password: { backends: ['authentik.core.auth.InbuiltBackend', 'authentik.core.auth.TokenBackend'] },
  redirect: { mode: 'static', target_static: 'https://elsewhere.example/' },
  prompt: { fields: [] },
  authenticator_totp: { digits: '6' },
  captcha: { api_url: '/proof-of-work/?bits=8', public_key: 'none', private_key: 'none' },
  authenticator_email: { use_global_settings: true },
  authenticator_sms: { provider: 'generic', from_number: '+15550100', account_sid: 'https://sms.example.test/send', auth: 'key' },
  authenticator_duo: { client_id: 'ikey', client_secret: 'skey', api_hostname: 'api-1.duosecurity.com' },
}

/** The source that every installation has, and to which there is no way. */
const builtIn = async (ctx: Ctx): Promise<Row> => ({
  source: (await ctx.db.selectFrom('source').select('pbm_uuid').where('slug', '=', 'authentik-built-in').executeTakeFirstOrThrow())
    .pbm_uuid,
})

/** A stage of a kind, by the name of its folder. */
export const aStage = async (ctx: Ctx, kind: string, values: Row = {}): Promise<Row> =>
  createObject(ctx, KINDS[kind]!, { name: unique(kind), ...(kind === 'source' ? await builtIn(ctx) : NEEDED[kind]), ...values })

/** A prompt stage with these fields. */
export async function aForm(ctx: Ctx, fields: Row[], values: Row = {}): Promise<Row> {
  const prompts = await Promise.all(
    fields.map((field, order) =>
      createObject(ctx, Prompt, { name: unique('field'), label: String(field.field_key), type: 'text', order, ...field }),
    ),
  )
  return aStage(ctx, 'prompt', { fields: prompts.map(prompt => prompt.prompt_uuid), ...values })
}

/** What a flow binds: a stage, its kind, or either with values of the binding. */
export type Bound = string | Row | { stage: string | Row; binding: Row }

/** A flow with these stages in their order. */
export async function aFlow(ctx: Ctx, stages: Bound[], values: Row = {}): Promise<Row & { slug: string }> {
  const slug = unique('flow')
  const flow = await createObject(ctx, Flow, { name: slug, slug, title: 'A flow', designation: 'authentication', ...values })
  for (const [index, bound] of stages.entries()) {
    const { stage, binding } =
      typeof bound === 'object' && 'binding' in bound ? (bound as { stage: string | Row; binding: Row }) : { stage: bound, binding: {} }
    const stored = typeof stage === 'string' ? await aStage(ctx, stage) : stage
    await createObject(ctx, FlowStageBinding, { target: flow.flow_uuid, stage: stored.stage_uuid, order: index * 10, ...binding })
  }
  return flow as Row & { slug: string }
}

export type Shown = Record<string, any>

const EXECUTOR = '/api/v3/flows/executor/'

/** Views that are answered, by the contract. */
const answered = (): ReadonlySet<string> => {
  const { mapping } = component('FlowChallengeResponseRequest').discriminator as { mapping: Record<string, string> }
  return new Set(Object.keys(mapping))
}

/**
 * A browser in a flow. Every challenge that it gets, whichever way it asks, is held to the published contract, and so is every answer that
 * the executor takes: what moves a flow on must be something that a typed client could have sent.
 */
export class FlowVisitor extends Visitor {
  /** View that each flow showed last. */
  readonly #shown = new Map<string, string>()

  override async request(...[method, path, options]: Parameters<Visitor['request']>): Promise<Answer> {
    const answer = await super.request(method, path, options)
    if (!path.startsWith(EXECUTOR)) return answer
    const slug = path.slice(EXECUTOR.length).split('/')[0]!
    const shown = this.#shown.get(slug)
    if (method === 'POST' && shown !== undefined && isTaken(answer, shown)) this.#holdAnswer(shown, options?.body)
    if (answer.status === 200) {
      assertFits('ChallengeTypes', answer.body)
      this.#shown.set(slug, (answer.body as Shown).component)
    }
    return answer
  }

  override challenge(slug: string, query = '', body?: unknown): Promise<Shown> {
    return super.challenge(slug, query, body)
  }

  #holdAnswer(shown: string, body: unknown): void {
    if (!answered().has(shown)) return
    assertFits('FlowChallengeResponseRequest', { component: shown, ...(body as object) })
  }

  /** Answers, without following redirects. */
  post = (slug: string, body: unknown, query = '') =>
    this.request('POST', `${EXECUTOR}${slug}/?query=${encodeURIComponent(query)}`, { body })
}

/** Whether an answer moved the flow on: the executor says to ask again, or what it shows now is of another kind and has no complaints. */
const isTaken = ({ status, body }: Answer, shown: string): boolean =>
  status === 302 || (status === 200 && (body as Shown).component === 'xak-flow-redirect' && shown !== 'xak-flow-redirect')

/** Texts of an answer's errors by field. */
export function errorsOf(challenge: Shown): Record<string, string[]> {
  const errors = (challenge.response_errors ?? {}) as Record<string, { string: string; code: string }[]>
  return Object.fromEntries(Object.entries(errors).map(([name, list]) => [name, list.map(error => error.string)]))
}

/** Holds that a flow sends the browser there, and has ended. */
export function assertDone(challenge: Shown, to: string): void {
  assert.deepEqual(challenge, { component: 'xak-flow-redirect', to, final_redirect: true })
}
