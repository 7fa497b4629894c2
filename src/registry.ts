import { fileRoutes } from './admin/file-api.ts'
import { blueprintRoutes } from './blueprints/api.ts'
import { schemaRoutes } from './admin/schema-api.ts'
import { settingsRoutes } from './admin/settings-api.ts'
import { systemRoutes } from './admin/system.ts'
import type { Model, Row } from './api/model.ts'
import type { Ctx } from './context.ts'
import type { Resource, SpecialOperation } from './api/mount.ts'
import { authenticatorRoutes } from './authenticators/api.ts'
import { deviceResources } from './authenticators/resources.ts'
import type { DeviceKind } from './authenticators/kind.ts'
import { applicationRoutes, applications } from './core/application/model.ts'
import { brandRoutes, brands } from './core/brand/model.ts'
import { userConsents } from './core/consent.ts'
import { applicationEntitlements } from './core/application/entitlement.ts'
import { groupRoutes, groups } from './core/group/api.ts'
import { authenticatedSessions, sessionRoutes } from './core/session/api.ts'
import { tokenRoutes, tokens } from './core/token/model.ts'
import { transactionalRoutes } from './core/application/transactional.ts'
import { userRoutes, users } from './core/user/api.ts'
import { keypairRoutes, keypairs } from './crypto/model.ts'
import type { Withdrawal } from './core/withdrawal.ts'
import { flowRoutes } from './flows/api.ts'
import { flowToolRoutes } from './flows/tools/api.ts'
import { flowBindings } from './flows/binding.ts'
import { stageTables } from './flows/definition.ts'
import { flows } from './flows/flow.ts'
import { sessionEnd } from './flows/session-end.ts'
import type { Farewell, MemoryStageKind, StageKind } from './flows/stage.ts'
import { eventRoutes, events } from './events/event-api.ts'
import { notificationRoutes } from './events/notifications/api.ts'
import { webhookMappings } from './events/notifications/mapping.ts'
import { notifications } from './events/notifications/notification.ts'
import { notificationRules } from './events/notifications/rule.ts'
import { notificationTransports } from './events/notifications/transport.ts'
import { explainRoutes } from './explain/api.ts'
import { mappingRoutes, propertyMappings } from './mappings/mapping-api.ts'
import { scopeMappings } from './mappings/scope.ts'
import { PolicyBase } from './policies/base.ts'
import { dummyKind, dummyPolicies } from './policies/dummy/policy.ts'
import { eventMatcherKind, eventMatcherPolicies } from './policies/event_matcher/policy.ts'
import { expressionPolicies } from './policies/expression/model.ts'
import { expressionKind } from './policies/expression/policy.ts'
import { warnOfOpening } from './policies/opening.ts'
import { policies, policyRoutes } from './policies/policy-api.ts'
import { policyBindings } from './policies/binding.ts'
import { lazy } from './lib/lazy.ts'
import { geoipKind, geoipPolicies, geoipRoutes } from './policies/geoip/policy.ts'
import { passwordKind, passwordPolicies } from './policies/password/policy.ts'
import { passwordExpiryKind, passwordExpiryPolicies } from './policies/password_expiry/policy.ts'
import { reputationKind, reputationPolicies } from './policies/reputation/policy.ts'
import { reputationScores } from './policies/reputation/scores.ts'
import { uniquePasswordKind, uniquePasswordPolicies } from './policies/unique_password/policy.ts'
import { policyTables, type PolicyKind } from './policies/policy.ts'
import { PolicyTarget } from './policies/target.ts'
import { clientMetadata } from './providers/oauth2/client/metadata.ts'
import { oauth2Providers } from './providers/oauth2/model.ts'
import { dynamicClientRegistrations } from './providers/oauth2/registration/model.ts'
import { oauth2Routes } from './providers/oauth2/api.ts'
import { grantResources } from './providers/oauth2/token/grant-model.ts'
import { frontChannelFarewell } from './providers/oauth2/logout/front-channel.ts'
import { ownAccessRoutes } from './providers/oauth2/consent/own-access.ts'
import { requireProfileKeypair } from './providers/oauth2/keys/profile.ts'
import { retireKeypair } from './providers/oauth2/keys/retired.ts'
import { oauthMemoryStages } from './providers/oauth2/stages.ts'
import { withdrawGrants } from './providers/oauth2/withdraw.ts'
import { providerRoutes, providers } from './providers/provider-api.ts'
import { grantRoutes, roleRoutes } from './rbac/grants.ts'
import { initialPermissions } from './rbac/initial-permissions.ts'
import { permissionRoutes } from './rbac/permission-api.ts'
import { roles } from './rbac/role-api.ts'
import { groupConnections, userConnections } from './sources/connection.ts'
import type { SourceKind } from './sources/kind.ts'
import { oauthSourceKind, oauthSourceRoutes, oauthSources } from './sources/oauth/api.ts'
import { oauthConnections } from './sources/oauth/connection.ts'
import { oauthSourceMappings } from './sources/oauth/mapping.ts'
import { connectStage, groupsStage } from './sources/post-stages.ts'
import { resumeStage } from './sources/resume.ts'
import { ldapRoutes } from './sources/ldap/api.ts'
import { ldapConnections } from './sources/ldap/connection.ts'
import { ldapSourceMappings } from './sources/ldap/mapping.ts'
import { ldapSourceKind, ldapSources } from './sources/ldap/model.ts'
import { sourceRoutes, sources } from './sources/source-api.ts'
import { staticDevices, staticKind } from './stages/authenticator_static/device.ts'
import { authenticatorStaticStages } from './stages/authenticator_static/model.ts'
import { authenticatorStatic } from './stages/authenticator_static/stage.ts'
import { totpDevices, totpKind } from './stages/authenticator_totp/device.ts'
import { authenticatorTotpStages } from './stages/authenticator_totp/model.ts'
import { authenticatorTotp } from './stages/authenticator_totp/stage.ts'
import { authenticatorValidateStages } from './stages/authenticator_validate/model.ts'
import { authenticatorValidate } from './stages/authenticator_validate/stage.ts'
import { captchaStages } from './stages/captcha/model.ts'
import { captcha } from './stages/captcha/stage.ts'
import { emailKind, emailDevices } from './stages/authenticator_email/device.ts'
import { authenticatorEmailStages } from './stages/authenticator_email/model.ts'
import { authenticatorEmail } from './stages/authenticator_email/stage.ts'
import { authenticatorDuoRoutes } from './stages/authenticator_duo/api.ts'
import { duoKind, duoDevices } from './stages/authenticator_duo/device.ts'
import { authenticatorDuoStages } from './stages/authenticator_duo/model.ts'
import { authenticatorDuo } from './stages/authenticator_duo/stage.ts'
import { smsKind, smsDevices } from './stages/authenticator_sms/device.ts'
import { authenticatorSmsStages } from './stages/authenticator_sms/model.ts'
import { authenticatorSms } from './stages/authenticator_sms/stage.ts'
import { consentStages } from './stages/consent/model.ts'
import { consent } from './stages/consent/stage.ts'
import { denyStages } from './stages/deny/model.ts'
import { deny } from './stages/deny/stage.ts'
import { dummyStages } from './stages/dummy/model.ts'
import { dummy } from './stages/dummy/stage.ts'
import { webauthnDeviceTypes } from './stages/authenticator_webauthn/device-types.ts'
import { WebAuthnDevice } from './stages/authenticator_webauthn/device.ts'
import { webauthnKind } from './stages/authenticator_webauthn/kind.ts'
import { webauthnStages } from './stages/authenticator_webauthn/model.ts'
import { authenticatorWebAuthn } from './stages/authenticator_webauthn/stage.ts'
import { confirmEmail } from './stages/email/confirm.ts'
import { emailStageRoutes, emailStages } from './stages/email/model.ts'
import { email } from './stages/email/stage.ts'
import { identificationStages } from './stages/identification/model.ts'
import { identification } from './stages/identification/stage.ts'
import { stageRoutes, stages } from './stages/model.ts'
import { scheduleRoutes, schedules } from './tasks/schedule-api.ts'
import { invitations } from './stages/invitation/invitation.ts'
import { invitationRoutes } from './stages/invitation/api.ts'
import { invitationStages } from './stages/invitation/model.ts'
import { invitation } from './stages/invitation/stage.ts'
import { passwordStages } from './stages/password/model.ts'
import { password } from './stages/password/stage.ts'
import { promptRoutes } from './stages/prompt/api.ts'
import { prompts, promptStages } from './stages/prompt/model.ts'
import { prompt } from './stages/prompt/stage.ts'
import { redirectStages } from './stages/redirect/model.ts'
import { inPlanRedirect, redirect } from './stages/redirect/stage.ts'
import { sourceStages } from './stages/source/model.ts'
import { source } from './stages/source/stage.ts'
import { userDeleteStages } from './stages/user_delete/model.ts'
import { userDelete } from './stages/user_delete/stage.ts'
import { userLoginStages } from './stages/user_login/model.ts'
import { userLogin } from './stages/user_login/stage.ts'
import { userLogoutStages } from './stages/user_logout/model.ts'
import { userLogout } from './stages/user_logout/stage.ts'
import { userWriteStages } from './stages/user_write/model.ts'
import { userWrite } from './stages/user_write/stage.ts'

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
  /** Kinds of stages that flows can bind. */
  stages: readonly StageKind[]
  /** Kinds of stages that plans alone hold: the last words of providers and the like. */
  memoryStages: readonly MemoryStageKind[]
  /** Kinds of sources that people come from. */
  sources: readonly SourceKind[]
  /** Kinds of second factors. */
  deviceKinds: readonly DeviceKind[]
  /** What providers do in the browser when its session ends: stages for the plan that ends it. Asked while the session still lives. */
  farewells: readonly Farewell[]
  /** How providers end what they gave out when a session or an account is taken away. */
  withdrawals: readonly Withdrawal[]
  /** Told of an object of any kind that is about to be deleted, in that transaction, to say what follows from it. */
  removals: readonly ((ctx: Ctx, model: Model, row: Row) => Promise<void>)[]
  /** Told of a keypair (opened row) that is about to be replaced or deleted, in that transaction. */
  keypairUsers: readonly ((ctx: Ctx, keypair: Row, next?: Row) => Promise<void>)[]
  /** Evaluates an expression of a form field; absent while no engine is part of the program. */
  evaluate?: (ctx: Ctx, source: string, variables: Record<string, unknown>) => Promise<unknown>
}

