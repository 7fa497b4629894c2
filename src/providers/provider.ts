import { sql, type RawBuilder } from 'kysely'
import { Type } from 'typebox'
import { invalid } from '../api/errors.ts'
import { computed, many, reference, text } from '../api/fields.ts'
import { parseFlag } from '../api/filters.ts'
import { defineModel, type Model, type Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { Flow } from '../flows/flow.ts'
import { PropertyMapping } from '../mappings/mapping.ts'

const nullableText = Type.Unsafe({ type: ['string', 'null'] })

/** The flow that ends an application's session, unless a client names another. */
const DEFAULT_INVALIDATION = 'default-provider-invalidation-flow'

/** What all kinds of providers share. */
export const Provider: Model = defineModel({
  name: 'Provider',
  label: 'authentik_core.provider',
  verboseName: 'provider',
  uniqueName: 'provider',
  table: 'provider',
  pk: 'id',
  keyType: 'integer',
  component: '',
  fields: {
    name: text({ unique: true }),
    authentication_flow: reference(() => Flow, { nullable: true }),
    authorization_flow: reference(() => Flow),
    // Bodies of runbooks leave it out; see `withInvalidationFlow`.
    invalidation_flow: { ...reference(() => Flow), required: false },
    property_mappings: many(() => PropertyMapping, { table: 'provider_property_mapping', ours: 'provider', theirs: 'mapping' }),
    assigned_application_slug: computed(nullableText),
    assigned_application_name: computed(nullableText),
    assigned_backchannel_application_slug: computed(nullableText),
    assigned_backchannel_application_name: computed(nullableText),
  },
  filters: {
    application__isnull: {
      type: 'boolean',
      apply: (_, [sent]) => without(sql`select provider from application where provider is not null`, parseFlag(sent)),
    },
    backchannel: {
      type: 'boolean',
      apply: (_, [sent]) => without(sql`select provider from application_backchannel_provider`, parseFlag(sent) === false),
    },
  },
  search: ['name'],
  ordering: ['name'],
  present: presentAssignment,
})

/** Providers that are not in a list of keys, or those that are. */
const without = (keys: RawBuilder<unknown>, absent: boolean | undefined) =>
  absent === false ? sql<boolean>`provider.id in (${keys})` : sql<boolean>`provider.id not in (${keys})`

/** Which application each provider serves. */
export async function presentAssignment(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  const keys = rows.map(row => row.id as number)
  if (keys.length === 0) return []
  const direct = await ctx.db.selectFrom('application').select(['provider', 'slug', 'name']).where('provider', 'in', keys).execute()
  const backchannel = await ctx.db
    .selectFrom('application_backchannel_provider as link')
    .innerJoin('application', 'application.pbm_uuid', 'link.application')
    .select(['link.provider', 'application.slug', 'application.name'])
    .where('link.provider', 'in', keys)
    .execute()
  return keys.map(key => {
    const own = direct.find(row => row.provider === key)
    const other = backchannel.find(row => row.provider === key)
    return {
      assigned_application_slug: own?.slug ?? null,
      assigned_application_name: own?.name ?? null,
      assigned_backchannel_application_slug: other?.slug ?? null,
      assigned_backchannel_application_name: other?.name ?? null,
    }
  })
}

/** Adds the default invalidation flow to a new provider that names none. */
export async function withInvalidationFlow(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  if (current || values.invalidation_flow !== undefined) return values
  const flow = await ctx.db.selectFrom('flow').select('flow_uuid').where('slug', '=', DEFAULT_INVALIDATION).executeTakeFirst()
  if (!flow) throw invalid({ invalidation_flow: ['This field is required.'] })
  return { ...values, invalidation_flow: flow.flow_uuid }
}
