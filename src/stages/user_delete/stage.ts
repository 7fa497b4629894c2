import { deleteObject } from '../../api/objects.ts'
import { findObject } from '../../api/store.ts'
import { transact } from '../../context.ts'
import { User } from '../../core/people.ts'
import { userHooks } from '../../core/user/hooks.ts'
import { isStored } from '../../flows/objects.ts'
import { subjectOf } from '../../flows/planner.ts'
import { signOut } from '../../flows/sign-in.ts'
import { defineStage, denied, next } from '../../flows/stage.ts'
import { UserDeleteStage } from './model.ts'

/** Signs out and deletes the account, with its sessions, tokens and consents. What is left of the flow goes on as a visitor. */
export const userDelete = defineStage({
  model: UserDeleteStage,
  async challenge(run) {
    const { ctx, plan } = run
    const subject = subjectOf(ctx, plan.context)
    if (!isStored(subject, 'id')) return denied()
    const own = ctx.caller.user?.id === subject.id
    // What a flow may delete is decided by who built it; the event still names who did it.
    const all = { ...ctx, caller: { ...ctx.caller, superuser: true } }
    await transact(all, async ctx => {
      const user = await findObject(ctx, User, subject.id)
      if (user) await deleteObject(ctx, User, user, userHooks)
    })
    delete plan.context.pending_user
    if (own) await signOut(run)
    return next()
  },
})
