import type { Row } from '../../api/model.ts'
import { addDevice, setupUser } from '../../authenticators/setup.ts'
import type { Ctx } from '../../context.ts'
import { recordEvent } from '../../events/record.ts'
import { withUser } from '../../flows/present.ts'
import { defineStage, denied, next, retry, type Run } from '../../flows/stage.ts'
import { DuoDevice } from './device.ts'
import { DuoError } from './duo.ts'
import { AuthenticatorDuoStage } from './model.ts'
import { enroll, enrollStatus, type Enrollment } from './operations.ts'

const NAME = 'Duo Authenticator'

/** Where the plan remembers the phone that is being activated. */
export const enrollmentKey = (stage: string): string => `goauthentik.io/stages/authenticator_duo/${stage}`

const enrollmentOf = ({ plan, stage }: Run): Enrollment | undefined =>
  plan.context[enrollmentKey(stage.stage_uuid as string)] as Enrollment | undefined

/** What Duo refuses is for administrators to mend. */
export const noteTrouble = (ctx: Ctx, error: DuoError): Promise<void> => {
  ctx.log.error({ err: error }, 'Duo failed')
  return recordEvent(ctx, 'configuration_error', { message: `Duo: ${error.message}` })
}

/** The device of this account at Duo, if somebody has it in use. */
export const duoDeviceOf = (ctx: Ctx, stage: string, userId: string) =>
  ctx.db
    .selectFrom('authenticator_duo')
    .innerJoin('authenticator', 'authenticator.id', 'authenticator_duo.id')
    .select(['authenticator.id', 'authenticator.user'])
    .where('authenticator_duo.stage', '=', stage)
    .where('authenticator_duo.duo_user_id', '=', userId)
    .where('authenticator.deleted', 'is', null)
    .executeTakeFirst()

/** Keeps the account at Duo as a second factor of a person. */
export const addDuoDevice = (ctx: Ctx, stage: string, user: Row, userId: string, name = NAME): Promise<Row | undefined> =>
  addDevice(ctx, DuoDevice, user, { name, stage, duo_user_id: userId })

export const authenticatorDuo = defineStage({
  model: AuthenticatorDuoStage,
  settings: 'ak-user-settings-authenticator-duo',
  component: 'ak-stage-authenticator-duo',
  answer: () => ({}),

  async challenge(run) {
    const { ctx, plan, stage } = run
    const user = setupUser(run)
    if (!user) return denied()
    let enrollment = enrollmentOf(run)
    if (!enrollment) {
      try {
        enrollment = await enroll(ctx, stage, user.username as string)
      } catch (error) {
        if (!(error instanceof DuoError)) throw error
        await noteTrouble(ctx, error)
        return denied('Duo could not enroll this account.')
      }
      plan.context[enrollmentKey(stage.stage_uuid as string)] = enrollment
    }
    return {
      component: 'ak-stage-authenticator-duo',
      ...(await withUser(run)),
      activation_barcode: enrollment.activation_barcode,
      activation_code: enrollment.activation_code,
      stage_uuid: stage.stage_uuid,
    }
  },

  async respond(run) {
    const { ctx, plan, stage } = run
    const user = setupUser(run)
    const enrollment = enrollmentOf(run)
    if (!user || !enrollment) return denied()
    let status
    try {
      status = await enrollStatus(ctx, stage, enrollment)
    } catch (error) {
      if (!(error instanceof DuoError)) throw error
      await noteTrouble(ctx, error)
      return retry({ non_field_errors: 'Duo cannot be reached. Please try again later.' })
    }
    if (status === 'waiting') return retry({ non_field_errors: 'Invalid enrollment status: waiting.' })
    delete plan.context[enrollmentKey(stage.stage_uuid as string)]
    if (status !== 'success') return denied(`Invalid enrollment status: ${status}.`)
    if (await duoDeviceOf(ctx, stage.stage_uuid as string, enrollment.user_id)) return denied('Device with Credential ID already exists.')
    await addDuoDevice(ctx, stage.stage_uuid as string, user, enrollment.user_id)
    return next()
  },
})
