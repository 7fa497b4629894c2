import { sql } from 'kysely'
import { addressSetup } from '../../authenticators/address-setup.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { emailField } from '../../flows/answer.ts'
import { defineStage, type Run } from '../../flows/stage.ts'
import { isMailAddress } from '../../mail/send.ts'
import { EmailDevice } from './device.ts'
import { mailCode } from './mail.ts'
import { maskMail } from './mask.ts'
import { AuthenticatorEmailStage } from './model.ts'

/** Devices of a stage that are in use. */
const living = (ctx: Ctx, stage: Row) =>
  ctx.db
    .selectFrom('authenticator_email')
    .innerJoin('authenticator', 'authenticator.id', 'authenticator_email.id')
    .select('authenticator.id')
    .where('authenticator_email.stage', '=', stage.stage_uuid as string)
    .where('authenticator.confirmed', '=', true)
    .where('authenticator.deleted', 'is', null)

/** What `maskMail` makes. */
const MASKED = /^.\*\*\*@[^@\s]+$/u

/** The address that an earlier form asked for, else the account's. */
function established({ plan }: Run, user: Row): string | undefined {
  const prompted = (plan.context.prompt_data as Row | undefined)?.email
  return [prompted, user.email].find((address): address is string => typeof address === 'string' && address !== '')
}

export const authenticatorEmail = defineStage({
  model: AuthenticatorEmailStage,
  settings: 'ak-user-settings-authenticator-email',
  ...addressSetup({
    component: 'ak-stage-authenticator-email',
    field: 'email',
    // The masked form asks for another code; everything else must be an address.
    read: { ...emailField(), parse: value => (typeof value === 'string' && MASKED.test(value) ? { value } : emailField().parse(value)) },
    missing: 'email required',
    invalid: 'Invalid email',
    established,
    normal: address => (isMailAddress(address.trim()) ? address.trim() : undefined),
    isSame: (answer, address) => answer.toLowerCase() === address.toLowerCase() || answer === maskMail(address),
    isTaken: async (ctx, stage, address) =>
      (await living(ctx, stage)
        .where(sql`lower(authenticator_email.email)`, '=', address.toLowerCase())
        .executeTakeFirst()) !== undefined,
    refusal: async (ctx, stage, user) =>
      (await living(ctx, stage)
        .where('authenticator.user', '=', user.id as number)
        .executeTakeFirst()) === undefined
        ? undefined
        : 'The user already has an email address registered for MFA.',
    send: mailCode,
    shown: address => ({ email: address === undefined ? null : maskMail(address), email_required: address === undefined }),
    model: EmailDevice,
    device: (_ctx, stage, address) => ({ name: 'Email Device', stage: stage.stage_uuid, email: address }),
  }),
})
