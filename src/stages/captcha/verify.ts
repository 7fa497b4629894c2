import type { Ctx } from '../../context.ts'
import type { Row } from '../../api/model.ts'
import { asObject } from '../../flows/objects.ts'
import { pathOf } from '../../flows/addresses.ts'
import type { Plan } from '../../flows/plan.ts'
import { outgoingOf } from '../../http/outgoing/client.ts'
import { OutgoingError } from '../../http/outgoing/error.ts'
import { CaptchaStage } from './model.ts'
import { isOwn, judge, OWN_SCRIPT, puzzleFor } from './proof-of-work.ts'

/** Puzzles that were handed out in a plan, by the key of their stage. */
const PUZZLES = 'goauthentik.io/stages/captcha/puzzles'

/** Where a plan keeps what was answered, for policies. */
const CONTEXT = 'captcha'

const MAX_WAIT = 10_000 // ms

/** What a provider's answer may say is wrong that another attempt mends. */
const PASSING = new Set(['timeout-or-duplicate', 'internal-error', 'expired-input-response', 'already-seen-response'])

const puzzlesOf = ({ context }: Plan): Row => (context[PUZZLES] as Row | undefined) ?? {}

/** The fields of a challenge that say how a captcha is to be shown. */
export function captchaFields(ctx: Ctx, plan: Plan, stage: Row): { js_url: string; site_key: string; interactive: boolean } {
  if (!isOwn(stage.api_url as string))
    return { js_url: stage.js_url as string, site_key: stage.public_key as string, interactive: stage.interactive as boolean }
  const key = stage.stage_uuid as string
  const puzzle = puzzleFor(ctx, key, stage.api_url as string, puzzlesOf(plan)[key])
  plan.context[PUZZLES] = { ...puzzlesOf(plan), [key]: puzzle }
  return { js_url: pathOf(ctx, OWN_SCRIPT), site_key: puzzle, interactive: false }
}

/**
 * Holds an answer against the stage's rules, and keeps what the provider said as `captcha` in the plan.
 * @returns what to tell the person, or undefined when the answer will do
 */
export async function refuseCaptcha(ctx: Ctx, plan: Plan, stage: Row, token: string): Promise<string | undefined> {
  let response: Row
  try {
    response = isOwn(stage.api_url as string) ? await ownResponse(ctx, plan, stage, token) : await askProvider(ctx, stage, token)
  } catch (error) {
    if (!(error instanceof OutgoingError || error instanceof NoAnswer)) throw error
    ctx.log.warn({ reason: error.message }, 'failed to validate captcha token')
    return 'Failed to validate token'
  }
  const refused = stage.error_on_invalid_score ? judgeResponse(ctx, stage, response) : undefined
  if (refused === undefined) plan.context[CONTEXT] = { response, stage: asObject(CaptchaStage, stage) }
  return refused
}

async function ownResponse(ctx: Ctx, plan: Plan, stage: Row, token: string): Promise<Row> {
  const key = stage.stage_uuid as string
  const { [key]: handedOut, ...others } = puzzlesOf(plan)
  const error = await judge(ctx, key, handedOut, token)
  // Whatever became of it, the next question is a new one.
  plan.context[PUZZLES] = others
  return error === undefined ? { success: true } : { success: false, 'error-codes': [error] }
}

class NoAnswer extends Error {}

/** Asks the provider about a token: form or JSON with `secret`, `response`, `remoteip`. @throws OutgoingError, NoAnswer */
async function askProvider(ctx: Ctx, stage: Row, token: string): Promise<Row> {
  const values = { secret: stage.private_key as string, response: token, remoteip: ctx.request?.clientIp ?? '' }
  const type = stage.request_content_type as string
  const answer = await outgoingOf(ctx.config)(stage.api_url as string, {
    method: 'POST',
    headers: { 'content-type': type, accept: 'application/json' },
    body: type === 'application/json' ? JSON.stringify(values) : new URLSearchParams(values).toString(),
    timeout: Math.min(MAX_WAIT, ctx.config.http_timeout * 1000),
    maxBytes: 64 * 1024,
    // The secret goes to the address that was set up, and to no other.
    redirects: 0,
  })
  if (answer.status < 200 || answer.status > 299) throw new NoAnswer(`the provider answered ${answer.status}`)
  try {
    const body: unknown = JSON.parse(Buffer.from(answer.body).toString('utf8'))
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Row
  } catch (cause) {
    throw new NoAnswer('the provider answered something else than JSON', { cause })
  }
  throw new NoAnswer('the provider answered something else than an object')
}

/** The provider's verdict, and the score where there is one. A threshold below zero is none. */
function judgeResponse(ctx: Ctx, stage: Row, response: Row): string | undefined {
  if (response.success !== true) {
    const codes = Array.isArray(response['error-codes']) ? response['error-codes'].map(String) : ['unknown-error']
    ctx.log.info({ codes: codes.slice(0, 8) }, 'captcha refused')
    return codes.every(code => PASSING.has(code)) ? 'Invalid captcha response. Retrying may solve this issue.' : 'Invalid captcha response'
  }
  if (!('score' in response)) return undefined
  const score = Number(response.score)
  const { score_min_threshold: least, score_max_threshold: most } = stage as { score_min_threshold: number; score_max_threshold: number }
  const fits = Number.isFinite(score) && (most < 0 || score <= most) && (least < 0 || score >= least)
  return fits ? undefined : 'Invalid captcha response'
}
