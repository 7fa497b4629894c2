import { addDevice, setupUser } from '../../authenticators/setup.ts'
import { ApiError } from '../../api/errors.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { currentBrand } from '../../core/brand/model.ts'
import { objectField } from '../../flows/answer.ts'
import { withUser } from '../../flows/present.ts'
import { defineStage, denied, next, retry, type Outcome, type Run } from '../../flows/stage.ts'
import { typeRefused } from './assertion.ts'
import { spendChallenge } from './ceremony.ts'
import { typesByKey, UNKNOWN_TYPE } from './device-types.ts'
import { isAllowed, WebAuthnDevice } from './device.ts'
import { AuthenticatorWebAuthnStage } from './model.ts'
import { creationOptions, RegistrationError, verifyRegistration, type Registered } from './registration.ts'

/** Answers within one plan that would not do. */
const ATTEMPTS = 'goauthentik.io/stages/authenticator_webauthn/attempts'

const EXISTS = 'Credential ID already exists.'

/** Whether a credential is taken, be it by a device in the trash, which may come back. */
const isTaken = async (ctx: Ctx, credential: string): Promise<boolean> =>
  (await ctx.db.selectFrom('webauthn_device').select('id').where('credential_id', '=', credential).executeTakeFirst()) !== undefined

/** Stores the device; the error to show where that will not do. */
async function store(run: Run, user: Row, registered: Registered): Promise<string | undefined> {
  const { ctx, stage } = run
  // Devices that do not say what they are have no type of their own.
  const known = registered.aaguid === UNKNOWN_TYPE ? undefined : (await typesByKey(ctx, [registered.aaguid])).get(registered.aaguid)
  if (!isAllowed(stage.device_type_restrictions, known?.aaguid ?? null)) return typeRefused(run)
  if (await isTaken(ctx, registered.credential_id)) return EXISTS
  try {
    await addDevice(ctx, WebAuthnDevice, user, {
      ...registered,
      name: known?.description ?? 'WebAuthn Device',
      device_type: known?.aaguid ?? null,
    })
  } catch (error) {
    // Another request was quicker with the same credential.
    if (error instanceof ApiError && (await isTaken(ctx, registered.credential_id))) return EXISTS
    throw error
  }
  return undefined
}

/** One attempt less; the last one ends the flow. */
async function failed({ ctx, plan, stage }: Run, text: string): Promise<Outcome> {
  const attempts = Number(plan.context[ATTEMPTS] ?? 0) + 1
  plan.context[ATTEMPTS] = attempts
  const most = stage.max_attempts as number
  if (most > 0 && attempts >= most)
    return denied(`Exceeded maximum attempts. Contact your ${(await currentBrand(ctx)).title} administrator for help.`)
  return retry({ response: text })
}

export const authenticatorWebAuthn = defineStage({
  model: AuthenticatorWebAuthnStage,
  component: 'ak-stage-authenticator-webauthn',
  settings: 'ak-user-settings-authenticator-webauthn',
  answer: () => ({ response: objectField() }),

  async challenge(run) {
    const user = setupUser(run)
    if (!user) return denied()
    return {
      component: 'ak-stage-authenticator-webauthn',
      ...(await withUser(run)),
      registration: await creationOptions(run, user),
    }
  },

  async respond(run, answer) {
    const user = setupUser(run)
    if (!user) return denied()
    let registered
    try {
      registered = await verifyRegistration(run, answer.response as Row, spendChallenge(run))
    } catch (error) {
      if (!(error instanceof RegistrationError)) throw error
      run.ctx.log.info({ err: error }, 'webauthn registration refused')
      return failed(run, `Registration failed. Error: ${error.message}`)
    }
    const problem = await store(run, user, registered)
    if (problem !== undefined) return failed(run, problem)
    delete run.plan.context[ATTEMPTS]
    return next()
  },
})
