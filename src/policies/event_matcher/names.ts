/** Parts of a server of this protocol as events name them, those that this one does not have included: policies come from elsewhere too. */
export const APPS: readonly string[] = `
  commands tenants tasks admin api core crypto endpoints endpoints.connectors.agent enterprise events admin.files flows outposts
  policies.dummy policies.event_matcher policies.expiry policies.expression policies.geoip policies.password policies.reputation
  policies providers.ldap providers.oauth2 providers.proxy providers.rac providers.radius providers.saml providers.scim rbac recovery
  sources.kerberos sources.ldap sources.oauth sources.plex sources.saml sources.scim sources.telegram stages.authenticator
  stages.authenticator_duo stages.authenticator_email stages.authenticator_sms stages.authenticator_static stages.authenticator_totp
  stages.authenticator_validate stages.authenticator_webauthn stages.captcha stages.consent stages.deny stages.dummy stages.email
  stages.identification stages.invitation stages.password stages.prompt stages.redirect stages.user_delete stages.user_login
  stages.user_logout stages.user_write tasks.schedules brands blueprints enterprise.agents enterprise.audit
  enterprise.endpoints.connectors.agent enterprise.endpoints.connectors.fleet enterprise.endpoints.connectors.google_chrome
  enterprise.lifecycle enterprise.policies.unique_password enterprise.providers.google_workspace enterprise.providers.microsoft_entra
  enterprise.providers.radius enterprise.providers.scim enterprise.providers.ssf enterprise.providers.ws_federation enterprise.reports
  enterprise.requests enterprise.stages.account_lockdown enterprise.stages.authenticator_endpoint_gdtc enterprise.stages.mtls
  enterprise.stages.source
`
  .trim()
  .split(/\s+/)
  .map(name => `authentik.${name}`)

const BY_APP: Readonly<Record<string, string>> = {
  tenants: 'domain',
  core: 'group user application applicationentitlement token objectattribute actor',
  crypto: 'certificatekeypair',
  endpoints: 'deviceuserbinding deviceaccessgroup endpointstage',
  endpoints_connectors_agent: 'agentconnector agentdeviceuserbinding enrollmenttoken',
  enterprise: 'license',
  events: 'event notificationtransport notification notificationrule notificationwebhookmapping',
  flows: 'flow flowstagebinding',
  outposts: 'dockerserviceconnection kubernetesserviceconnection outpost',
  policies_dummy: 'dummypolicy',
  policies_event_matcher: 'eventmatcherpolicy',
  policies_expiry: 'passwordexpirypolicy',
  policies_expression: 'expressionpolicy',
  policies_geoip: 'geoippolicy',
  policies_password: 'passwordpolicy',
  policies_reputation: 'reputationpolicy',
  policies: 'policybinding',
  providers_ldap: 'ldapprovider',
  providers_oauth2: 'scopemapping oauth2provider oauth2dynamicclientregistration',
  providers_proxy: 'proxyprovider',
  providers_rac: 'racprovider endpoint racpropertymapping',
  providers_radius: 'radiusprovider radiusproviderpropertymapping',
  providers_saml: 'samlprovider samlpropertymapping',
  providers_scim: 'scimprovider scimmapping',
  rbac: 'role initialpermissions',
  sources_kerberos: 'kerberossource kerberossourcepropertymapping userkerberossourceconnection groupkerberossourceconnection',
  sources_ldap: 'ldapsource ldapsourcepropertymapping userldapsourceconnection groupldapsourceconnection',
  sources_oauth: 'oauthsource oauthsourcepropertymapping useroauthsourceconnection groupoauthsourceconnection',
  sources_plex: 'plexsource plexsourcepropertymapping userplexsourceconnection groupplexsourceconnection',
  sources_saml: 'samlsource samlsourcepropertymapping usersamlsourceconnection groupsamlsourceconnection',
  sources_scim: 'scimsource scimsourcepropertymapping',
  sources_telegram: 'telegramsource telegramsourcepropertymapping usertelegramsourceconnection grouptelegramsourceconnection',
  stages_authenticator_duo: 'authenticatorduostage duodevice',
  stages_authenticator_email: 'authenticatoremailstage emaildevice',
  stages_authenticator_sms: 'authenticatorsmsstage smsdevice',
  stages_authenticator_static: 'authenticatorstaticstage staticdevice',
  stages_authenticator_totp: 'authenticatortotpstage totpdevice',
  stages_authenticator_validate: 'authenticatorvalidatestage',
  stages_authenticator_webauthn: 'authenticatorwebauthnstage webauthndevice',
  stages_captcha: 'captchastage',
  stages_consent: 'consentstage',
  stages_deny: 'denystage',
  stages_dummy: 'dummystage',
  stages_email: 'emailstage',
  stages_identification: 'identificationstage',
  stages_invitation: 'invitationstage invitation',
  stages_password: 'passwordstage',
  stages_prompt: 'prompt promptstage',
  stages_redirect: 'redirectstage',
  stages_user_delete: 'userdeletestage',
  stages_user_login: 'userloginstage',
  stages_user_logout: 'userlogoutstage',
  stages_user_write: 'userwritestage',
  tasks_schedules: 'schedule',
  brands: 'brand',
  blueprints: 'blueprintinstance',
  agents: 'agent',
  endpoints_connectors_fleet: 'fleetconnector',
  endpoints_connectors_google_chrome: 'googlechromeconnector',
  lifecycle: 'lifecyclerule lifecycleiteration review useroffboarding',
  policies_unique_password: 'uniquepasswordpolicy',
  providers_google_workspace: 'googleworkspaceprovider googleworkspaceprovidermapping',
  providers_microsoft_entra: 'microsoftentraprovider microsoftentraprovidermapping',
  providers_ssf: 'ssfprovider',
  providers_ws_federation: 'wsfederationprovider',
  reports: 'dataexport',
  requests: 'requestrulechildbinding requestrulebinding requestrule grantrequest',
  stages_account_lockdown: 'accountlockdownstage',
  stages_authenticator_endpoint_gdtc: 'authenticatorendpointgdtcstage',
  stages_mtls: 'mutualtlsstage',
  stages_source: 'sourcestage',
}

/** Kinds of objects as events name them. */
export const MODELS: readonly string[] = Object.entries(BY_APP).flatMap(([app, models]) =>
  models.split(' ').map(model => `authentik_${app}.${model}`),
)
