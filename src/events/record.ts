import { parseDuration } from '../lib/duration.ts'
import { formPairs } from '../http/form-pairs.ts'
import { maskSecrets } from '../lib/mask.ts'
import type { Ctx } from '../context.ts'
import type { Row } from '../api/model.ts'
import { eventBrand } from '../core/brand/rows.ts'
import { commitTogether, type PlannedWrite } from '../db/planned-write.ts'
import { insertion } from '../db/statement.ts'
import { timeOrderedUuid } from '../lib/random.ts'
import { NOWHERE, placeOf, type Place } from '../geoip/place.ts'
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

type Options = {
  /** Whom the event is about, where that is not the caller (a sign-in). */
  user?: Row | null
  app?: string
}

/** Writes an entry of the audit log, in the caller's transaction where one is open. */
export async function recordEvent(ctx: Ctx, action: Action, context: Row, options: Options = {}): Promise<void> {
  await commitTogether(ctx, [await eventWrite(ctx, action, context, options)])
}

/**
 * An entry of the audit log, ready to be written together with what it tells of. Values under keys that look secret are masked here, so that no
 * caller can forget it; so is the size bounded. While an administrator looks through another's eyes the entry is theirs, `on_behalf_of` the other.
 */
export async function eventWrite(ctx: Ctx, action: Action, context: Row, options: Options = {}): Promise<PlannedWrite> {
  // All this is known as a rule, and then nothing is waited for.
  const settings = settingsOutside(ctx)
  const { event_retention: retention } = settings instanceof Promise ? await settings : settings
  const concerned = concernsRules(ctx, action)
  const due = concerned instanceof Promise ? await concerned : concerned
  const known = ctx.request ? placeOf(ctx, ctx.request.clientIp) : NOWHERE
  const place = known instanceof Promise ? await known : known
  const named = eventBrand(ctx)
  const brand = named instanceof Promise ? await named : named
  const write = insertEvent.planned(eventEntry(ctx, action, context, options, { retention, due, place, brand }))
  return due ? { ...write, kept: () => askRules(ctx.database) } : write
}

type Around = { retention: string; due: boolean; place: Place; brand: string }

function eventEntry(ctx: Ctx, action: Action, context: Row, options: Options, { retention, due, place, brand }: Around) {
  const created = ctx.now()
  const user = options.user === undefined ? ctx.caller.user : options.user
  const { request } = ctx
  const { impersonator, expression } = ctx.caller
  const told: Row = { ...maskSecrets(context) }
  if (expression) told.expression = { kind: expression.kind, name: expression.name, pk: expression.pk }
  if (place.geo) told.geo = place.geo
  if (place.asn) told.asn = place.asn
  if (request) {
    const { path, method, query, userAgent, id } = request
    told.http_request = { path, method, args: queryArguments(query), user_agent: userAgent, request_id: id }
  }
  return {
    event_uuid: timeOrderedUuid(created, ctx.randomBytes),
    user: JSON.stringify(impersonator ? { ...person(impersonator), on_behalf_of: person(user) } : person(user)),
    action,
    app: options.app ?? 'authentik.core',
    context: contextText(told),
    client_ip: request?.clientIp ?? null,
    created,
    expires: new Date(created.getTime() + parseDuration(retention)),
    brand,
    rules_due: due,
  }
}

const queryArguments = (query: string): Row => (query === '' ? {} : maskSecrets(Object.fromEntries(formPairs(query))))
