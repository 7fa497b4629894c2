import type { Row } from '../../api/model.ts'
import { issueCode, revokeCode } from '../../authenticators/codes.ts'
import { DeliveryError } from '../../authenticators/sending.ts'
import type { Ctx } from '../../context.ts'
import { currentBrand } from '../../core/brand/model.ts'
import { outgoingOf } from '../../http/outgoing/client.ts'
import { OutgoingError } from '../../http/outgoing/error.ts'
import type { OutgoingRequest } from '../../http/outgoing/outgoing.ts'
import { evaluateMapping } from '../../mappings/evaluate.ts'
import { AuthenticatorSMSStage } from './model.ts'

const APP = 'authentik_stages_authenticator_sms'

/** How long a code that went to a phone can be used, ms. */
const LIFETIME = 10 * 60_000

/** A person waits for the answer. ms */
const TIMEOUT = 15_000

type CodeMessage = {
  /** The set-up stage. */
  stage: Row
  user: Row
  /** The phone number. */
  address: string
  /** What the code is kept under. */
  key: string
}

type Message = { to: string; text: string; code: string; user: Row }

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

/** Twilio's Messages resource, 2010-04-01: a form. */
function toTwilio({ config }: Pick<Ctx, 'config'>, stage: Row, { to, text }: Message): [url: string, request: OutgoingRequest] {
  const { account_sid: account, auth, from_number: from } = stage as Record<string, string>
  // A messaging service of Twilio chooses the number.
  const sender = /^MG[\da-f]{32}$/i.test(from!) ? 'MessagingServiceSid' : 'From'
  return [
    `${config.twilio_url}/2010-04-01/Accounts/${encodeURIComponent(account!)}/Messages.json`,
    {
      headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: basic(account!, auth!) },
      body: new URLSearchParams({ To: to, [sender]: from!, Body: text }).toString(),
    },
  ]
}

/** Any other provider: JSON, to be shaped by the stage's mapping. */
async function toGeneric(ctx: Ctx, stage: Row, message: Message): Promise<[url: string, request: OutgoingRequest]> {
  const { to, text } = message
  const plain = { From: stage.from_number, To: to, Body: text, Message: text }
  const payload = stage.mapping === null ? plain : await mapped(ctx, stage, message)
  const { auth, auth_password: password, auth_type: type } = stage as Record<string, string>
  return [
    stage.account_sid as string,
    {
      headers: { 'content-type': 'application/json', authorization: type === 'bearer' ? `Bearer ${auth}` : basic(auth!, password!) },
      body: JSON.stringify(payload),
    },
  ]
}

async function mapped(ctx: Ctx, stage: Row, { to, code, user }: Message): Promise<unknown> {
  const mapping = await ctx.db
    .selectFrom('property_mapping')
    .select(['pm_uuid', 'name', 'expression'])
    .where('pm_uuid', '=', stage.mapping as string)
    .executeTakeFirstOrThrow()
  const payload = await evaluateMapping(ctx, mapping, {
    user,
    // The credentials are not the mapping's: they go into the request without it.
    variables: scope => ({
      device: scope.conversion.object(`${APP}.smsdevice`, { name: 'SMS Device', phone_number: to, user: user.id }),
      stage: scope.conversion.object(AuthenticatorSMSStage.label, { ...stage, auth: '', auth_password: '' }),
      token: scope.conversion.enter(code),
    }),
  })
  if (payload === undefined || payload === null) throw new DeliveryError(`The mapping ${mapping.name} made no message.`)
  return payload
}

/** Sends a fresh code. @throws DeliveryError when the provider does not take it */
export async function textCode(ctx: Ctx, { stage, user, address, key }: CodeMessage): Promise<void> {
  const code = await issueCode(ctx, key, new Date(ctx.now().getTime() + LIFETIME))
  const { title } = await currentBrand(ctx)
  const message = { to: address, code, user, text: `Use this code to authenticate in ${title}: ${code}` }
  try {
    const [url, request] = stage.provider === 'twilio' ? toTwilio(ctx, stage, message) : await toGeneric(ctx, stage, message)
    // A redirect would lead the code and the credentials elsewhere.
    const { status, body } = await outgoingOf(ctx.config)(url, { method: 'POST', redirects: 0, timeout: TIMEOUT, ...request })
    if (status < 200 || status > 299) throw new DeliveryError(refusalOf(status, body, code))
  } catch (error) {
    await revokeCode(ctx, key)
    if (error instanceof OutgoingError) throw new DeliveryError(error.message, error)
    throw error
  }
}

/** What a provider says to a message that it does not take; never the code, should it be among that. */
function refusalOf(status: number, body: Uint8Array, code: string): string {
  const said = Buffer.from(body).toString('utf8').slice(0, 300).replaceAll(code, '***')
  return `The provider answered ${status}: ${said}`
}
