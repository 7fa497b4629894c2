import { Type } from 'typebox'
import { crud } from '../../../api/crud.ts'
import { invalid } from '../../../api/errors.ts'
import { duration, many, reference, structure, text } from '../../../api/fields.ts'
import { defineModel, type Model, type Row } from '../../../api/model.ts'
import type { Resource } from '../../../api/mount.ts'
import type { Ctx } from '../../../context.ts'
import { Flow } from '../../../flows/flow.ts'
import { ScopeMapping } from '../../../mappings/scope.ts'
import { PolicyTarget } from '../../../policies/target.ts'
import { GRANT_TYPES, OAuth2Provider } from '../model.ts'

/**
 * That clients may register themselves with a provider, and what they get. What is bound to it decides who may register, and later who may
 * open what they registered.
 */
export const DynamicClientRegistration: Model = defineModel({
  name: 'OAuth2DynamicClientRegistration',
  label: 'authentik_providers_oauth2.oauth2dynamicclientregistration',
  verboseName: 'OAuth2 Dynamic Client Registration',
  table: 'oauth2_dcr',
  pk: 'pbm_uuid',
  keyName: 'pbm_uuid',
  base: PolicyTarget,
  display: 'pbm_uuid',
  fields: {
    provider: reference(() => OAuth2Provider),
    default_application_group: text({ default: '' }),
    override_authorization_flow: reference(() => Flow, { nullable: true }),
    override_invalidation_flow: reference(() => Flow, { nullable: true }),
    override_property_mappings: many(() => ScopeMapping, { table: 'oauth2_dcr_mapping', ours: 'dcr', theirs: 'mapping' }),
    access_token_validity: duration('hours=1'),
    refresh_token_validity: duration('days=30'),
    allowed_grant_types: structure(Type.Unsafe({ type: 'array', items: { type: 'string', enum: [...GRANT_TYPES] } }), { default: [] }),
  },
  filters: ['provider'],
  search: [],
  ordering: ['provider'],
})

/** One to a provider: clients are told of one endpoint. */
async function clean(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  const provider = values.provider as number | undefined
  if (provider === undefined || provider === current?.provider) return values
  const other = await ctx.db.selectFrom('oauth2_dcr').select('pbm_uuid').where('provider', '=', provider).executeTakeFirst()
  if (other) throw invalid({ provider: ['Clients can register themselves with this provider already.'] })
  const registered = await ctx.db.selectFrom('oauth2_registration').select('provider').where('provider', '=', provider).executeTakeFirst()
  if (registered) throw invalid({ provider: ['A client that registered itself cannot register others.'] })
  return values
}

export const dynamicClientRegistrations: Resource = {
  path: '/providers/oauth2-dcr',
  model: DynamicClientRegistration,
  operations: { ...crud(DynamicClientRegistration, { clean }), usedBy: undefined },
}
