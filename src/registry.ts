import type { Model } from './api/model.ts'
import type { Resource, SpecialOperation } from './api/mount.ts'
import { applicationRoutes, applications } from './core/application.ts'
import { brandRoutes, brands } from './core/brand.ts'
import { groupRoutes, groups } from './core/group.ts'
import { authenticatedSessions, sessionRoutes } from './core/session-api.ts'
import { settingsRoutes } from './core/settings.ts'
import { tokenRoutes, tokens } from './core/token.ts'
import { userRoutes, users } from './core/user-api.ts'
import { keypairRoutes, keypairs } from './crypto/model.ts'
import { mappingRoutes, propertyMappings } from './mappings/mapping-api.ts'
import { scopeMappings } from './mappings/scope.ts'
import { PolicyBase } from './policies/base.ts'
import { policyBindings } from './policies/binding.ts'
import type { PolicyKind } from './policies/policy.ts'
import { PolicyTarget } from './policies/target.ts'
import { oauth2Providers } from './providers/oauth2/model.ts'
import { providerRoutes, providers } from './providers/provider-api.ts'
import { roles } from './rbac/role-api.ts'

/**
 * What the program consists of. Slices are named here and nowhere else: where does this come from, is one jump.
 * Slices reach these lists through `ctx.registry`, never by importing this file, which imports all of them.
 */
export type Registry = {
  /** Every model: what `used_by`, permissions, blueprints and the expression engine look through. */
  models: readonly Model[]
  /** Every kind of object that the API offers. */
  resources: readonly Resource[]
  /** Routes beyond the standard operations. */
  routes: readonly Record<string, SpecialOperation>[]
  /** Kinds of policies that the engine can ask. */
  policyKinds: readonly PolicyKind[]
}

const resources: readonly Resource[] = [
  groups, users, roles,
  applications, policyBindings, providers, oauth2Providers, propertyMappings, scopeMappings, keypairs, tokens, authenticatedSessions, brands,
]

export const registry: Registry = {
  resources,
  models: [...new Set(resources.map(resource => resource.model)), PolicyTarget, PolicyBase],
  routes: [groupRoutes, userRoutes, settingsRoutes, applicationRoutes, providerRoutes, mappingRoutes, keypairRoutes, tokenRoutes, sessionRoutes, brandRoutes],
  policyKinds: [],
}

/** Tables that caches hold: what is configured. Sessions, tokens and events are not among them, since they are written all the time. */
export const watchedTables: readonly string[] = [
  'system_settings', 'policy_target', 'policy_binding', 'policy', 'flow', 'flow_stage_binding', 'stage', 'application', 'provider', 'provider_oauth2',
  'provider_property_mapping', 'property_mapping', 'scope_mapping', 'keypair', 'brand',
]
