import { sql } from 'kysely'
import { crud, type Operations } from '../api/crud.ts'
import { objectAt } from '../api/objects.ts'
import { presentObjects } from '../api/present.ts'
import { permissionDenied } from '../api/errors.ts'
import { computed, instant, reference, shown, text } from '../api/fields.ts'
import { defineModel, type Model, type ModelSpec, type Row } from '../api/model.ts'
import type { Resource } from '../api/mount.ts'
import { named } from '../api/shapes.ts'
import { withKindNames } from '../api/polymorphic.ts'
import { mayTouch, requireRow } from '../api/permissions.ts'
import { findObjects } from '../api/store.ts'
import type { Ctx } from '../context.ts'
import { Group, User } from '../core/people.ts'
import { Source } from './source.ts'

/** What both kinds of connections have. Whose they are and who that is at the source comes from the source alone, never from the API. */
const shared = {
  source: reference(() => Source, { readOnly: true }),
  source_obj: computed(named('Source')),
  identifier: shown(text()),
  created: instant({ readOnly: true, now: true }),
  last_updated: instant({ readOnly: true, now: true }),
}

const common = {
  pk: 'id',
  keyType: 'integer' as const,
  display: 'identifier',
  search: ['identifier'],
  ordering: ['source', 'pk'],
  present: presentSources,
}

/**
 * That an account is a person whom a source knows as `identifier`. Kinds of sources keep more in a table of their own with the same key
 * (`userConnectionModel`); which kind, the column `kind` says. One identifier of a source belongs to one account at most.
 */
export const UserSourceConnection: Model = defineModel({
  ...common,
  name: 'UserSourceConnection',
  label: 'authentik_core.usersourceconnection',
  verboseName: 'User Source Connection',
  table: 'user_source_connection',
  owner: 'user',
  fields: { user: reference(() => User, { readOnly: true }), ...shared },
  filters: { source__slug: {}, user: {} },
})

/** That a group is one that a source knows as `identifier`; otherwise as above. */
export const GroupSourceConnection: Model = defineModel({
  ...common,
  name: 'GroupSourceConnection',
  label: 'authentik_core.groupsourceconnection',
  verboseName: 'Group Source Connection',
  table: 'group_source_connection',
  fields: { group: reference(() => Group, { readOnly: true }), ...shared },
  filters: { source__slug: {}, group: {} },
})

type ConnectionSpec = Pick<ModelSpec, 'name' | 'label' | 'verboseName' | 'table' | 'fields' | 'present'>

/** The connection of a kind of source: shares the key with the base, and keeps `fields` in a table of its own. */
export const userConnectionModel = (spec: ConnectionSpec): Model =>
  defineModel({ ...spec, base: UserSourceConnection, pk: 'id', ...listing })
export const groupConnectionModel = (spec: ConnectionSpec): Model =>
  defineModel({ ...spec, base: GroupSourceConnection, pk: 'id', ...listing })
const listing = { ordering: common.ordering, display: common.display }

/** `source_obj`: the sources in their common fields. */
async function presentSources(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  const keys = [...new Set(rows.map(row => row.source))]
  if (keys.length === 0) return []
  const sources = await findObjects(ctx, Source, { where: [sql<boolean>`source.pbm_uuid in (${sql.join(keys)})`] })
  const kinds = new Map(sources.map(row => [row.pbm_uuid, row.kind as string]))
  const presented = await withKindNames(ctx, Source, kinds, await presentObjects(ctx, Source, sources))
  const byKey = new Map(presented.map(source => [source.pk, source]))
  return rows.map(row => ({ source_obj: byKey.get(row.source) }))
}

/**
 * Connections are made by signing in at the source, so there is no create. Owners look at theirs and break them; whoever may change
 * connections may change what the kind keeps, but never who is who.
 */
export function connectionOperations(model: Model): Operations {
  const { list, retrieve, update, destroy, usedBy } = crud(model, {
    clean: (ctx, values) => ({ ...values, last_updated: ctx.now() }),
  })
  return {
    list,
    retrieve,
    async update(ctx, key, body, partial, query) {
      const row = await objectAt(ctx, model, key)
      if (!(await mayTouch(ctx, model, row.id as number, 'change'))) {
        await requireRow(ctx, model, row, 'view')
        throw permissionDenied()
      }
      return update(ctx, key, body, partial, query)
    },
    destroy,
    usedBy,
  }
}

export const userConnections: Resource = {
  path: '/sources/user_connections/all',
  model: UserSourceConnection,
  operations: connectionOperations(UserSourceConnection),
}

export const groupConnections: Resource = {
  path: '/sources/group_connections/all',
  model: GroupSourceConnection,
  operations: connectionOperations(GroupSourceConnection),
}
