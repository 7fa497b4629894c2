import { addDevice, draftOf, dropDraft, hasDraft, setupUser } from '../../authenticators/setup.ts'
import { withUser } from '../../flows/present.ts'
import { defineStage, denied, next, retry, type Run } from '../../flows/stage.ts'
import { newTokens, StaticDevice, storeTokens } from './device.ts'
import { AuthenticatorStaticStage } from './model.ts'

const NAME = 'Static Token'

/** However few characters a stage asks for: shorter codes could be guessed within the attempts that are allowed. */
const SHORTEST = 6
/** More codes than anybody writes down. */
const MOST = 200

const draft = (run: Run, user: Parameters<typeof draftOf>[1]) =>
  draftOf(run, user, () =>
    newTokens(run.ctx, Math.min(MOST, run.stage.token_count as number), Math.max(SHORTEST, run.stage.token_length as number)),
  )

export const authenticatorStatic = defineStage({
  model: AuthenticatorStaticStage,
  component: 'ak-stage-authenticator-static',
  settings: 'ak-user-settings-authenticator-static',
  answer: () => ({}),

  async challenge(run) {
    const user = setupUser(run)
    if (!user) return denied()
    return { component: 'ak-stage-authenticator-static', ...(await withUser(run)), codes: draft(run, user).values }
  },

  async respond(run) {
    const user = setupUser(run)
    if (!user) return denied()
    // Codes that nobody has seen are no way back in.
    if (!hasDraft(run, user)) return retry({})
    const { draft: key, values: tokens } = draft(run, user)
    await addDevice(run.ctx, StaticDevice, user, { name: NAME, draft: key }, (ctx, device) => storeTokens(ctx, device.id as number, tokens))
    dropDraft(run)
    return next()
  },
})
