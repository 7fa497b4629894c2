import { sql } from 'kysely'
import { flag, instant, integer, internal, reference, text, unshown } from '../api/fields.ts'
import { defineModel, type Model, type ModelSpec, type Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { byKey, partialUser } from '../core/user/present.ts'
import { User } from '../core/people.ts'

/**
 * What all kinds of second factors share. A device that is deleted lies in the trash for a while: no reader finds it, and its owner
 * or an administrator can bring it back (`removal.ts`).
 */
export const Device: Model = defineModel({
  name: 'Device',
  label: 'authentik_core.device',
  verboseName: 'device',
  table: 'authenticator',
  pk: 'id',
  keyType: 'integer',
  owner: 'user',
  trash: 'deleted',
  fields: {
    name: text({ maxLength: 64 }),
    // A device that is made by the API belongs to whoever makes it.
    user: { ...reference(() => User, { readOnly: true, initial: ctx => ctx.caller.user?.id }), shown: 'PartialUser' },
    /** The set-up that made it: answered twice at once, it makes one device. */
    draft: internal(text({ format: 'uuid', unique: true }), ctx => ctx.uuid()),
    confirmed: unshown(flag(false)),
    created: unshown(instant(), ctx => ctx.now()),
    last_updated: unshown(instant(), ctx => ctx.now()),
    last_used: unshown(instant({ nullable: true })),
    deleted: internal(instant({ nullable: true })),
    deleted_by: internal(reference(() => User, { nullable: true })),
    /** Wrong codes in a row. */
    failures: internal(integer({ default: 0 })),
    /** Codes are not even looked at before. */
    refuses_until: internal(instant({ nullable: true })),
  },
  filters: ['name'],
  search: ['name'],
  ordering: ['name'],
  present: presentOwners,
})

/** `user` of devices: one query, whatever their number. */
async function presentOwners(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  const users = await byKey(
    keys => ctx.db.selectFrom('user').selectAll().where('id', 'in', keys).execute(),
    'id',
    rows.map(row => row.user),
  )
  return rows.map(row => ({ user: partialUser(ctx, users.get(row.user)!) }))
}

export type DeviceSpec = Pick<ModelSpec, 'name' | 'verboseName' | 'fields' | 'filters' | 'present'> & {
  /** `<app label>.<model>`. */
  label: string
  table: string
  /** How long a name may be, where the contract allows more than usual. */
  nameLength?: number
}

/** A kind of device: shares the key and the common columns. Its table has `id`, which references `authenticator.id` (cascade). */
export function deviceModel({ nameLength, present, ...spec }: DeviceSpec): Model {
  const model = defineModel({
    ...spec,
    base: Device,
    pk: 'id',
    ...(present && {
      present: async (ctx: Ctx, rows: Row[], query) => {
        const owners = await presentOwners(ctx, rows)
        const own = await present(ctx, rows, query)
        return owners.map((owner, index) => ({ ...owner, ...own[index] }))
      },
    }),
  })
  return nameLength === undefined ? model : { ...model, allFields: { ...model.allFields, name: text({ maxLength: nameLength }) } }
}

/**
 * Notes that a device proved somebody: only while it is confirmed and not deleted, so that it decides, in the transaction that spends a
 * code, whether the device still counts. Failures are forgotten.
 */
export async function noteUse(ctx: Ctx, device: Row): Promise<boolean> {
  const { numUpdatedRows } = await ctx.db
    .updateTable('authenticator')
    .set({ last_used: ctx.now(), failures: 0, refuses_until: null })
    .where('id', '=', device.id as number)
    .where('confirmed', '=', true)
    .where('deleted', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Confirmed devices of a kind that somebody has, oldest first. */
export const confirmedDevices = (user: number): { where: ReturnType<typeof sql<boolean>>[]; orderBy: ReturnType<typeof sql>[] } => ({
  where: [sql<boolean>`authenticator."user" = ${user} and authenticator.confirmed = ${true}`],
  orderBy: [sql`authenticator.id`],
})
