import { eventModel } from '../../api/objects.ts'
import { wireInstant } from '../../api/present.ts'
import { parseUuid } from '../../api/filters.ts'
import type { Row } from '../../api/model.ts'
import { noteUse } from '../../authenticators/device.ts'
import { devicesOf, kindOfDevice, type DeviceKind } from '../../authenticators/kind.ts'
import { setupUser } from '../../authenticators/setup.ts'
import { recordEvent } from '../../events/record.ts'
import { integerField, objectField, textField, type AnswerValues } from '../../flows/answer.ts'
import { stageByKey } from '../../flows/definition.ts'
import { addedStage } from '../../flows/plan.ts'
import { subjectOf } from '../../flows/planner.ts'
import { displayName, withUser } from '../../flows/present.ts'
import { rotateSession } from '../../flows/rotate.ts'
import { defineStage, denied, next, retry, type Outcome, type Run } from '../../flows/stage.ts'
import { proveByCode } from './codes.ts'
import { notePasskey } from '../authenticator_webauthn/passwordless.ts'
import { changeReputation } from '../../policies/reputation/score.ts'
import { AuthenticatorValidateStage } from './model.ts'
import { passedBefore, rememberPassed } from './threshold.ts'

const COMPONENT = 'ak-stage-authenticator-validate'
const NOT_CONFIGURED = 'No (allowed) MFA authenticator configured.'
const WRONG_CODE = 'Invalid Token. Please ensure the time on your device is accurate and try again.'
const NOT_ALLOWED = 'No compatible device class allowed'
/** Set-up stages that are offered, whose names say so in full. */
const SETUP_SUFFIX = / ?Setup Stage$/

/** What a person may choose from: their devices of a kind. */
type Offer = { kind: DeviceKind; devices: Row[] }

const allowedKinds = ({ ctx, stage }: Run): DeviceKind[] =>
  ctx.registry.deviceKinds.filter(({ deviceClass }) => (stage.device_classes as string[]).includes(deviceClass))

/** Nobody is known: a passkey can say who it is. */
const passkeyKind = (run: Run): DeviceKind | undefined =>
  run.flow.designation === 'authentication' ? allowedKinds(run).find(({ deviceClass }) => deviceClass === 'webauthn') : undefined

/** Devices that the stage takes, by kind. A name that was only pretended has none, found by the same questions. */
async function offers(run: Run): Promise<Offer[]> {
  const user = setupUser(run)
  const found: Offer[] = []
  for (const kind of allowedKinds(run)) {
    const devices = (await devicesOf(run.ctx, kind, (user?.id as number | undefined) ?? 0)).filter(
      device => !kind.passedOver?.(device, run.stage),
    )
    if (devices.length > 0) found.push({ kind, devices })
  }
  return found
}

/** One entry for each class, named by its first device. */
async function deviceChallenges(run: Run, offered: readonly Offer[]): Promise<Row[]> {
  const shown: Row[] = []
  for (const { kind, devices } of offered) {
    const lastUsed = devices[0]!.last_used as Date | null
    shown.push({
      device_class: kind.deviceClass,
      device_uid: String(devices[0]!.id),
      challenge: (await kind.challenge?.(run, devices, run.stage)) ?? {},
      last_used: lastUsed && wireInstant(lastUsed),
    })
  }
  return shown
}

/** The set-up stages that can be run here. */
async function configurationStages({ ctx, stage }: Run): Promise<Row[]> {
  const found = await Promise.all((stage.configuration_stages as string[]).map(key => stageByKey(ctx, key)))
  return found
    .filter(row => row !== undefined)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(row => {
      const model = ctx.registry.stages.find(kind => kind.model.label === row.kind)!.model
      return {
        pk: row.stage_uuid,
        name: row.friendly_name || row.name,
        verbose_name: model.verboseName.replace(SETUP_SUFFIX, ''),
        meta_model_name: model.label,
      }
    })
}

/** Goes on with a set-up stage; once it is done the person is not asked again. */
async function configure(run: Run, key: string): Promise<Outcome> {
  const added = await addedStage(run.ctx, key)
  if (!added) return denied(NOT_CONFIGURED)
  run.plan.insertStage(added)
  return next()
}

/** Nobody is to be let through by a misconfiguration. */
async function misconfigured({ ctx, stage }: Run): Promise<Outcome> {
  await recordEvent(ctx, 'configuration_error', {
    message: 'Authenticator validation stage is set to configure user but no configuration flow is set',
    stage: eventModel(AuthenticatorValidateStage, stage),
  })
  return denied(NOT_CONFIGURED)
}

const isOffering = (run: Run): boolean => run.stage.not_configured_action === 'configure'

async function withoutDevices(run: Run) {
  switch (run.stage.not_configured_action) {
    case 'skip':
      return next()
    case 'configure': {
      // A name that was only pretended gets no further, at the place where a real account would be asked for a device.
      if (!setupUser(run)) return denied(NOT_CONFIGURED)
      const stages = await configurationStages(run)
      if (stages.length === 0) return misconfigured(run)
      if (stages.length === 1) return configure(run, stages[0]!.pk as string)
      return { component: COMPONENT, ...(await withUser(run)), device_challenges: [], configuration_stages: stages }
    }
    default:
      return denied(NOT_CONFIGURED)
  }
}

