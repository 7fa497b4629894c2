import { eventModel } from '../api/crud.ts'
import type { Model, Row } from '../api/model.ts'
import { insertObject, withDefaults } from '../api/store.ts'
import { transact, type Ctx } from '../context.ts'
import { person, recordEvent } from '../events/record.ts'
import { isStored } from '../flows/objects.ts'
import { subjectOf } from '../flows/planner.ts'
import type { Run } from '../flows/stage.ts'

/** Whose device a set-up stage makes: the pending user, else who is signed in. Null for nobody, and for a name that was only pretended. */
export function setupUser({ ctx, plan }: Pick<Run, 'ctx' | 'plan'>): Row | null {
  const user = subjectOf(ctx, plan.context)
  return isStored(user, 'id') ? user : null
}

/** Stores a confirmed device of a user, with its event. @throws what `values` of the kind break, as `invalid` */
export const addDevice = (ctx: Ctx, model: Model, user: Row, values: Row): Promise<Row> =>
  transact(ctx, async ctx => {
    const row = await insertObject(ctx, model, withDefaults(ctx, model, { ...values, user: user.id, confirmed: true }))
    await recordEvent(ctx, 'model_created', { model: eventModel(model, row), owner: person(user), diff: {} }, { user })
    return row
  })
