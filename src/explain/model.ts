import { sql } from 'kysely'
import { choice, computed, instant, integer, jsonObject, reference, text } from '../api/fields.ts'
import { parseUuid, type FilterSpec } from '../api/filters.ts'
import { defineModel, type Model } from '../api/model.ts'
import { Type } from 'typebox'
import { User } from '../core/people.ts'

/** Applications and flows are named by their key or their slug. */
const bySlugOrKey = (column: 'application' | 'flow', key: string): FilterSpec => ({
  type: 'string',
  apply: (_, [sent]) => {
    const uuid = parseUuid(sent!)
    const target = sql.ref(`explanation.${column}`)
    return uuid === undefined
      ? sql<boolean>`${target} in (select ${sql.ref(key)} from ${sql.table(column)} where slug = ${sent})`
      : sql<boolean>`${target} = ${uuid}`
  },
})

/**
 * Why somebody was refused. Not one of the kinds of objects that the API offers: what may be seen of it hangs on the target and the
 * person, and nobody writes it.
 */
export const Explanation: Model = defineModel({
  name: 'Explanation',
  label: 'signet_explain.explanation',
  verboseName: 'Explanation',
  table: 'explanation',
  pk: 'explanation_uuid',
  lookup: 'id',
  display: 'id',
  fields: {
    id: text(),
    kind: choice(['application', 'flow', 'stage', 'source']),
    surface: text(),
    reason: text(),
    application: text({ nullable: true, format: 'uuid' }),
    flow: text({ nullable: true, format: 'uuid' }),
    target_name: text(),
    user: reference(() => User, { nullable: true }),
    username: text({ default: '' }),
    trace: jsonObject(),
    client_ip: text({ nullable: true }),
    request_id: text({ nullable: true }),
    count: integer(),
    created: instant(),
    last_seen: instant(),
    expires: instant(),
    passing: computed(Type.Boolean()),
  },
  filters: {
    id: {},
    kind: {},
    surface: {},
    reason: {},
    user: {},
    username: {},
    client_ip: {},
    request_id: {},
    created__gte: {},
    created__lte: {},
    last_seen__gte: {},
    last_seen__lte: {},
    application: bySlugOrKey('application', 'pbm_uuid'),
    flow: bySlugOrKey('flow', 'flow_uuid'),
  },
  search: ['id', 'target_name', 'username'],
  ordering: ['-last_seen'],
})
