import { textField } from '../../flows/answer.ts'
import { withUser } from '../../flows/present.ts'
import { defineStage, next, retry } from '../../flows/stage.ts'
import { CaptchaStage } from './model.ts'
import { captchaFields, refuseCaptcha } from './verify.ts'

/** Providers' tokens are a few thousand characters long. */
export const MAX_TOKEN = 16_384

export const captcha = defineStage({
  model: CaptchaStage,
  component: 'ak-stage-captcha',
  answer: () => ({ token: textField({ maxLength: MAX_TOKEN }) }),

  async challenge({ ctx, plan, stage }) {
    return { component: 'ak-stage-captcha', ...(await withUser({ ctx, plan })), ...captchaFields(ctx, plan, stage) }
  },

  async respond({ ctx, plan, stage }, { token }) {
    const refused = await refuseCaptcha(ctx, plan, stage, token as string)
    return refused === undefined ? next() : retry({ token: refused })
  },
})
