import { eventModel } from '../api/objects.ts'
import { ApiError } from '../api/errors.ts'
import { type Model, type Row, modelLabelled } from '../api/model.ts'
import { insertObject, updateObject, withDefaults } from '../api/store.ts'
import { transact, type Ctx } from '../context.ts'
import { recordEvent } from '../events/record.ts'
import type { Plan } from '../flows/plan.ts'
import { connectionOf } from './accounts.sql.ts'
import { Source } from './source.ts'

/** What is kept of a connection until it may be stored. JSON, since plans keep it. */
export type Pending = {
  /** Label of the connection's model. */
  kind: string
  source: { pbm_uuid: string; name: string }
  identifier: string
  /** Columns of its own kind, as JSON sealed under the secret key: tokens among them. */
  sealed: string
}

/** The identity is somebody else's by now. */
export class Taken extends Error {}
export const TAKEN = 'This account of the source is connected to another account.'

/** Name of the stage that connects; its data is a `ConnectData`. */
export const CONNECT = 'source-connect'

export type ConnectData = Pending & {
  /** The account that it is to be; null: the one that the flow makes, or signs in. */
  user: number | null
  /** As the source's ID token names person and session, so that the source can end it. */
  session: { sub: string; sid: string | null } | null
}

/** Dates among the columns, which JSON does not know. */
const open = (ctx: Ctx, sealed: string): Row => {
  const columns = JSON.parse(ctx.secrets.open(sealed)) as Row
  return { ...columns, ...(typeof columns.expires === 'string' && { expires: new Date(columns.expires) }) }
}

export const seal = (ctx: Ctx, columns: Row): string => ctx.secrets.seal(JSON.stringify(columns))

export function connectionModel(ctx: Ctx, label: string): Model {
  const model = modelLabelled(ctx, label)
  if (!model) throw new Error(`No kind of connection is called ${label}.`)
  return model
}

/**
 * Stores that an identity of a source is an account: makes the connection with an event, or renews what it keeps.
 * Of several accounts that want the same identity, one gets it.
 * @returns the key of the connection
 * @throws Taken when it is another's
 */
export async function connect(ctx: Ctx, pending: Pending, user: Row): Promise<number> {
  const model = connectionModel(ctx, pending.kind)
  const columns = open(ctx, pending.sealed)
  const { source, identifier } = pending
  try {
    return await transact(ctx, async ctx => {
      const known = await connectionOf(ctx.db, source.pbm_uuid, identifier)
      if (known && known.user !== user.id) throw new Taken(TAKEN)
      if (known) {
        await updateObject(ctx, model, known.id, { ...columns, last_updated: ctx.now() })
        return known.id
      }
      const values = { ...columns, user: user.id, source: source.pbm_uuid, identifier }
      const row = await insertObject(ctx, model, withDefaults(ctx, model, values))
      await recordEvent(ctx, 'source_linked', { message: 'Linked Source', source: eventModel(Source, source) }, { user })
      return row[model.pk] as number
    })
  } catch (error) {
    // The rule of the table: somebody else was quicker between looking and writing.
    if (error instanceof ApiError) throw new Taken(TAKEN, { cause: error })
    throw error
  }
}

/**
 * Connects the account that a flow makes, in the transaction that makes it, so that nobody is left with an account that they cannot
 * enter. Nothing happens in flows that did not begin at a source. @throws Taken
 */
export async function connectNewAccount(ctx: Ctx, plan: Plan, user: Row): Promise<void> {
  const stage = plan.stages.find(stage => stage.kind === 'memory' && stage.name === CONNECT)
  const data = stage?.kind === 'memory' ? (stage.data as ConnectData) : undefined
  if (data && data.user === null) await connect(ctx, data, user)
}