const resources: readonly Resource[] = [
  groups,
  users,
  roles,
  initialPermissions,
  applications,
  applicationEntitlements,
  policyBindings,
  policies,
  expressionPolicies,
  eventMatcherPolicies,
  dummyPolicies,
  geoipPolicies,
  passwordPolicies,
  passwordExpiryPolicies,
  reputationPolicies,
  reputationScores,
  uniquePasswordPolicies,
  providers,
  oauth2Providers,
  clientMetadata,
  dynamicClientRegistrations,
  propertyMappings,
  scopeMappings,
  keypairs,
  tokens,
  authenticatedSessions,
  brands,
  userConsents,
  events,
  notificationRules,
  notificationTransports,
  notifications,
  webhookMappings,
  flows,
  flowBindings,
  stages,
  identificationStages,
  passwordStages,
  userLoginStages,
  userLogoutStages,
  userWriteStages,
  promptStages,
  prompts,
  consentStages,
  denyStages,
  dummyStages,
  redirectStages,
  invitationStages,
  invitations,
  emailStages,
  webauthnStages,
  webauthnDeviceTypes,
  ...deviceResources('webauthn', WebAuthnDevice),
  authenticatorTotpStages,
  authenticatorStaticStages,
  authenticatorValidateStages,
  ...totpDevices,
  ...staticDevices,
  captchaStages,
  userDeleteStages,
  sourceStages,
  authenticatorEmailStages,
  ...emailDevices,
  authenticatorSmsStages,
  ...smsDevices,
  authenticatorDuoStages,
  ...duoDevices,
  ...grantResources,
  sources,
  oauthSources,
  oauthSourceMappings,
  ldapSources,
  schedules,
  ldapSourceMappings,
  userConnections,
  groupConnections,
  ...oauthConnections,
  ...ldapConnections,
]

