import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { contextText } from '../events/tidy.ts'
import { describe } from '../flows/describe.ts'
import { maskSecrets } from '../lib/mask.ts'
import type { PolicyRequest } from '../policies/policy.ts'

/** What policies were asked about: enough to see what they saw, and to tell whether two questions were the same. */
export type Input = {
  /**
   * Of everything, secrets included. Keyed with the installation's secret, so that what was typed cannot be found by trying (RFC 2104).
   */
  digest: string
  /** The same without secrets, and bounded. */
  summary: Row
}

const PURPOSE = 'explanation input'

/** Plain data with its keys in order: the same input gives the same text. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, canonical(inner)]),
  )
}

/** The digest and the summary of a question, taken now: the context may change later. */
export function inputOf(ctx: Ctx, { user, context }: Pick<PolicyRequest, 'user' | 'context'>): Input {
  const seen = {
    user: user === null ? null : { pk: user.id ?? null, username: user.username },
    client_ip: ctx.request?.clientIp ?? null,
    context: describe(context) as Row,
  }
  const digest = ctx.secrets.hmac(PURPOSE, JSON.stringify(canonical(seen)))
  return { digest, summary: JSON.parse(contextText(maskSecrets(seen))) as Row }
}
