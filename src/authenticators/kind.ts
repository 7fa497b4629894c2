import type { Ctx } from '../context.ts'
import type { Model, Row } from '../api/model.ts'
import { findObjects } from '../api/store.ts'
import type { AnswerErrors, Run } from '../flows/stage.ts'
import { confirmedDevices } from './device.ts'

/** Kinds of second factors, as stages and challenges name them; also the last part of their paths in the API. */
export const DEVICE_CLASSES = ['static', 'totp', 'webauthn', 'duo', 'sms', 'email'] as const
export type DeviceClass = (typeof DEVICE_CLASSES)[number]

/** What an answer that is no code led to: the device that proved somebody (`user` is its owner), or what to show. */
export type Judgement = { device: Row } | { errors: AnswerErrors }

/** A kind of second factor: how it is stored, and how it proves somebody. Set-up is a stage of its own. */
export type DeviceKind = {
  deviceClass: DeviceClass
  /** Stored devices, made by `deviceModel`. */
  model: Model
  /** Devices of this kind that the validate stage passes over although they are confirmed. */
  passedOver?: (device: Row, stage: Row) => boolean
  /**
   * Whether this confirmed device accepts the code; if so, the code is spent in the same statement or transaction, so that of many who send it
   * at once one gets through. Absent: the kind has no codes. Throttling, limits, `last_used` and events are the caller's.
   */
  verifyCode?: (ctx: Ctx, device: Row, code: string) => Promise<boolean>
  /**
   * Sends a fresh code, kept hashed and with an expiry. Called when the person chooses this device. Answers what to show when nothing could be
   * sent.
   */
  sendCode?: (run: Run, device: Row, stage: Row) => Promise<AnswerErrors | undefined>
  /** `device_challenges[].challenge`, over all of the person's devices of the kind; none when nobody is known yet (passkeys). Absent: `{}`. */
  challenge?: (run: Run, devices: Row[], stage: Row) => Promise<Row>
  /**
   * Judges an answer that is no code: field `webauthn` or `duo` of the answer, which names the class. Without a pending user, `devices` is empty, and
   * the device that is returned says who it is. Notes nothing but what the proof itself needs (a signature counter).
   */
  respond?: (run: Run, answer: unknown, devices: Row[], stage: Row) => Promise<Judgement>
  /** What `authenticators/all/` says beyond the common fields, for many devices at once. */
  describe?: (ctx: Ctx, devices: Row[]) => Promise<{ extra_description: string | null; external_id: string | null }[]>
}

export const defineDeviceKind = (kind: DeviceKind): DeviceKind => kind

/** Confirmed devices of one person, of one kind, oldest first. */
export const devicesOf = (ctx: Ctx, kind: DeviceKind, user: number): Promise<Row[]> => findObjects(ctx, kind.model, confirmedDevices(user))

/** The kind whose devices a stored row is one of; undefined for one that this server does not have. */
export const kindOfDevice = (ctx: Ctx, device: Row): DeviceKind | undefined =>
  ctx.registry.deviceKinds.find(kind => kind.model.label === device.kind)