/** The person is who they say: notes by what, and gives the browser a key that nobody can have seen before. */
async function passed(run: Run, device: Row): Promise<Outcome> {
  const { ctx, plan } = run
  const kind = kindOfDevice(ctx, device)!
  const args = (plan.context.auth_method_args ?? {}) as Row
  const entry = { pk: device.id, app: kind.model.app, name: device.name, model_name: kind.model.modelName }
  plan.context.auth_method ??= 'auth_mfa'
  plan.context.auth_method_args = { ...args, mfa_devices: [...((args.mfa_devices as Row[] | undefined) ?? []), entry] }
  rememberPassed(run, device)
  await rotateSession(run)
  return next()
}

/** Writes down that somebody did not get past. It counts twice: as a failed sign-in, and since they know the password. */
async function noteFailure(run: Run): Promise<void> {
  const user = setupUser(run)
  const username = displayName(run.ctx, run.plan.context)
  await changeReputation(run.ctx, (user?.username as string | undefined) ?? username, -2)
  await recordEvent(run.ctx, 'login_failed', { username, stage: eventModel(AuthenticatorValidateStage, run.stage) }, { user })
}

async function wrongCode(run: Run): Promise<Outcome> {
  await noteFailure(run)
  return retry({ code: WRONG_CODE })
}

async function byCode(run: Run, offered: readonly Offer[], code: string): Promise<Outcome> {
  const user = setupUser(run)
  if (!user || !offered.some(({ kind }) => kind.verifyCode)) return retry({ code: NOT_ALLOWED })
  const device = await proveByCode(run.ctx, run.stage, allowedKinds(run), user, code)
  return device ? passed(run, device) : wrongCode(run)
}

/** An answer that is no code: a passkey's assertion, a push. */
async function byAnswer(run: Run, offered: readonly Offer[], field: 'webauthn' | 'duo', answer: unknown): Promise<Outcome> {
  const anonymous = subjectOf(run.ctx, run.plan.context) === null
  const offer = offered.find(({ kind }) => kind.deviceClass === field)
  const kind = anonymous && field === 'webauthn' ? passkeyKind(run) : offer?.kind
  if (!kind?.respond) return retry({ [field]: NOT_ALLOWED })
  const judged = await kind.respond(run, answer, offer?.devices ?? [], run.stage)
  if ('errors' in judged) {
    await noteFailure(run)
    return { kind: 'retry', errors: judged.errors }
  }
  if (!(await noteUse(run.ctx, judged.device))) return retry({ [field]: 'Invalid device' })
  return anonymous ? passkeyAlone(run, judged.device) : passed(run, judged.device)
}

/** A passkey that nobody was asked for says who it is: more than one factor at once. */
async function passkeyAlone(run: Run, device: Row): Promise<Outcome> {
  return (await notePasskey(run, device)) ? passed(run, device) : retry({ webauthn: 'Invalid device' })
}

/** Somebody chooses: a device that has to send its code first does so now. The answer is the same challenge again. */
async function choose(run: Run, offered: readonly Offer[], selected: Row): Promise<Outcome> {
  const offer = offered.find(
    ({ kind, devices }) => kind.deviceClass === selected.device_class && String(devices[0]!.id) === String(selected.device_uid),
  )
  if (!offer) return retry({ selected_challenge: 'invalid challenge selected' })
  const errors = await offer.kind.sendCode?.(run, offer.devices[0]!, run.stage)
  return errors ? { kind: 'retry', errors } : retry({ non_field_errors: 'Empty response' })
}

async function chooseSetup(run: Run, offered: readonly Offer[], key: string): Promise<Outcome> {
  const uuid = parseUuid(key)
  const wanted = offered.length === 0 && isOffering(run) && setupUser(run) && uuid !== undefined
  if (!wanted || !(await configurationStages(run)).some(({ pk }) => pk === uuid))
    return retry({ selected_stage: 'Selected stage is invalid' })
  return configure(run, uuid)
}

async function judge(run: Run, answer: AnswerValues): Promise<Outcome> {
  const offered = await offers(run)
  if (answer.code !== undefined) return byCode(run, offered, answer.code as string)
  if (answer.webauthn !== undefined) return byAnswer(run, offered, 'webauthn', answer.webauthn)
  if (answer.duo !== undefined) return byAnswer(run, offered, 'duo', answer.duo)
  if (answer.selected_challenge !== undefined) return choose(run, offered, answer.selected_challenge as Row)
  if (answer.selected_stage !== undefined) return chooseSetup(run, offered, answer.selected_stage as string)
  return retry({ non_field_errors: 'Empty response' })
}

export const authenticatorValidate = defineStage({
  model: AuthenticatorValidateStage,
  component: COMPONENT,
  answer: () => ({
    code: textField({ required: false, nullable: true }),
    webauthn: objectField({ required: false, nullable: true }),
    duo: integerField({ required: false, nullable: true }),
    selected_challenge: objectField({ required: false, nullable: true }),
    selected_stage: textField({ required: false, nullable: true }),
  }),

  async challenge(run) {
    if (subjectOf(run.ctx, run.plan.context) === null) {
      const kind = passkeyKind(run)
      if (!kind?.challenge) return next()
      const entry = { device_class: 'webauthn', device_uid: '-1', challenge: await kind.challenge(run, [], run.stage), last_used: null }
      return { component: COMPONENT, ...(await withUser(run)), device_challenges: [entry], configuration_stages: [] }
    }
    const offered = await offers(run)
    const devices = offered.flatMap(offer => offer.devices)
    if (passedBefore(run, devices)) return next()
    if (offered.length === 0) return withoutDevices(run)
    return {
      component: COMPONENT,
      ...(await withUser(run)),
      device_challenges: await deviceChallenges(run, offered),
      configuration_stages: [],
    }
  },

  respond: judge,
})
