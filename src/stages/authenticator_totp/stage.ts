import { addDevice, draftOf, dropDraft, setupUser } from '../../authenticators/setup.ts'
import { publicBrand } from '../../core/brand/model.ts'
import { textField } from '../../flows/answer.ts'
import { withUser } from '../../flows/present.ts'
import { defineStage, denied, next, retry } from '../../flows/stage.ts'
import { configUrl, newKey, stepOf, TOTPDevice } from './device.ts'
import { AuthenticatorTOTPStage } from './model.ts'

const NAME = 'TOTP Authenticator'

export const authenticatorTotp = defineStage({
  model: AuthenticatorTOTPStage,
  component: 'ak-stage-authenticator-totp',
  settings: 'ak-user-settings-authenticator-totp',
  answer: () => ({ code: textField() }),

  async challenge(run) {
    const { ctx, stage } = run
    const user = setupUser(run)
    if (!user) return denied()
    const { values: key } = draftOf(run, user, () => newKey(ctx))
    const { branding_title: issuer } = await publicBrand(ctx)
    return {
      component: 'ak-stage-authenticator-totp',
      ...(await withUser(run)),
      config_url: configUrl({ issuer, username: user.username as string, key, digits: Number(stage.digits) }),
    }
  },

  async respond(run, answer) {
    const { ctx, stage } = run
    const user = setupUser(run)
    if (!user) return denied()
    const { draft, values: key } = draftOf(run, user, () => newKey(ctx))
    const digits = Number(stage.digits)
    const match = stepOf({ key, digits, drift: 0, last_step: -1 }, answer.code as string, ctx.now())
    if (!match) return retry({ code: 'Code does not match' })
    // The code is spent: it showed that the app is set up, and does not also sign in.
    await addDevice(ctx, TOTPDevice, user, { name: NAME, draft, key, digits, drift: match.drift, last_step: match.step })
    dropDraft(run)
    return next()
  },
})
