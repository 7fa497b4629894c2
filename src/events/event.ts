import { sql } from 'kysely'
import { crud } from '../api/crud.ts'
import { choice, instant, jsonObject, text } from '../api/fields.ts'
import type { FilterSpec } from '../api/filters.ts'
import { defineModel, type Model, type Row } from '../api/model.ts'
import { icontains, jsonTextAt } from '../db/sql/like.ts'
import { parseDuration } from '../lib/duration.ts'
import { systemSettings } from '../core/settings.ts'
import { maskSecrets } from '../lib/mask.ts'
import type { Ctx } from '../context.ts'
import { invalid } from '../api/errors.ts'
import { afterCommit } from '../db/database.ts'
import { askRules, concernsRules } from './due.ts'
import { person } from './record.ts'
import { contextText } from './tidy.ts'

/** Every kind of entry that clients know; `custom_…` comes from expressions. */
export const ACTIONS = [
  'login',
  'login_failed',
  'logout',
  'user_write',
  'user_offboarded',
  'suspicious_request',
  'password_set',
  'secret_view',
  'secret_rotate',
  'invitation_used',
  'authorize_application',
  'source_linked',
  'impersonation_started',
  'impersonation_ended',
  'flow_execution',
  'policy_execution',
  'policy_exception',
  'property_mapping_exception',
  'system_task_execution',
  'system_task_exception',
  'system_exception',
  'configuration_error',
  'configuration_warning',
  'model_created',
  'model_updated',
  'model_deleted',
  'email_sent',
  'update_available',
  'export_ready',
  'review_initiated',
  'review_overdue',
  'review_attested',
  'review_completed',
  'access_request_created',
  'access_request_approved',
  'access_request_denied',
  'access_request_revoked',
  'custom_',
] as const

/** A path inside a JSON column whose text is what was asked for. */
const within = (column: string, ...path: string[]): FilterSpec => ({
  apply: (ctx, [wanted]) => sql<boolean>`${jsonTextAt(ctx.db, sql.ref(`event.${column}`), path)} = ${wanted}`,
})

/** Keys in contexts stand without dashes. */
const modelKey: FilterSpec = {
  apply: (ctx, [wanted]) => {
    const found = jsonTextAt(ctx.db, sql.ref('event.context'), ['model', 'pk'])
    return sql<boolean>`${found} in (${wanted}, ${wanted!.replaceAll('-', '')})`
  },
}

/** An entry of the audit log. Entries are added and expire; nobody rewrites them. */
export const Event: Model = defineModel({
  name: 'Event',
  label: 'authentik_events.event',
  verboseName: 'Event',
  table: 'event',
  pk: 'event_uuid',
  display: 'action',
  silent: true,
  fields: {
    user: jsonObject(),
    action: { ...choice(ACTIONS), schema: { type: 'string', minLength: 1, maxLength: 255 } },
    app: text(),
    context: jsonObject(),
    client_ip: text({ nullable: true, maxLength: 64, blank: false }),
    created: instant({ readOnly: true, now: true }),
    expires: { ...instant(), required: false },
    brand: jsonObject(),
  },
  filters: {
    action: { apply: (ctx, [wanted]) => icontains(ctx.db, sql.ref('event.action'), wanted!) },
    actions: { many: true, apply: (_, values) => sql<boolean>`event.action in (${sql.join(values)})` },
    brand_name: within('brand', 'name'),
    client_ip: {},
    context_authorized_app: within('context', 'authorized_application', 'pk'),
    context_device: within('context', 'device', 'pk'),
    context_model_app: within('context', 'model', 'app'),
    context_model_name: within('context', 'model', 'model_name'),
    context_model_pk: modelKey,
    username: within('user', 'username'),
  },
  search: ['event_uuid', 'user', 'action', 'app', 'context', 'client_ip'],
  ordering: ['-created'],
})

/** Entries that others send: masked and bounded like our own. */
async function clean(ctx: Ctx, values: Row): Promise<Row> {
  const action = values.action as string
  if (!(ACTIONS as readonly string[]).includes(action) && !action.startsWith('custom_'))
    throw invalid({ action: [`"${action}" is not a valid choice.`] })
  const { event_retention: retention } = await systemSettings(ctx)
  const bounded = (name: string): Row => JSON.parse(contextText(maskSecrets((values[name] as Row | undefined) ?? {}))) as Row
  return {
    ...values,
    user: Object.keys((values.user as Row | undefined) ?? {}).length ? bounded('user') : person(ctx.caller.user),
    context: bounded('context'),
    brand: bounded('brand'),
    client_ip: values.client_ip ?? ctx.request?.clientIp ?? null,
    expires: values.expires ?? new Date(ctx.now().getTime() + parseDuration(retention)),
  }
}

/** Entries of others call the rules as our own do. */
async function saved(ctx: Ctx, event: Row): Promise<void> {
  if (!(await concernsRules(ctx, event.action as string))) return
  await ctx.db
    .updateTable('event')
    .set({ rules_due: true })
    .where('event_uuid', '=', event.event_uuid as string)
    .execute()
  afterCommit(ctx.db, () => askRules(ctx.database))
}

const { list, retrieve, create } = crud(Event, { clean, saved })

export const eventOperations = { list, retrieve, create }
