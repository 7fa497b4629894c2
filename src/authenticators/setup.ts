import { eventModel } from '../api/objects.ts'
import { ApiError } from '../api/errors.ts'
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

type Stored = { draft: string; user: number; sealed: string }

const keyOf = ({ stage }: Pick<Run, 'stage'>): string => `goauthentik.io/stages/authenticator/draft/${String(stage.stage_uuid)}`

const storedDraft = (run: Run, user: Row): Stored | undefined => {
  const known = run.plan.context[keyOf(run)] as Stored | undefined
  return known?.user === user.id ? known : undefined
}

/** Whether the stage has shown this person something to confirm. */
export const hasDraft = (run: Run, user: Row): boolean => storedDraft(run, user) !== undefined

/**
 * What a set-up stage makes up for one person and shows until it is confirmed: kept in the plan under sealing, so that showing the page again
 * changes nothing, and nothing in the session or in an expression's view of the plan gives it away.
 * @param make the draft's values: JSON
 * @returns the values, and `draft`, under which the device is stored once
 */
export function draftOf<T>(run: Run, user: Row, make: () => T): { draft: string; values: T } {
  const { ctx, plan } = run
  const known = storedDraft(run, user)
  if (known) return { draft: known.draft, values: JSON.parse(ctx.secrets.open(known.sealed)) as T }
  const values = make()
  const draft = ctx.uuid()
  plan.context[keyOf(run)] = { draft, user: user.id as number, sealed: ctx.secrets.seal(JSON.stringify(values)) } satisfies Stored
  return { draft, values }
}

/** Forgets the draft of a stage, once it is a device. */
export function dropDraft(run: Run): void {
  delete run.plan.context[keyOf(run)]
}

/**
 * Stores a confirmed device of a user, with its event, and once for each draft: the same answer sent twice must not make two devices with one
 * secret, each of which would take a code that the other has spent.
 * @param saved what else is stored with it, in the same transaction
 * @returns undefined where the draft is a device already
 * @throws what `values` of the kind break, as `invalid`
 */
export async function addDevice(
  ctx: Ctx,
  model: Model,
  user: Row,
  values: Row & { draft?: string },
  saved?: (ctx: Ctx, device: Row) => Promise<void>,
): Promise<Row | undefined> {
  try {
    return await transact(ctx, async ctx => {
      const row = await insertObject(ctx, model, withDefaults(ctx, model, { ...values, user: user.id, confirmed: true }))
      await saved?.(ctx, row)
      await recordEvent(ctx, 'model_created', { model: eventModel(model, row), owner: person(user), diff: {} }, { user })
      return row
    })
  } catch (error) {
    if (error instanceof ApiError && values.draft !== undefined && (await isStoredDraft(ctx, values.draft))) return undefined
    throw error
  }
}

const isStoredDraft = async (ctx: Ctx, draft: string): Promise<boolean> =>
  (await ctx.db.selectFrom('authenticator').select('id').where('draft', '=', draft).executeTakeFirst()) !== undefined