const promptExpressions = lazy(() => import('./expression/host/prompt.ts'))

const stageKinds: readonly StageKind[] = [
  identification,
  password,
  userLogin,
  userLogout,
  userWrite,
  prompt,
  consent,
  deny,
  dummy,
  redirect,
  invitation,
  email,
  authenticatorWebAuthn,
  authenticatorTotp,
  authenticatorStatic,
  authenticatorValidate,
  captcha,
  userDelete,
  source,
  authenticatorEmail,
  authenticatorSms,
  authenticatorDuo,
]

const policyKinds: readonly PolicyKind[] = [
  expressionKind,
  eventMatcherKind,
  dummyKind,
  geoipKind,
  passwordKind,
  passwordExpiryKind,
  reputationKind,
  uniquePasswordKind,
]

export const registry: Registry = {
  resources,
  models: [...new Set(resources.map(resource => resource.model)), PolicyTarget, PolicyBase],
  routes: [
    schemaRoutes,
    systemRoutes,
    fileRoutes,
    blueprintRoutes,
    eventRoutes,
    notificationRoutes,
    permissionRoutes,
    grantRoutes,
    roleRoutes,
    groupRoutes,
    userRoutes,
    settingsRoutes,
    applicationRoutes,
    transactionalRoutes,
    providerRoutes,
    mappingRoutes,
    keypairRoutes,
    tokenRoutes,
    sessionRoutes,
    brandRoutes,
    policyRoutes,
    explainRoutes,
    geoipRoutes,
    flowRoutes,
    flowToolRoutes,
    stageRoutes,
    promptRoutes,
    emailStageRoutes,
    invitationRoutes,
    oauth2Routes,
    ownAccessRoutes,
    authenticatorRoutes,
    authenticatorDuoRoutes,
    sourceRoutes,
    oauthSourceRoutes,
    ldapRoutes,
    scheduleRoutes,
  ],
  policyKinds,
  removals: [warnOfOpening],
  keypairUsers: [requireProfileKeypair, retireKeypair],
  // Loaded with the first question, as with policies and mappings.
  evaluate: async (ctx, source, variables) => (await promptExpressions()).evaluatePromptExpression(ctx, source, variables),
  stages: stageKinds,
  sources: [oauthSourceKind, ldapSourceKind],
  // In the order in which they are offered.
  deviceKinds: [webauthnKind, totpKind, duoKind, emailKind, smsKind, staticKind],
  farewells: [frontChannelFarewell],
  withdrawals: [withdrawGrants],
  memoryStages: [inPlanRedirect, confirmEmail, sessionEnd, connectStage, groupsStage, resumeStage, ...oauthMemoryStages],
}

