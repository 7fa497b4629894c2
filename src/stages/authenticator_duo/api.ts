import { Type } from 'typebox'
import { invalid, invalidObject, permissionDenied } from '../../api/errors.ts'
import { permission, type Row } from '../../api/model.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import { objectAt } from '../../api/objects.ts'
import { holds, requireObject } from '../../api/permissions.ts'
import { findObject } from '../../api/store.ts'
import { body, checked } from '../../api/validate.ts'
import type { Ctx } from '../../context.ts'
import { loadPlan } from '../../flows/plan.ts'
import { openVisit, PLAN } from '../../flows/visit.ts'
import { DuoDevice } from './device.ts'
import { DuoError } from './duo.ts'
import { AuthenticatorDuoStage } from './model.ts'
import { duoUsers, enrollStatus, type Enrollment } from './operations.ts'
import { addDuoDevice, duoDeviceOf, enrollmentKey, noteTrouble } from './stage.ts'

const IMPORTED = 'Imported Duo Authenticator'

const keyOf = (request: { params: unknown }): string => (request.params as { stage_uuid: string }).stage_uuid

/** The stage of an import, for those who see it and may make devices. */
async function stageToImport(ctx: Ctx, request: { params: unknown }): Promise<Row> {
  const stage = await objectAt(ctx, AuthenticatorDuoStage, keyOf(request))
  await requireObject(ctx, AuthenticatorDuoStage, stage.stage_uuid as string, 'view')
  if (!holds(ctx, permission(DuoDevice, 'add'))) throw permissionDenied()
  return stage
}

const userNamed = (ctx: Ctx, username: string): Promise<Row | undefined> =>
  ctx.db.selectFrom('user').selectAll().where('username', '=', username).executeTakeFirst()

const ManualImport = body({ duo_user_id: Type.String({ minLength: 1 }), username: Type.String({ minLength: 1 }) })

export const authenticatorDuoRoutes: Record<string, SpecialOperation> = {
  /** Asked by the page while the person scans; the browser's own set-up alone. */
  'POST /stages/authenticator/duo/:stage_uuid/enrollment_status/': {
    anonymous: true,
    response: 'DuoDeviceEnrollmentStatus',
    handler: async (ctx, request) => {
      const key = keyOf(request)
      const plan = await loadPlan(ctx, (await openVisit(ctx)).session?.data[PLAN])
      const enrollment = plan?.context[enrollmentKey(key)] as Enrollment | undefined
      const stage = enrollment && (await findObject(ctx, AuthenticatorDuoStage, key))
      if (!stage) throw invalidObject('No enrollment is under way in this browser.')
      try {
        return { duo_response: await enrollStatus(ctx, stage, enrollment) }
      } catch (error) {
        if (!(error instanceof DuoError)) throw error
        await noteTrouble(ctx, error)
        throw invalidObject('Duo cannot be reached. Please try again later.')
      }
    },
  },

  /** Binds an account at Duo, by its key there, to a person here. */
  'POST /stages/authenticator/duo/:stage_uuid/import_device_manual/': {
    status: 204,
    body: ManualImport,
    bodyName: 'AuthenticatorDuoStageManualDeviceImportRequest',
    handler: async (ctx, request) => {
      const stage = (await stageToImport(ctx, request)).stage_uuid as string
      const { duo_user_id: userId, username } = checked<{ duo_user_id: string; username: string }>(ManualImport, request.body)
      const user = await userNamed(ctx, username)
      if (!user) throw invalid({ username: ['user does not exist'] })
      if (await duoDeviceOf(ctx, stage, userId)) throw invalid({ duo_user_id: ['a device for this Duo user exists already'] })
      await addDuoDevice(ctx, stage, user, userId, IMPORTED)
    },
  },

  /** Binds every account at Duo to the person of the same name, where there is one without it. */
  'POST /stages/authenticator/duo/:stage_uuid/import_devices_automatic/': {
    response: 'AuthenticatorDuoStageDeviceImportResponse',
    handler: async (ctx, request) => {
      const stage = await stageToImport(ctx, request)
      if (stage.admin_integration_key === '' || stage.admin_secret_key === '')
        throw invalidObject('The stage has no keys for the Admin API of Duo.')
      let count = 0
      try {
        for await (const found of duoUsers(ctx, stage)) {
          const user = await userNamed(ctx, found.username)
          if (!user || (await duoDeviceOf(ctx, stage.stage_uuid as string, found.user_id))) continue
          await addDuoDevice(ctx, stage.stage_uuid as string, user, found.user_id, IMPORTED)
          count++
        }
      } catch (error) {
        if (!(error instanceof DuoError)) throw error
        await noteTrouble(ctx, error)
        return { count, error: error.message }
      }
      return { count, error: '' }
    },
  },
}
