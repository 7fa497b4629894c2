import { eventModel, objectAt } from '../api/objects.ts'
import { presentObject } from '../api/present.ts'
import { ApiError, notFound, permissionDenied } from '../api/errors.ts'
import { permission, type Model, type Row } from '../api/model.ts'
import { mayTouch, requireObject } from '../api/permissions.ts'
import { parseKey } from '../api/filters.ts'
import { findObject } from '../api/store.ts'
import { transact, type Ctx } from '../context.ts'
import { person, recordEvent } from '../events/record.ts'

/** A deleted device can be brought back for so long, ms. */
export const TRASH_AGE = 30 * 86_400_000

/** A sign-in counts as recent for so long, ms: within it, people may take away what protects their account. */
const RECENT = 15 * 60_000

/** Who owns a device, for events about it. */
async function ownerOf(ctx: Ctx, device: Row): Promise<Row> {
  const owner = await ctx.db
    .selectFrom('user')
    .selectAll()
    .where('id', '=', device.user as number)
    .executeTakeFirstOrThrow()
  return person(owner)
}

const isOwn = (ctx: Ctx, device: Row): boolean => ctx.caller.user !== null && device.user === ctx.caller.user.id

/** Refuses an owner who cannot show that they are there: a token without the permission of administrators, another's eyes, an old sign-in. */
async function requireOwner(ctx: Ctx, model: Model, device: Row, verb: 'add' | 'delete'): Promise<void> {
  if (!ctx.caller.session) {
    if (await mayTouch(ctx, model, device.id as number, permission(model, verb))) return
    throw permissionDenied('Authenticators are removed and restored where you are signed in, not with a token.')
  }
  if (ctx.caller.impersonator) throw permissionDenied("Another's authenticators are changed by administrators in their own name.")
  requireRecentSignIn(ctx)
}

/** Refuses a browser whose sign-in lies back too far: whoever finds it open must not get to take away a factor. */
function requireRecentSignIn(ctx: Ctx): void {
  const signedIn = ctx.caller.session?.auth_time as Date | null | undefined
  if (signedIn && ctx.now().getTime() - signedIn.getTime() <= RECENT) return
  throw permissionDenied('Your sign-in lies back too far to change authenticators. Sign in again and retry.')
}

async function isLast(ctx: Ctx, device: Row): Promise<boolean> {
  if (!device.confirmed) return false
  const other = await ctx.db
    .selectFrom('authenticator')
    .select('id')
    .where('user', '=', device.user as number)
    .where('confirmed', '=', true)
    .where('deleted', 'is', null)
    .where('id', '!=', device.id as number)
    .executeTakeFirst()
  return other === undefined
}

/** Whether the request says that it means the last factor too. */
const meansLast = (ctx: Ctx): boolean => new URLSearchParams(ctx.request?.query ?? '').get('confirm') === 'last'

/**
 * Who may delete a device. Owners, in a browser where they signed in a short while ago, and not their last factor by mistake. A token acts
 * as its owner everywhere else, but shows no sign-in: alone it cannot take away what would protect the account from whoever stole it.
 * Administrators with the permission may always, also by token; except for their own devices in a browser, where they are owners.
 */
async function requireRemoval(ctx: Ctx, model: Model, device: Row): Promise<void> {
  if (!isOwn(ctx, device)) return requireObject(ctx, model, device.id as number, 'delete')
  await requireOwner(ctx, model, device, 'delete')
  if (ctx.caller.session && !meansLast(ctx) && (await isLast(ctx, device))) {
    throw new ApiError(400, {
      non_field_errors: ['This is the last authenticator of this account. To remove it all the same, add ?confirm=last.'],
    })
  }
}

/** Puts a device into the trash: nobody finds it any more, and it proves nobody. */
export async function removeDevice(ctx: Ctx, model: Model, device: Row): Promise<void> {
  await requireRemoval(ctx, model, device)
  await transact(ctx, async ctx => {
    const { numUpdatedRows } = await ctx.db
      .updateTable('authenticator')
      .set({ deleted: ctx.now(), deleted_by: (ctx.caller.user?.id as number | undefined) ?? null })
      .where('id', '=', device.id as number)
      .where('deleted', 'is', null)
      .executeTakeFirst()
    // Another was quicker.
    if (numUpdatedRows === 0n) throw notFound(model.name)
    await recordEvent(ctx, 'model_deleted', { model: eventModel(model, device), owner: await ownerOf(ctx, device) })
  })
}

/** A device in the trash that can still be brought back; undefined when there is none of this key. */
export async function deletedDevice(ctx: Ctx, model: Model, key: string): Promise<Row | undefined> {
  const id = parseKey(model, key)
  if (typeof id !== 'number') return undefined
  return ctx.db
    .selectFrom('authenticator')
    .selectAll()
    .where('id', '=', id)
    .where('kind', '=', model.label)
    .where('deleted', '>', new Date(ctx.now().getTime() - TRASH_AGE))
    .executeTakeFirst()
}

/**
 * Brings a device back, by its owner under the terms of a removal (who could restore a factor in an open browser could sign in with it later) or by
 * an administrator who may add such devices.
 */
export async function restoreDevice(ctx: Ctx, model: Model, key: string): Promise<Row> {
  const device = await deletedDevice(ctx, model, key)
  if (!device) throw notFound(model.name)
  if (isOwn(ctx, device)) await requireOwner(ctx, model, device, 'add')
  else await requireObject(ctx, model, device.id as number, 'add')
  return transact(ctx, async ctx => {
    const { numUpdatedRows } = await ctx.db
      .updateTable('authenticator')
      .set({ deleted: null, deleted_by: null, last_updated: ctx.now() })
      .where('id', '=', device.id as number)
      .where('deleted', 'is not', null)
      .executeTakeFirst()
    if (numUpdatedRows === 0n) throw notFound(model.name)
    await recordEvent(ctx, 'model_updated', {
      model: eventModel(model, device),
      owner: await ownerOf(ctx, device),
      diff: { deleted: { previous: device.deleted, new: null } },
    })
    return presentObject(ctx, model, (await findObject(ctx, model, device.id))!)
  })
}

/** The device that a URL names, deleted as `removeDevice` says. */
export const removeDeviceAt = async (ctx: Ctx, model: Model, key: string): Promise<void> =>
  removeDevice(ctx, model, await objectAt(ctx, model, key))