/**
 * The column by which caches hear of single rows of a table, so that of a hundred thousand applications saving one does not have all others
 * loaded anew.
 */
export const rowKeys: Readonly<Record<string, string>> = {
  user: 'id',
  policy_target: 'pbm_uuid',
  application: 'pbm_uuid',
  provider: 'id',
  provider_oauth2: 'id',
  oauth2_client_metadata: 'provider',
  oauth2_retired_key: 'provider',
  oauth2_dcr: 'provider',
  oauth2_registration: 'provider',
  provider_property_mapping: 'provider',
}

/** Tables that caches hold: what is configured. Sessions, tokens and events are not among them, since they are written all the time. */
export const watchedTables: readonly string[] = [
  'system_settings',
  'policy_target',
  'policy_binding',
  ...policyTables({ policyKinds }),
  'flow',
  'flow_stage_binding',
  ...stageTables({ stages: stageKinds }),
  'application',
  'provider',
  'provider_oauth2',
  'oauth2_client_metadata',
  'oauth2_retired_key',
  'oauth2_exchange_subject',
  'oauth2_exchange_audience',
  'oauth2_dcr',
  'oauth2_registration',
  'provider_property_mapping',
  'property_mapping',
  'scope_mapping',
  'keypair',
  'brand',
  'user',
  'group',
  'group_parent',
  'user_group',
  'user_role',
  'group_role',
  'role_permission',
  'notification_rule',
  'notification_rule_transport',
  'notification_transport',
  'notification_webhook_mapping',
  'source',
  'source_oauth',
  'source_ldap',
  'source_user_property_mapping',
  'source_group_property_mapping',
  'oauth_source_mapping',
  'ldap_source_mapping',
]
