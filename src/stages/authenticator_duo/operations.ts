import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { callDuo, DuoError, type DuoAccess, type DuoAnswer } from './duo.ts'

/** What Duo's Auth and Admin API do for us, on the account that a stage names. Every function throws DuoError. */

/** Duo waits a minute for the person; servers before ours seldom wait longer than that for us. ms */
const PUSH_TIMEOUT = 55_000
/** Users of one page; the most that the Admin API gives. */
const PAGE = 300
const MOST_USERS = 100_000

const authAccess = (stage: Row): DuoAccess => ({
  host: stage.api_hostname as string,
  integrationKey: stage.client_id as string,
  secretKey: stage.client_secret as string,
})

const adminAccess = (stage: Row): DuoAccess => ({
  host: stage.api_hostname as string,
  integrationKey: stage.admin_integration_key as string,
  secretKey: stage.admin_secret_key as string,
})

const asObject = ({ response }: DuoAnswer): Record<string, unknown> => {
  if (typeof response !== 'object' || response === null) throw new DuoError('Duo answered something else than an object.')
  return response as Record<string, unknown>
}

function textIn(object: Record<string, unknown>, name: string): string {
  const value = object[name]
  if (typeof value !== 'string') throw new DuoError(`Duo's answer has no ${name}.`)
  return value
}

/** A phone that waits to be activated. */
export type Enrollment = { user_id: string; activation_code: string; activation_barcode: string }

/** Makes an account with a phone that is yet to be activated (`/auth/v2/enroll`). */
export async function enroll(ctx: Ctx, stage: Row, username: string): Promise<Enrollment> {
  const answer = asObject(await callDuo(ctx, authAccess(stage), { method: 'POST', path: '/auth/v2/enroll', params: { username } }))
  return {
    user_id: textIn(answer, 'user_id'),
    activation_code: textIn(answer, 'activation_code'),
    activation_barcode: textIn(answer, 'activation_barcode'),
  }
}

export type EnrollmentStatus = 'success' | 'waiting' | 'invalid'

/** Whether the phone was activated (`/auth/v2/enroll_status`). */
export async function enrollStatus(
  ctx: Ctx,
  stage: Row,
  { user_id, activation_code }: Pick<Enrollment, 'user_id' | 'activation_code'>,
): Promise<EnrollmentStatus> {
  const params = { user_id, activation_code }
  const { response } = await callDuo(ctx, authAccess(stage), { method: 'POST', path: '/auth/v2/enroll_status', params })
  return response === 'success' || response === 'waiting' ? response : 'invalid'
}

/** What the person sees on the phone. */
export type PushFacts = { userId: string; username: string; ip: string; type: string; domain: string; application: string | undefined }

/** Asks the person by whatever Duo finds best for their phone (`/auth/v2/preauth`, `/auth/v2/auth`), and waits for the answer. */
export async function askOnPhone(ctx: Ctx, stage: Row, facts: PushFacts): Promise<boolean> {
  const access = authAccess(stage)
  const person = { user_id: facts.userId, ipaddr: facts.ip }
  const allowed = asObject(await callDuo(ctx, access, { method: 'POST', path: '/auth/v2/preauth', params: person })).result
  // "allow": an administrator of Duo lets this person pass without being asked, for now.
  if (allowed !== 'auth') return allowed === 'allow'
  const pushinfo = new URLSearchParams({ Domain: facts.domain, ...(facts.application !== undefined && { Application: facts.application }) })
  const params = {
    ...person,
    factor: 'auto',
    device: 'auto',
    type: facts.type,
    display_username: facts.username,
    pushinfo: pushinfo.toString(),
  }
  const answer = asObject(await callDuo(ctx, access, { method: 'POST', path: '/auth/v2/auth', params, timeout: PUSH_TIMEOUT }))
  return answer.result === 'allow'
}

/** All users that Duo's account has (`/admin/v1/users`), page by page. */
export async function* duoUsers(ctx: Ctx, stage: Row): AsyncGenerator<{ user_id: string; username: string }> {
  for (let offset = 0; offset < MOST_USERS;) {
    const params = { limit: String(PAGE), offset: String(offset) }
    const { response, metadata } = await callDuo(ctx, adminAccess(stage), { method: 'GET', path: '/admin/v1/users', params })
    if (!Array.isArray(response)) throw new DuoError('Duo answered something else than a list of users.')
    for (const user of response as Record<string, unknown>[]) yield { user_id: textIn(user, 'user_id'), username: textIn(user, 'username') }
    const next = metadata.next_offset
    if (typeof next !== 'number' || next <= offset) return
    offset = next
  }
}
