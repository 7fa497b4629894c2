import { sql } from 'kysely'
import { crud, type Operations } from '../api/crud.ts'
import { objectAt } from '../api/objects.ts'
import { paginated } from '../api/page.ts'
import { presentObjects } from '../api/present.ts'
import { notFound } from '../api/errors.ts'
import { filterConditions, orderings, searchCondition } from '../api/filters.ts'
import type { Model, Query, Row } from '../api/model.ts'
import type { Resource } from '../api/mount.ts'
import { requireCaller } from '../api/permissions.ts'
import { countObjects, pageOfObjects } from '../api/store.ts'
import type { Ctx } from '../context.ts'
import type { DeviceClass } from './kind.ts'
import { removeDeviceAt } from './removal.ts'

/** A changed device says so. */
const touched = { clean: (ctx: Ctx, values: Row, current?: Row): Row => (current ? { ...values, last_updated: ctx.now() } : values) }

/** One's own devices: what others have does not exist here, whatever the caller's rights. */
function ownOperations(model: Model): Operations {
  const { retrieve, update, usedBy } = crud(model, touched)
  const mine = async (ctx: Ctx, key: string): Promise<void> => {
    requireCaller(ctx)
    if ((await objectAt(ctx, model, key)).user !== ctx.caller.user?.id) throw notFound(model.name)
  }
  return {
    async list(ctx, query: Query) {
      requireCaller(ctx)
      const where = [
        sql<boolean>`authenticator."user" = ${ctx.caller.user?.id ?? null}`,
        ...(await filterConditions(ctx, model, query)),
        searchCondition(ctx, model, query),
      ]
      return paginated(ctx, query, await countObjects(ctx, model, where), async (limit, offset) =>
        presentObjects(ctx, model, await pageOfObjects(ctx, model, { where, orderBy: orderings(model, query), limit, offset })),
      )
    },
    retrieve: async (ctx, key, query) => (await mine(ctx, key), retrieve(ctx, key, query)),
    update: async (ctx, key, body, partial) => (await mine(ctx, key), update(ctx, key, body, partial)),
    destroy: async (ctx, key) => (await mine(ctx, key), removeDeviceAt(ctx, model, key)),
    usedBy: async (ctx, key) => (await mine(ctx, key), usedBy(ctx, key)),
  }
}

/** Everybody's devices, by permission. */
function adminOperations(model: Model): Operations {
  const { list, retrieve, create, update } = crud(model, touched)
  return { list, retrieve, create, update, destroy: (ctx, key) => removeDeviceAt(ctx, model, key) }
}

/**
 * The resources of a kind of device. That of administrators comes first, since it is the one that can make devices: those are drafts of the
 * caller, which nobody can sign in with, as the contract's body holds no secret.
 */
export const deviceResources = (deviceClass: DeviceClass, model: Model): Resource[] => [
  { path: `/authenticators/admin/${deviceClass}`, model, operations: adminOperations(model) },
  { path: `/authenticators/${deviceClass}`, model, operations: ownOperations(model) },
]
