import type { Ctx } from '../../../context.ts'
import { countAttempt } from '../../../core/attempts.ts'
import { hashToken } from '../../../crypto/secrets.ts'
import { networkOf } from '../../../lib/ip.ts'
import { randomString, timeOrderedUuid } from '../../../lib/random.ts'
import { baseUrl } from '../addresses.ts'
import { json, type Answer } from '../answer.ts'
import { namedClient, readCredentials, requireProof, type Headers } from '../client/authentication.ts'
import { invalidClient, invalidScope, OAuthError, unauthorizedClient } from '../errors.ts'
import { parseScope, requireSound, type Parameters } from '../parameters.ts'

export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

const DEVICE_CODE_LENGTH = 128
const USER_CODE_DIGITS = 9
const INTERVAL = 5 // seconds, RFC 8628 §3.2
/** Nobody types a code faster than this, whatever an authorization code's life is set to. */
const LEAST_LIFE = 600_000 // ms
/** Beginnings of one client from one network. Anonymous: otherwise the nine digits could be filled up. */
const MOST = 20
const WINDOW = 3_600_000 // ms

/** Device authorization request and response, RFC 8628 §3.1 and §3.2. */
export async function deviceAuthorization(ctx: Ctx, headers: Headers, form: Parameters): Promise<Answer> {
  requireSound(form)
  const credentials = readCredentials(headers, form)
  const client = await namedClient(ctx, credentials)
  await requireProof(ctx, client, credentials) // §3.1: as at the token endpoint
  if (!client.application) throw invalidClient(credentials.basic)
  if (!client.grantTypes.has(DEVICE_GRANT)) throw unauthorizedClient()
  const requested = parseScope(form.get('scope'))
  if (!requested) throw invalidScope()
  const attempts = await countAttempt(ctx, `device code ${client.id} ${networkOf(ctx.request?.clientIp ?? '')}`, WINDOW)
  if (attempts > MOST)
    throw new OAuthError('slow_down', 'Too many devices have asked from this address. Try again later.', {
      status: 429,
      headers: { 'retry-after': String(WINDOW / 1000) },
    })
  const scope = requested.length === 0 ? [...client.scopes] : requested.filter(name => client.scopes.includes(name))
  const life = Math.max(client.lifetimes.code, LEAST_LIFE)
  const code = randomString(DEVICE_CODE_LENGTH, undefined, ctx.randomBytes)
  const userCode = randomString(USER_CODE_DIGITS, '0123456789', ctx.randomBytes)
  await ctx.db
    .insertInto('oauth2_device_code')
    .values({
      provider: client.id,
      device_code_hash: hashToken(code),
      user_code: userCode,
      scope: JSON.stringify(scope),
      expires: new Date(ctx.now().getTime() + life),
      interval: INTERVAL,
      asked_at: null,
      user: null,
      session_hash: null,
      sid: null,
      auth_time: null,
      amr: JSON.stringify([]),
      consent_until: null,
      family: timeOrderedUuid(ctx.now(), ctx.randomBytes),
      used_at: null,
      declined_at: null,
    })
    .execute()
  const page = `${baseUrl(ctx)}device`
  return json(200, {
    device_code: code,
    user_code: userCode,
    verification_uri: page,
    verification_uri_complete: `${page}?code=${userCode}`,
    expires_in: Math.floor(life / 1000),
    interval: INTERVAL,
  })
}
