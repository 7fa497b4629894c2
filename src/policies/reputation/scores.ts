import { sql } from 'kysely'
import { crud } from '../../api/crud.ts'
import { instant, integer, jsonObject, shown, text } from '../../api/fields.ts'
import { defineModel, type Model } from '../../api/model.ts'
import type { Resource } from '../../api/mount.ts'

/** What is remembered of a name at an address. */
const Reputation: Model = defineModel({
  name: 'Reputation',
  label: 'authentik_policies_reputation.reputation',
  verboseName: 'Reputation Score',
  table: 'reputation',
  pk: 'reputation_uuid',
  display: 'identifier',
  fields: {
    identifier: shown(text()),
    ip: shown(text()),
    ip_geo_data: shown(jsonObject()),
    ip_asn_data: shown(jsonObject()),
    score: shown(integer()),
    updated: instant({ readOnly: true }),
  },
  filters: {
    identifier: {},
    identifier_in: {
      many: true,
      apply: (_, values) => sql<boolean>`reputation.identifier in (${sql.join(values.flatMap(value => value.split(',')))})`,
    },
    ip: {},
    score: {},
  },
  search: ['identifier', 'ip'],
  ordering: ['-updated'],
})

const { list, retrieve, destroy, usedBy } = crud(Reputation)

export const reputationScores: Resource = {
  path: '/policies/reputation/scores',
  model: Reputation,
  operations: { list, retrieve, destroy, usedBy },
}
