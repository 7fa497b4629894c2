import { textField } from '../../flows/answer.ts'
import { withUser } from '../../flows/present.ts'
import { defineMemoryStage, next, retry } from '../../flows/stage.ts'
import { inMemoryStage, type PlannedStage } from '../../flows/plan.ts'
import { secretsEqual } from '../../lib/constant-time.ts'
import { toBase64url } from '../../lib/base64url.ts'

const KIND = 'confirm_email'
const TOKEN = 'goauthentik.io/stages/email/confirmation'

/**
 * Stands first in plans that a mail's link brings back: programs that open every link of a mail, to look for harm, get no further
 * than this question.
 */
export const confirmEmail = defineMemoryStage({
  kind: KIND,
  component: 'ak-stage-consent',
  answer: () => ({ token: textField() }),

  async challenge(run) {
    run.plan.context[TOKEN] ??= toBase64url(run.ctx.randomBytes(32))
    return {
      component: 'ak-stage-consent',
      ...(await withUser(run)),
      header_text: 'Continue to confirm this email address.',
      permissions: [],
      additional_permissions: [],
      token: run.plan.context[TOKEN],
    }
  },

  respond({ plan }, { token }) {
    const expected = plan.context[TOKEN]
    if (typeof expected !== 'string' || !secretsEqual(token as string, expected))
      return retry({ token: 'Invalid consent token, re-showing prompt' })
    delete plan.context[TOKEN]
    return next()
  },
})

/** The question, for the front of a plan. */
export const confirmation = (): PlannedStage => inMemoryStage(KIND)
