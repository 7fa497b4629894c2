import type { Ctx } from '../context.ts'
import type { Database } from '../db/database.ts'
import { transact } from '../context.ts'
import type { Model, Row } from '../api/model.ts'
import { findObject } from '../api/store.ts'
import { SealError, type Secrets } from './secrets.ts'

const MARK = 'secret_key'

/** The secret key in force is not the one of this database. Nothing was changed. */
export class OtherSecretKeyError extends Error {
  constructor() {
    super(
      'The secret key is not the one that this database was made with. Nothing was changed. Put back secret.key of the data directory, or the ' +
        'SECRET_KEY that was set; all processes of an installation have the same. When it is lost for good: signet adopt_secret_key',
    )
    this.name = 'OtherSecretKeyError'
  }
}

/** Tells the key without telling anything of it. */
const markOf = (secrets: Secrets): string => secrets.hmac('installation', MARK)

/** Refuses a key that is known to be another one, and changes nothing. @throws OtherSecretKeyError */
export async function refuseOtherKey({ db }: Pick<Database, 'db'>, secrets: Secrets): Promise<void> {
  const known = await db.selectFrom('installation').select('value').where('name', '=', MARK).executeTakeFirst()
  if (known && known.value !== markOf(secrets)) throw new OtherSecretKeyError()
}

/**
 * A database belongs to the secret key that it was first used with: under another one nobody would be signed in any more, stored secrets could not be
 * opened, and new ones would be sealed so that neither key opens all.
 * @throws OtherSecretKeyError
 */
export async function requireSameKey(database: Pick<Database, 'db'>, secrets: Secrets): Promise<void> {
  await database.db
    .insertInto('installation')
    .values({ name: MARK, value: markOf(secrets) })
    .onConflict(conflict => conflict.doNothing())
    .execute()
  await refuseOtherKey(database, secrets)
}

/**
 * Makes the database that of the secret key in force. What was sealed under the former one and cannot be opened becomes what a new object has: a
 * key or secret made anew, or none. Returns what that was, as `<kind> <name>: <field>`.
 */
export const adoptSecretKey = (ctx: Ctx): Promise<string[]> =>
  transact(ctx, async ctx => {
    const lost: { model: Model; key: unknown; field: string }[] = []
    for (const model of ctx.registry.models) {
      const part = model.tables.at(-1)!
      for (const [name, field] of Object.entries(part.fields)) {
        if (field.sealed !== true) continue
        const rows: Row[] = await ctx.db
          .selectFrom(model.table as 'user')
          .selectAll()
          .execute()
        for (const row of rows) {
          if (row[name] === null || opens(ctx.secrets, row[name] as string)) continue
          const fresh = field.initial?.(ctx) ?? (field.nullable ? null : '')
          await ctx.db
            .updateTable(model.table as 'user')
            .set({ [name]: fresh === null ? null : ctx.secrets.seal(fresh as string) })
            .where(part.pk as 'id', '=', row[part.pk] as number)
            .execute()
          lost.push({ model, key: row[part.pk], field: name })
        }
      }
    }
    await ctx.db
      .updateTable('installation')
      .set({ value: markOf(ctx.secrets) })
      .where('name', '=', MARK)
      .execute()
    const told: string[] = []
    for (const { model, key, field } of lost) {
      const object = await findObject(ctx, model, key)
      told.push(`${model.verboseName} ${String(object?.name ?? key)}: ${field}`)
    }
    return told
  })

function opens(secrets: Secrets, stored: string): boolean {
  try {
    secrets.open(stored)
    return true
  } catch (error) {
    if (error instanceof SealError) return false
    throw error
  }
}
