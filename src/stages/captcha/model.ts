import { invalid } from '../../api/errors.ts'
import { choice, decimal, flag, hidden, sealed, text } from '../../api/fields.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { defineStageModel, stageResource } from '../model.ts'
import { isOwn, MOST_BITS, LEAST_BITS, readDifficulty } from './proof-of-work.ts'

const SCRIPT = 'https://www.recaptcha.net/recaptcha/api.js'
const VERIFY = 'https://www.recaptcha.net/recaptcha/api/siteverify'

/** Keeps programs out: by a provider of captchas, or by work that a browser has to do (see proof-of-work.ts). */
export const CaptchaStage = defineStageModel({
  name: 'CaptchaStage',
  label: 'authentik_stages_captcha.captchastage',
  verboseName: 'Captcha Stage',
  description: 'Keep programs out: by a captcha provider, or with a proof of work that needs nobody.',
  component: 'ak-stage-captcha-form',
  table: 'stage_captcha',
  fields: {
    public_key: text(),
    private_key: hidden(sealed(text())),
    js_url: text({ default: SCRIPT, blank: false }),
    api_url: text({ default: VERIFY, blank: false }),
    request_content_type: choice(['application/x-www-form-urlencoded', 'application/json'], 'application/x-www-form-urlencoded'),
    interactive: flag(false),
    score_min_threshold: decimal(0.5),
    score_max_threshold: decimal(1),
    error_on_invalid_score: flag(true),
  },
  filters: ['public_key'],
})

const isWeb = (url: string): boolean => /^https?:\/\//i.test(url) && URL.canParse(url)

/** Browsers load one of the addresses and this server the other: neither may be anything but a web address. */
function clean(_ctx: Ctx, values: Row, current?: Row): Row {
  const { api_url: api, js_url: script }: Row = { api_url: VERIFY, js_url: SCRIPT, ...current, ...values }
  if (isOwn(api as string)) {
    if (readDifficulty(api as string) === undefined)
      throw invalid({ api_url: [`The difficulty, bits, is a whole number from ${LEAST_BITS} to ${MOST_BITS}.`] })
    return values
  }
  if (!isWeb(api as string)) throw invalid({ api_url: ['Enter a valid URL.'] })
  if (!isWeb(script as string)) throw invalid({ js_url: ['Enter a valid URL.'] })
  return values
}

export const captchaStages = stageResource('/stages/captcha', CaptchaStage, { clean })
