/** What methods of objects ask of the program. */
import { sql } from 'kysely'
import type { Row } from '../../api/model.ts'
import { findObject, withDefaults } from '../../api/store.ts'
import { avatarOf } from '../../core/user/avatar.ts'
import { currentBrand } from '../../core/brand/model.ts'
import { entitlementAttributes } from '../../core/application/entitlement.sql.ts'
import { groupsOf, isSuperuser } from '../../core/group/membership.ts'
import { systemSettings } from '../../core/settings.ts'
import { userUid } from '../../core/user/uid.ts'
import { deepMerge } from '../../lib/deep-merge.ts'
import { UserOAuthSourceConnection } from '../../sources/oauth/connection.ts'
import { fromJson } from '../json.ts'
import { PyList } from '../values.ts'
import type { Value } from '../values.ts'
import type { ModelObject } from './object.ts'
import type { Operation, Scope } from './scope.ts'
import { objectByKey } from './reading.ts'
import { assignments } from './writing.ts'

/** Attributes of brand, groups (by name, those above included) and user: objects merged, lists joined, the later one counts. */
export async function groupAttributes(scope: Scope, user: Row | ModelObject, withBrand: boolean): Promise<Row> {
  const { ctx } = scope
  const row = 'row' in user && 'own' in user ? (user as ModelObject).row : user
  const brand = withBrand ? (await currentBrand(scope.asked)).attributes : {}
  const groups = typeof row.id === 'number' ? await groupsOf(ctx.db, row.id) : []
  return deepMerge(brand, ...groups.map(group => group.attributes), (row.attributes ?? {}) as Row)
}

export const modelOperations: Readonly<Record<string, Operation>> = {
  'user.is_superuser': ({ ctx }, { user }: { user: number }) => isSuperuser(ctx.db, user),
  'user.uid': ({ ctx }, { user }: { user: number }) => userUid(ctx, user),
  'connection.token': async ({ ctx }, { connection, name }: { connection: unknown; name: 'access_token' | 'refresh_token' }) =>
    ((await findObject(ctx, UserOAuthSourceConnection, connection))?.[name] as string | null | undefined) ?? null,
  'user.avatar': async ({ ctx }, { row }: { row: Row }) => avatarOf(ctx, row, (await systemSettings(ctx)).avatars),
  'user.group_attributes': async (scope, { user, request }: { user: ModelObject; request: boolean }) =>
    fromJson(await groupAttributes(scope, user, request)),
  'user.app_entitlements_attributes': async ({ ctx }, { user, application }: { user: number | null; application: string | null }) =>
    fromJson(deepMerge({}, ...(user === null || application === null ? [] : await entitlementAttributes(ctx.db, user, application)))),
  'user.locale': async (scope, { user }: { user: ModelObject }) => {
    const settings = (await groupAttributes(scope, user, true)).settings as { locale?: unknown } | undefined
    return typeof settings?.locale === 'string' ? settings.locale : ''
  },
  'user.check_password': ({ ctx }, { hash, password }: { hash: string; password: string }) => ctx.passwords.verify(hash, password),
  'group.is_member': async ({ ctx }, { group, user }: { group: string; user: number }) =>
    (await groupsOf(ctx.db, user)).some(one => one.group_uuid === group),
  'flow.stages': async (scope, { flow }: { flow: string }) => {
    const { rows } = await sql<{ stage: string }>`select stage from flow_stage_binding where target = ${flow} order by "order"`.execute(
      scope.ctx.db,
    )
    const stages: Value[] = []
    for (const { stage } of rows) stages.push(await objectByKey(scope, 'authentik_flows.stage', stage))
    return new PyList(stages)
  },
  'model.new': (scope, { label, kwargs }: { label: string; kwargs: Map<string, Value> }) => {
    const own = scope.classes.byLabel.get(label)!
    const row = withDefaults(scope.ctx, own.model, assignments(own, kwargs))
    delete row[own.model.pk]
    return scope.conversion.object(label, row)
  },
}
