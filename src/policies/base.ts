import { sql, type RawBuilder } from 'kysely'
import { computed, flag, text } from '../api/fields.ts'
import { parseFlag } from '../api/filters.ts'
import { defineModel, type Model } from '../api/model.ts'
import { Type } from 'typebox'

/** Policies that are not in a list of keys, or those that are. */
const without = (keys: RawBuilder<unknown>, absent: boolean | undefined) =>
  absent === false ? sql<boolean>`policy.policy_uuid in (${keys})` : sql<boolean>`policy.policy_uuid not in (${keys})`

/** What all kinds of policies share. */
export const PolicyBase: Model = defineModel({
  name: 'Policy',
  label: 'authentik_policies.policy',
  verboseName: 'Policy',
  verboseNamePlural: 'Policies',
  uniqueName: 'policy',
  table: 'policy',
  pk: 'policy_uuid',
  component: '',
  fields: { name: text({ unique: true }), execution_logging: flag(false), bound_to: computed(Type.Integer()) },
  filters: {
    bindings__isnull: {
      type: 'boolean',
      apply: (_, [sent]) => without(sql`select policy from policy_binding where policy is not null`, parseFlag(sent)),
    },
    promptstage__isnull: {
      type: 'boolean',
      apply: (_, [sent]) => without(sql`select policy from stage_prompt_validation`, parseFlag(sent)),
    },
  },
  search: ['name'],
  ordering: ['name'],
  present: async (ctx, rows) => {
    const keys = rows.map(row => row.policy_uuid as string)
    if (keys.length === 0) return []
    const bindings = await ctx.db.selectFrom('policy_binding').select('policy').where('policy', 'in', keys).execute()
    const prompts = await ctx.db.selectFrom('stage_prompt_validation').select('policy').where('policy', 'in', keys).execute()
    const uses = Map.groupBy([...bindings, ...prompts], use => use.policy)
    return keys.map(key => ({ bound_to: uses.get(key)?.length ?? 0 }))
  },
})
