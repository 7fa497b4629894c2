import { invalid } from '../api/errors.ts'
import { flag, hidden, integer, sealed, text } from '../api/fields.ts'
import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { templateExists } from './templates.ts'

/** The mail server of a stage that sends mail. */
export const smtpFields = {
  /** The installation's mail server counts, and the connection below does not. */
  use_global_settings: flag(false),
  host: text({ default: 'localhost', blank: false }),
  port: integer({ default: 25 }),
  username: text({ default: '' }),
  password: hidden(sealed(text({ default: '' }))),
  use_tls: flag(false),
  use_ssl: flag(false),
  /** Seconds. */
  timeout: integer({ default: 10 }),
  from_address: text({ default: 'system@authentik.local', blank: false, format: 'email', maxLength: 254 }),
}

/** Refuses a template that does not exist. */
export async function cleanTemplate(ctx: Ctx, values: Row): Promise<Row> {
  const { template } = values
  if (typeof template === 'string' && !(await templateExists(ctx, template)))
    throw invalid({ template: [`Invalid template '${template}' specified.`] })
  return values
}
