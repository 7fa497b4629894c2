import type { Row } from '../src/api/model.ts'
import { addDevice } from '../src/authenticators/setup.ts'
import type { Ctx } from '../src/context.ts'
import { DuoDevice } from '../src/stages/authenticator_duo/device.ts'
import { EmailDevice } from '../src/stages/authenticator_email/device.ts'
import { SMSDevice } from '../src/stages/authenticator_sms/device.ts'
import { jobs } from '../src/tasks/jobs.ts'
import { makeRunner } from '../src/tasks/runner.ts'
import { aFlow, aStage, FlowVisitor, type Shown } from './flows.ts'
import type { TestServer } from './harness.ts'
import { mailServer } from './smtp.ts'

/** Devices whose codes are sent, and what becomes of them. */

export const anEmailDevice = async (ctx: Ctx, user: Row, stage: Row, email = user.email): Promise<Row> =>
  (await addDevice(ctx, EmailDevice, user, { name: 'Email Device', stage: stage.stage_uuid, email }))!

export const aPhone = async (ctx: Ctx, user: Row, stage: Row, number: string): Promise<Row> =>
  (await addDevice(ctx, SMSDevice, user, { name: 'SMS Device', stage: stage.stage_uuid, phone_number: number }))!

export const aDuoDevice = async (ctx: Ctx, user: Row, stage: Row, id: string): Promise<Row> =>
  (await addDevice(ctx, DuoDevice, user, { name: 'Duo Authenticator', stage: stage.stage_uuid, duo_user_id: id }))!

/** Another code than this. */
export const otherThan = (code: string): string => (code === '000000' ? '000001' : '000000')

/** A sign-in that asks for a password and then for a second factor. */
export const aTwoFactorFlow = async (ctx: Ctx, values: Row = {}): Promise<string> =>
  (
    await aFlow(ctx, [
      'identification',
      'password',
      await aStage(ctx, 'authenticator_validate', { not_configured_action: 'deny', ...values }),
      'user_login',
    ])
  ).slug

/** A browser in front of what a flow does after name and password: a question for a second factor, or the set-up of one. The password is `right`. */
export async function afterPassword(app: TestServer['app'], slug: string, user: Row): Promise<{ visitor: FlowVisitor; shown: Shown }> {
  const visitor = new FlowVisitor(app)
  await visitor.challenge(slug)
  await visitor.challenge(slug, '', { uid_field: user.username })
  return { visitor, shown: await visitor.challenge(slug, '', { password: 'right' }) }
}

/** A mail server, and a way to have what waits sent to it. Its `env` belongs into the server's. */
export async function mailbox() {
  const smtp = await mailServer()
  return {
    ...smtp,
    /** Sends what waits. Answers the mails that came of it. */
    async delivered({ ctx, clock }: Pick<TestServer, 'ctx' | 'clock'>) {
      const before = smtp.mails.length
      clock.advance(1_000)
      await makeRunner(ctx, jobs).step()
      return smtp.mails.slice(before)
    },
  }
}

/** What fifty browsers get that send the same code at once. @param sent the code, once the first of them has asked for it */
export async function fiftyAtOnce(app: TestServer['app'], slug: string, user: Row, sent: () => string | Promise<string>): Promise<Shown[]> {
  const browsers = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const visitor = new FlowVisitor(app)
      await visitor.challenge(slug)
      return { visitor, shown: await visitor.challenge(slug, '', { uid_field: user.username }) }
    }),
  )
  await browsers[0]!.visitor.challenge(slug, '', { selected_challenge: browsers[0]!.shown.device_challenges[0] })
  const code = await sent()
  return Promise.all(browsers.map(({ visitor }) => visitor.challenge(slug, '', { code })))
}
