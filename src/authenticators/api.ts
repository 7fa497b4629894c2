import { wireInstant } from '../api/present.ts'
import { invalid, notFound, permissionDenied } from '../api/errors.ts'
import { parseKey } from '../api/filters.ts'
import { permission, type Row } from '../api/model.ts'
import type { SpecialOperation } from '../api/mount.ts'
import { holds, requireCaller } from '../api/permissions.ts'
import { findObjects } from '../api/store.ts'
import type { Ctx } from '../context.ts'
import { sql } from 'kysely'
import { User } from '../core/people.ts'
import type { DeviceKind } from './kind.ts'
import { Device } from './device.ts'
import { restoreDevice, TRASH_AGE } from './removal.ts'

const optionalInstant = (value: unknown): string | null => (value instanceof Date ? wireInstant(value) : null)

/** A device in the fields that all kinds have. */
const common = ({ model }: DeviceKind, device: Row): Row => ({
  verbose_name: model.verboseName,
  verbose_name_plural: model.verboseNamePlural,
  meta_model_name: model.label,
  pk: String(device.id),
  name: device.name,
  type: `${model.app}.${model.name}`,
  confirmed: device.confirmed,
  created: optionalInstant(device.created),
  last_updated: optionalInstant(device.last_updated),
  last_used: optionalInstant(device.last_used),
})

/** Devices of a user of these kinds, as the API shows them across kinds. */
async function allDevices(ctx: Ctx, kinds: readonly DeviceKind[], user: number): Promise<Row[]> {
  const shown: Row[] = []
  for (const kind of kinds) {
    const devices = await findObjects(ctx, kind.model, {
      where: [sql<boolean>`authenticator."user" = ${user}`],
      orderBy: [sql`authenticator.id`],
    })
    const extra = devices.length ? await kind.describe?.(ctx, devices) : undefined
    for (const [index, device] of devices.entries())
      shown.push({ ...common(kind, device), ...(extra?.[index] ?? { extra_description: null, external_id: null }) })
  }
  return shown
}

/** The kinds whose devices the caller may see, whoever's they are. */
const visibleKinds = (ctx: Ctx): DeviceKind[] => ctx.registry.deviceKinds.filter(({ model }) => holds(ctx, permission(model, 'view')))

/** `?user=`, or undefined when the query names none. */
function askedUser(request: { query: unknown }): number | undefined {
  const sent = [(request.query as Record<string, string | string[] | undefined>).user].flat()[0]
  if (sent === undefined || sent === '') return undefined
  const key = parseKey(User, sent)
  if (typeof key !== 'number') throw invalid({ user: ['A valid integer is required.'] })
  return key
}

const userParameter = { user: { type: 'integer' } }

/** What lies in the trash of one user; others' for those who may see such devices. */
async function deletedDevices(ctx: Ctx, user: number): Promise<Row[]> {
  const own = user === ctx.caller.user?.id
  const kinds = own ? ctx.registry.deviceKinds : visibleKinds(ctx)
  if (kinds.length === 0) throw permissionDenied()
  const rows = await ctx.db
    .selectFrom('authenticator')
    .selectAll()
    .where('user', '=', user)
    .where('deleted', '>', new Date(ctx.now().getTime() - TRASH_AGE))
    .orderBy('deleted', 'desc')
    .orderBy('id')
    .execute()
  return rows.flatMap((device: Row) => {
    const kind = kinds.find(({ model }) => model.label === device.kind)
    if (!kind) return []
    const deleted = device.deleted as Date
    return [
      {
        ...common(kind, device),
        device_class: kind.deviceClass,
        deleted: wireInstant(deleted),
        deleted_by: device.deleted_by,
        gone_for_good: wireInstant(new Date(deleted.getTime() + TRASH_AGE)),
      },
    ]
  })
}

export const authenticatorRoutes: Record<string, SpecialOperation> = {
  'GET /authenticators/all/': {
    response: 'Device',
    many: 'list',
    handler: async ctx => {
      requireCaller(ctx)
      return allDevices(ctx, ctx.registry.deviceKinds, ctx.caller.user!.id as number)
    },
  },

  'GET /authenticators/admin/all/': {
    response: 'Device',
    many: 'list',
    query: userParameter,
    handler: async (ctx, request) => {
      const kinds = visibleKinds(ctx)
      if (kinds.length === 0) throw permissionDenied()
      const user = askedUser(request)
      return user === undefined ? [] : allDevices(ctx, kinds, user)
    },
  },

  'GET /signet/authenticators/deleted/': {
    response: 'DeletedDevice',
    many: 'list',
    query: userParameter,
    handler: async (ctx, request) => deletedDevices(ctx, askedUser(request) ?? (ctx.caller.user!.id as number)),
  },

  'POST /signet/authenticators/:device_class/:id/restore/': {
    operationId: 'signet_authenticators_restore_create',
    response: 'Device',
    handler: async (ctx, request) => {
      const { device_class: name, id } = request.params as { device_class: string; id: string }
      const kind = ctx.registry.deviceKinds.find(({ deviceClass }) => deviceClass === name)
      if (!kind) throw notFound()
      const { pk } = await restoreDevice(ctx, kind.model, id)
      const [device] = await findObjects(ctx, Device, { where: [sql<boolean>`authenticator.id = ${pk}`] })
      const extra = await kind.describe?.(ctx, await findObjects(ctx, kind.model, { where: [sql<boolean>`authenticator.id = ${pk}`] }))
      return { ...common(kind, device!), ...(extra?.[0] ?? { extra_description: null, external_id: null }) }
    },
  },
}
