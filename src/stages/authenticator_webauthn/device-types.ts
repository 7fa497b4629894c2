import { sql } from 'kysely'
import { crud } from '../../api/crud.ts'
import { text } from '../../api/fields.ts'
import { defineModel, type Model, type Row } from '../../api/model.ts'
import type { Resource } from '../../api/mount.ts'
import { transact, type Ctx } from '../../context.ts'

/** The type that stands for all whose AAGUID is not in the list, so that restrictions can let them in or keep them out. */
export const UNKNOWN_TYPE = '00000000-0000-0000-0000-000000000000'

/** A make of authenticator or passkey manager, by the AAGUID that its maker gave it. */
export const WebAuthnDeviceType: Model = defineModel({
  name: 'WebAuthnDeviceType',
  label: 'authentik_stages_authenticator_webauthn.webauthndevicetype',
  verboseName: 'WebAuthn Device type',
  table: 'webauthn_device_type',
  pk: 'aaguid',
  keyName: 'aaguid',
  display: 'description',
  fields: { description: text() },
  filters: { aaguid: {}, description: {}, icon: { type: 'string', apply: () => sql<boolean>`1 = 1` } },
  search: ['description', 'aaguid'],
  ordering: ['description', 'aaguid'],
})

const { list, retrieve } = crud(WebAuthnDeviceType)

/** The list belongs to the program; the API shows it. */
export const webauthnDeviceTypes: Resource = {
  path: '/stages/authenticator/webauthn_device_types',
  model: WebAuthnDeviceType,
  operations: { list, retrieve },
}

/** Types by their AAGUID. */
export async function typesByKey(ctx: Ctx, keys: readonly string[]): Promise<Map<string, { aaguid: string; description: string }>> {
  if (keys.length === 0) return new Map()
  const rows = await ctx.db
    .selectFrom('webauthn_device_type')
    .select(['aaguid', 'description'])
    .where('aaguid', 'in', [...new Set(keys)])
    .execute()
  return new Map(rows.map(row => [row.aaguid, row]))
}

/** The types that a field of each of these stages lists, as they go over the wire. */
export async function deviceTypes(ctx: Ctx, rows: readonly Row[], field: string): Promise<Row[][]> {
  const lists = rows.map(row => row[field] as string[])
  const types = await typesByKey(ctx, lists.flat())
  return lists.map(keys => keys.map(key => types.get(key)!))
}

const PART = 'webauthn_device_types'

/** Writes the list of known types into the database where that holds an older edition. What is not in the list any more stays. */
export async function storeDeviceTypes(ctx: Ctx): Promise<void> {
  const { EDITION, KNOWN_TYPES } = await import('./known-types.ts')
  const edition = String(EDITION)
  const stored = await ctx.db.selectFrom('installation').select('value').where('name', '=', PART).executeTakeFirst()
  if (stored?.value === edition) return
  await transact(ctx, async ({ db }) => {
    await db
      .insertInto('webauthn_device_type')
      .values(Object.entries(KNOWN_TYPES).map(([aaguid, description]) => ({ aaguid, description })))
      .onConflict(conflict => conflict.column('aaguid').doUpdateSet({ description: eb => eb.ref('excluded.description') }))
      .execute()
    await db
      .insertInto('installation')
      .values({ name: PART, value: edition })
      .onConflict(conflict => conflict.column('name').doUpdateSet({ value: edition }))
      .execute()
  })
}
