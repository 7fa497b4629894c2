import type { Ctx } from '../../../../context.ts'
import type { Row } from '../../../../api/model.ts'
import { hashToken } from '../../../../crypto/secrets.ts'
import { required } from '../../../../db/planned-write.ts'
import { recordEvent } from '../../../../events/record.ts'
import type { Client } from '../../client/client.ts'
import { consentStands } from '../../consent/consent.ts'
import { DEVICE_GRANT } from '../../device/authorization.ts'
import { findDevice, noteQuestion, spendDevice, type DeviceRow } from '../../device/rows.sql.ts'
import { invalidGrant, OAuthError, Replayed } from '../../errors.ts'
import { revokeFamily, sessionLives } from '../grants.sql.ts'
import type { Authorization } from '../issue.ts'
import type { Grant, TokenRequest } from '../token.ts'
import { activeUser } from '../../users.ts'

/** Refusals of RFC 8628 §3.5 that tell the device what to do. */
const waiting = (): OAuthError => new OAuthError('authorization_pending', 'Nobody has let this device in yet')
const tooFast = (): OAuthError => new OAuthError('slow_down', 'Ask again after five more seconds than before')
const declined = (): OAuthError => new OAuthError('access_denied', 'The person did not let this device in')
const expired = (): OAuthError => new OAuthError('expired_token', 'The device code has expired')

/** A spent code came again: somebody else knows it, so what it bought ends, as with authorization codes. */
const replayed = (ctx: Ctx, client: Client, user: Row | undefined, device: DeviceRow): Replayed =>
  new Replayed(invalidGrant(), async () => {
    if ((await revokeFamily(ctx.db, device.family, ctx.now())) > 0)
      await recordEvent(
        ctx,
        'suspicious_request',
        { message: 'A device code was used twice; what it bought was revoked.', provider: { pk: client.id, name: client.name } },
        { user: user ?? null },
      )
  })

async function authorize(ctx: Ctx, { form }: TokenRequest, client: Client): Promise<Authorization> {
  const presented = form.get('device_code')
  const hash = presented === undefined ? undefined : hashToken(presented)
  const device = hash === undefined ? undefined : await findDevice(ctx.db, hash)
  if (hash === undefined || !device || device.provider !== client.id) throw invalidGrant()
  const now = ctx.now()
  if (device.declined_at !== null) throw declined()
  if (device.expires <= now) throw expired()
  if (device.user === null) {
    const tooSoon = device.asked_at !== null && now.getTime() - device.asked_at.getTime() < device.interval * 1000
    await noteQuestion(ctx.db, device, now, tooSoon)
    throw tooSoon ? tooFast() : waiting()
  }
  const user = await activeUser(ctx, device.user)
  if (device.used_at !== null) throw replayed(ctx, client, user, device)
  const sessionLive = await sessionLives(ctx.db, device.session_hash, now)
  if (!user || !client.application || !sessionLive || !(await consentStands(ctx, client.application, user, device))) throw invalidGrant()
  const scopes = device.scope.filter(name => client.scopes.includes(name))
  const refreshable = scopes.includes('offline_access') && client.grantTypes.has('refresh_token')
  return {
    user,
    scopes,
    asking: { oauth_scopes: [...scopes], oauth_grant_type: DEVICE_GRANT },
    facts: { sid: device.sid, auth_time: device.auth_time, amr: device.amr },
    nonce: null,
    session_hash: device.session_hash,
    family: device.family,
    idToken: true,
    refresh: refreshable ? { scopes, nonce: null, consented: device.consented, consent_until: device.consent_until } : undefined,
    claim: required(spendDevice(hash, now), () => replayed(ctx, client, user, device)),
  }
}

/** RFC 8628 §3.4 and §3.5. */
export const deviceCode: Grant = { type: DEVICE_GRANT, provesItself: false, authorize }
