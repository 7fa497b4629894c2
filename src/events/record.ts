import { parseDuration } from '../lib/duration.ts'
import { maskSecrets } from '../lib/mask.ts'
import type { Ctx } from '../context.ts'
import type { Row } from '../api/model.ts'
import { eventBrand } from '../core/brand-rows.ts'
import { insertion } from '../db/statement.ts'
import { timeOrderedUuid } from '../lib/random.ts'
import { placeOf } from '../geoip/place.ts'
import { settingsOutside } from '../core/settings.ts'
import { askRules, concernsRules } from './due.ts'
import { contextText } from './tidy.ts'

/** What an event is about; `custom_…` comes from expressions. */
export type Action =
  | 'login'
  | 'login_failed'
  | 'logout'
  | 'user_write'
  | 'suspicious_request'
  | 'password_set'
  | 'secret_view'
  | 'secret_rotate'
  | 'invitation_used'
  | 'authorize_application'
  | 'source_linked'
  | 'impersonation_started'
  | 'impersonation_ended'
  | 'policy_execution'
  | 'policy_exception'
  | 'property_mapping_exception'
  | 'system_exception'
  | 'configuration_error'
  | 'configuration_warning'
  | 'model_created'
  | 'model_updated'
  | 'model_deleted'
  | 'email_sent'
  | `custom_${string}`

/** The person as events keep them, so that the entry stays readable after the account is gone. */
export const person = (user: Row | null): Row =>
  user === null
    ? { pk: null, username: 'AnonymousUser', email: '', is_anonymous: true }
    : { pk: user.id, username: user.username, email: user.email }

const insertEvent = insertion('event', [
  'event_uuid',
  'user',
  'action',
  'app',
  'context',
  'client_ip',
  'created',
  'expires',
  'brand',
  'rules_due',
])

/**
 * Writes an entry of the audit log, in the caller's transaction where one is open. Values under keys that
 * look secret are masked here, so that no caller can forget it; so is the size bounded. While an administrator
 * looks through another's eyes the entry is theirs, `on_behalf_of` the other.
 * @param options.user whom the event is about, where that is not the caller (a sign-in)
 */
export async function recordEvent(
  ctx: Ctx,
  action: Action,
  context: Row,
  options: { user?: Row | null; app?: string } = {},
): Promise<void> {
  const created = ctx.now()
  const { event_retention: retention } = await settingsOutside(ctx)
  const user = options.user === undefined ? ctx.caller.user : options.user
  const {
    request,
    caller: { impersonator, expression },
  } = ctx
  const due = await concernsRules(ctx, action)
  const { geo, asn } = request ? await placeOf(ctx, request.clientIp) : {}
  await insertEvent(ctx.db, {
    event_uuid: timeOrderedUuid(created, ctx.randomBytes),
    user: JSON.stringify(impersonator ? { ...person(impersonator), on_behalf_of: person(user) } : person(user)),
    action,
    app: options.app ?? 'authentik.core',
    context: contextText({
      ...maskSecrets(context),
      ...(expression && { expression: { kind: expression.kind, name: expression.name, pk: expression.pk } }),
      ...(geo && { geo }),
      ...(asn && { asn }),
      ...(request && {
        http_request: {
          path: request.path,
          method: request.method,
          args: queryArguments(request.query),
          user_agent: request.userAgent,
          request_id: request.id,
        },
      }),
    }),
    client_ip: request?.clientIp ?? null,
    created,
    expires: new Date(created.getTime() + parseDuration(retention)),
    brand: JSON.stringify(await eventBrand(ctx)),
    rules_due: due,
  })
  if (due) askRules(ctx)
}

const queryArguments = (query: string): Row => maskSecrets(Object.fromEntries(new URLSearchParams(query)))
