// Written by `npm run db:types` from a migrated database; not edited by hand.
import type { Generated } from 'kysely'

/** A JSON column: what JSON.parse gives. JSON null reads as null. */
export type Json = object | string | number | boolean

export interface ApplicationTable {
  pbm_uuid: string
  name: string
  slug: string
  group: string
  provider: number | null
  open_in_new_tab: boolean
  meta_launch_url: string
  meta_icon: string
  meta_description: string
  meta_publisher: string
  meta_hide: boolean
}

export interface ApplicationBackchannelProviderTable {
  application: string
  provider: number
}

export interface ApplicationEntitlementTable {
  pbm_uuid: string
  name: string
  app: string
  attributes: Json
}

export interface AuthenticatorTable {
  id: Generated<number>
  kind: string
  user: number
  name: string
  draft: string
  confirmed: boolean
  created: Date
  last_updated: Date
  last_used: Date | null
  deleted: Date | null
  deleted_by: number | null
  failures: number
  refuses_until: Date | null
}

export interface AuthenticatorCodeTable {
  key: string
  code_hash: string
  expires: Date
}

export interface AuthenticatorDuoTable {
  id: number
  stage: string | null
  duo_user_id: string
}

export interface AuthenticatorEmailTable {
  id: number
  stage: string | null
  email: string
}

export interface AuthenticatorSmsTable {
  id: number
  stage: string | null
  phone_number: string
}

export interface BlueprintInstanceTable {
  name: string
  path: string
  status: string
  last_applied_hash: string
  models_hash: string
  last_applied: Date
}

export interface BlueprintLedgerTable {
  blueprint: string
  entry: string
  model: string
  pk: string
  origin: string
  fingerprints: Json
}

export interface BrandTable {
  brand_uuid: string
  domain: string
  default: boolean
  branding_title: string
  branding_logo: string
  branding_favicon: string
  branding_custom_css: string
  branding_default_flow_background: string
  flow_authentication: string | null
  flow_invalidation: string | null
  flow_recovery: string | null
  flow_unenrollment: string | null
  flow_user_settings: string | null
  flow_device_code: string | null
  default_application: string | null
  web_certificate: string | null
  attributes: Json
}

export interface BrandClientCertificateTable {
  brand: string
  keypair: string
}

export interface EmailAttemptTable {
  key_hash: string
  count: number
  expires: Date
}

export interface EventTable {
  event_uuid: string
  user: Json
  action: string
  app: string
  context: Json
  client_ip: string | null
  created: Date
  expires: Date
  brand: Json
  rules_due: Generated<boolean>
}

export interface ExplanationTable {
  explanation_uuid: string
  id: string
  kind: string
  surface: string
  reason: string
  application: string | null
  flow: string | null
  target_name: string
  user: number | null
  username: string
  trace: Json
  client_ip: string | null
  request_id: string | null
  count: number
  created: Date
  last_seen: Date
  expires: Date
}

export interface FlowTable {
  flow_uuid: string
  policybindingmodel_ptr_id: string
  name: string
  slug: string
  title: string
  designation: string
  background: string
  compatibility_mode: boolean
  layout: string
  denied_action: string
  authentication: string
}

export interface FlowStageBindingTable {
  fsb_uuid: string
  policybindingmodel_ptr_id: string
  target: string
  stage: string
  order: number
  evaluate_on_plan: boolean
  re_evaluate_policies: boolean
  invalid_response_action: string
}

export interface FlowTokenTable {
  flow_token_uuid: string
  key_hash: string
  flow: string
  user: number | null
  plan: Json
  single_use: boolean
  expires: Date
}

export interface GroupTable {
  group_uuid: string
  name: string
  is_superuser: boolean
  attributes: Json
}

export interface GroupLdapSourceConnectionTable {
  id: number
  dn: string
  member_key: string
  own: boolean
}

export interface GroupOauthSourceConnectionTable {
  id: number
}

export interface GroupParentTable {
  child: string
  parent: string
}

export interface GroupRoleTable {
  group: string
  role: string
}

export interface GroupSourceConnectionTable {
  id: Generated<number>
  kind: string
  source: string
  identifier: string
  created: Date
  last_updated: Date
  group: string
}

export interface InitialPermissionsTable {
  id: Generated<number>
  name: string
  role: string
  permissions: Json
}

export interface InstallationTable {
  name: string
  value: string
}

export interface InvitationTable {
  invite_uuid: string
  name: string
  expires: Date | null
  fixed_data: Json
  created_by: number | null
  single_use: boolean
  flow: string | null
}

export interface InvitationGroupTable {
  invitation: string
  group: string
}

export interface InvitationRecordTable {
  invite_uuid: string
  name: string
  flow: string | null
  created_by: number | null
  single_use: boolean
  expires: Date | null
  email: string
  batch: string | null
  created: Date
  opened: Date | null
  opened_count: number
  use_count: number
  ended: Date | null
  changed: Date
}

export interface InvitationUseTable {
  use_uuid: string
  invitation: string
  user: number | null
  username: string
  used: Date
}

export interface KeypairTable {
  kp_uuid: string
  name: string
  certificate_data: string
  key_data: string
  managed: string | null
  fingerprint_sha256: string
  fingerprint_sha1: string
  cert_expiry: Date
  cert_subject: string
  key_type: string
  kid: string
}

export interface LdapSourceMappingTable {
  pm_uuid: string
}

export interface LeaseTable {
  name: string
  owner: string
  expires: Date
}

export interface NotificationTable {
  uuid: string
  user: number
  event: string | null
  severity: string
  body: string
  hyperlink: string | null
  hyperlink_label: string | null
  created: Date
  seen: boolean
  expires: Date
}

export interface NotificationMailTable {
  rule: string
  digest: string
  sent: Date
  left_out: number
}

export interface NotificationRuleTable {
  pbm_uuid: string
  name: string
  severity: string
  destination_group: string | null
  destination_event_user: boolean
}

export interface NotificationRuleTransportTable {
  rule: string
  transport: string
}

export interface NotificationTransportTable {
  uuid: string
  name: string
  mode: string
  webhook_url: string
  webhook_ca: string | null
  webhook_mapping_body: string | null
  webhook_mapping_headers: string | null
  email_subject_prefix: string
  email_template: string
  send_once: boolean
}

export interface NotificationWebhookMappingTable {
  pm_uuid: string
}

export interface Oauth2AccessTokenTable {
  id: Generated<number>
  provider: number
  user: number
  family: string
  scope: Json
  expires: Date
  token_hash: string
  session_hash: string | null
  claims: Json
  revoked_at: Date | null
  jkt: string | null
  requested_claims: Json | null
  x5t: string | null
}

export interface Oauth2ClientMetadataTable {
  metadata_uuid: string
  provider: number
  token_endpoint_auth_method: string | null
  jwks: Json
  jwks_uri: string
  dpop_bound_access_tokens: boolean
  require_pkce: boolean
  require_pushed_authorization_requests: boolean
  request_uris: Generated<Json>
  request_object_signing_alg: string | null
  require_signed_request_object: Generated<boolean>
  default_max_age: number | null
  default_acr_values: Generated<Json>
  initiate_login_uri: Generated<string>
  id_token_signed_response_alg: string | null
  id_token_encrypted_response_alg: string | null
  id_token_encrypted_response_enc: string | null
  userinfo_signed_response_alg: string | null
  userinfo_encrypted_response_alg: string | null
  userinfo_encrypted_response_enc: string | null
  subject_type: Generated<string>
  sector_identifier_uri: Generated<string>
  tls_client_auth_subject_dn: Generated<string>
  tls_client_auth_san_dns: Generated<string>
  tls_client_auth_san_uri: Generated<string>
  tls_client_auth_san_ip: Generated<string>
  tls_client_auth_san_email: Generated<string>
  tls_client_auth_ca: string | null
  tls_client_certificate_bound_access_tokens: Generated<boolean>
  dpop_nonce_required: Generated<boolean>
  security_profile: string | null
  frontchannel_logout_session_required: Generated<boolean>
  authorization_signed_response_alg: string | null
  authorization_encrypted_response_alg: string | null
  authorization_encrypted_response_enc: string | null
  backchannel_logout_session_required: Generated<boolean>
  verified: Generated<boolean>
}

export interface Oauth2CodeTable {
  id: Generated<number>
  provider: number
  user: number
  family: string
  scope: Json
  expires: Date
  code_hash: string
  session_hash: string
  sid: string | null
  nonce: string | null
  auth_time: Date | null
  amr: Json
  consented: boolean
  consent_until: Date | null
  redirect_uri: string
  code_challenge: string | null
  code_challenge_method: string | null
  used_at: Date | null
  jkt: string | null
  requested_claims: Json | null
  acr: string | null
}

export interface Oauth2DcrTable {
  pbm_uuid: string
  provider: number
  default_application_group: string
  override_authorization_flow: string | null
  override_invalidation_flow: string | null
  access_token_validity: string
  refresh_token_validity: string
  allowed_grant_types: Json
}

export interface Oauth2DcrMappingTable {
  dcr: string
  mapping: string
}

export interface Oauth2DeviceCodeTable {
  id: Generated<number>
  provider: number
  device_code_hash: string
  user_code: string
  scope: Json
  expires: Date
  interval: number
  asked_at: Date | null
  user: number | null
  session_hash: string | null
  sid: string | null
  auth_time: Date | null
  amr: Json
  consented: Generated<boolean>
  consent_until: Date | null
  family: string
  used_at: Date | null
  declined_at: Date | null
}

export interface Oauth2EarlierTokenTable {
  token_hash: string
  family: string
  expires: Date
}

export interface Oauth2ExchangeAudienceTable {
  client: string
  provider: number
}

export interface Oauth2ExchangeSubjectTable {
  client: string
  provider: number
}

export interface Oauth2LogoutNoticeTable {
  id: Generated<number>
  session: string
  provider: number
  issuer: string
  sub: string
  sid: string
  tries: Generated<number>
  due: Date
}

export interface Oauth2PushedRequestTable {
  uri_hash: string
  provider: number
  parameters: string
  expires: Date
  network: Generated<string>
}

export interface Oauth2RefreshTokenTable {
  id: Generated<number>
  provider: number
  user: number
  family: string
  scope: Json
  expires: Date
  token_hash: string
  session_hash: string | null
  sid: string | null
  nonce: string | null
  auth_time: Date | null
  amr: Json
  consented: boolean
  consent_until: Date | null
  claims: Json
  used_at: Date | null
  revoked_at: Date | null
  jkt: string | null
  requested_claims: Json | null
  acr: string | null
  x5t: string | null
}

export interface Oauth2RegistrationTable {
  provider: number
  parent: number | null
  user: number | null
  token_hash: string
  told: Json
  issued: Date
}

export interface Oauth2RetiredKeyTable {
  id: Generated<number>
  provider: number
  kid: string
  jwk: Json
  expires: Date
}

export interface Oauth2SeenTable {
  seen_hash: string
  expires: Date
}

export interface OauthSourceMappingTable {
  pm_uuid: string
}

export interface PasswordAttemptTable {
  key_hash: string
  failures: number
  last: Date
  expires: Date
}

export interface PasswordHistoryTable {
  id: Generated<number>
  user: number
  password: string
  created: Date
}

export interface PolicyTable {
  policy_uuid: string
  kind: string
  name: string
  execution_logging: boolean
}

export interface PolicyBindingTable {
  policy_binding_uuid: string
  target: string
  policy: string | null
  group: string | null
  user: number | null
  order: number
  enabled: boolean
  negate: boolean
  timeout: number
  failure_result: boolean
}

export interface PolicyDummyTable {
  policy_uuid: string
  result: boolean
  wait_min: number
  wait_max: number
}

export interface PolicyEventMatcherTable {
  policy_uuid: string
  action: string | null
  client_ip: string | null
  app: string | null
  model: string | null
  query: string | null
}

export interface PolicyExpressionTable {
  policy_uuid: string
  expression: string
}

export interface PolicyGeoipTable {
  policy_uuid: string
  asns: Json
  countries: Json
  check_history_distance: boolean
  history_max_distance_km: number
  distance_tolerance_km: number
  history_login_count: number
  check_impossible_travel: boolean
  impossible_tolerance_km: number
}

export interface PolicyPasswordTable {
  policy_uuid: string
  password_field: string
  amount_digits: number
  amount_uppercase: number
  amount_lowercase: number
  amount_symbols: number
  length_min: number
  symbol_charset: string
  error_message: string
  check_static_rules: boolean
  check_have_i_been_pwned: boolean
  check_zxcvbn: boolean
  hibp_allowed_count: number
  zxcvbn_score_threshold: number
}

export interface PolicyPasswordExpiryTable {
  policy_uuid: string
  days: number
  deny_only: boolean
}

export interface PolicyReputationTable {
  policy_uuid: string
  check_ip: boolean
  check_username: boolean
  threshold: number
}

export interface PolicyTargetTable {
  pbm_uuid: string
  policy_engine_mode: string
  kind: string
}

export interface PolicyUniquePasswordTable {
  policy_uuid: string
  password_field: string
  num_historical_passwords: number
}

export interface PromptTable {
  prompt_uuid: string
  name: string
  field_key: string
  label: string
  type: string
  required: boolean
  placeholder: string
  initial_value: string
  sub_text: string
  order: number
  placeholder_expression: boolean
  initial_value_expression: boolean
}

export interface PropertyMappingTable {
  pm_uuid: string
  kind: string
  managed: string | null
  name: string
  expression: string
}

export interface ProviderTable {
  id: Generated<number>
  kind: string
  name: string
  authentication_flow: string | null
  authorization_flow: string
  invalidation_flow: string
}

export interface ProviderOauth2Table {
  id: number
  client_type: string
  client_id: string
  client_secret: string
  redirect_uris: Json
  logout_uri: string
  logout_method: string
  include_claims_in_id_token: boolean
  access_code_validity: string
  access_token_validity: string
  refresh_token_validity: string
  refresh_token_threshold: string
  sub_mode: string
  issuer_mode: string
  grant_types: Json
  signing_key: string | null
  encryption_key: string | null
  site: string | null
}

export interface ProviderOauth2FederationTable {
  provider: number
  trusted: number
}

export interface ProviderOauth2FederationSourceTable {
  provider: number
  source: string
}

export interface ProviderPropertyMappingTable {
  provider: number
  mapping: string
}

export interface ReputationTable {
  reputation_uuid: string
  identifier: string
  ip: string
  ip_geo_data: Json
  ip_asn_data: Json
  score: number
  expires: Date
  updated: Date
}

export interface RoleTable {
  role_uuid: string
  name: string
  managed: string | null
}

export interface RoleObjectPermissionTable {
  role: string
  permission: string
  model: string
  object_pk: string
}

export interface RolePermissionTable {
  role: string
  permission: string
}

export interface ScheduleTable {
  id: string
  identifier: string
  actor_name: string
  crontab: string
  paused: boolean
  next_run: Date
  source: string | null
  default_crontab: Generated<string>
}

export interface SchemaMigrationTable {
  name: string
  applied_at: Date
  program_version: string
}

export interface ScopeMappingTable {
  pm_uuid: string
  scope_name: string
  description: string
}

export interface SessionTable {
  session_hash: string
  uuid: string
  user: number | null
  data: Json
  created: Date
  expires: Date
  persistent: boolean
  last_used: Date
  last_ip: string
  last_user_agent: string
  auth_time: Date | null
  auth_method: string | null
  auth_method_args: Json | null
  impersonator: number | null
  sid: string | null
}

export interface SourceTable {
  pbm_uuid: string
  name: string
  slug: string
  enabled: boolean
  promoted: boolean
  authentication_flow: string | null
  enrollment_flow: string | null
  user_matching_mode: string
  group_matching_mode: string
  user_path_template: string
  icon: string
  managed: string | null
}

export interface SourceGroupPropertyMappingTable {
  source: string
  mapping: string
}

export interface SourceLdapTable {
  pbm_uuid: string
  server_uri: string
  peer_certificate: string | null
  client_certificate: string | null
  bind_cn: string
  bind_password: string
  start_tls: boolean
  sni: boolean
  base_dn: string
  additional_user_dn: string
  additional_group_dn: string
  user_object_filter: string
  group_object_filter: string
  group_membership_field: string
  user_membership_attribute: string
  object_uniqueness_field: string
  lookup_groups_from_user: boolean
  password_login_update_internal_password: boolean
  sync_users: boolean
  sync_users_password: boolean
  sync_groups: boolean
  sync_group_hierarchy: boolean
  sync_parent_group: string | null
  delete_not_found_objects: boolean
  sync_outgoing_trigger_mode: string
  connectivity: Json | null
}

export interface SourceOauthTable {
  pbm_uuid: string
  provider_type: string
  request_token_url: string | null
  authorization_url: string | null
  access_token_url: string | null
  profile_url: string | null
  pkce: string
  consumer_key: string
  consumer_secret: string
  additional_scopes: string
  oidc_well_known_url: string
  oidc_jwks_url: string
  oidc_jwks: Json
  authorization_code_auth_method: string
}

export interface SourcePendingTable {
  state_hash: string
  source: string
  session: string
  data: Json
  created: Date
  expires: Date
}

export interface SourceSessionTable {
  session: string
  source: string
  sub: string
  sid: string | null
}

export interface SourceUserPropertyMappingTable {
  source: string
  mapping: string
}

export interface StageTable {
  stage_uuid: string
  kind: string
  name: string
}

export interface StageAuthenticatorDuoTable {
  stage_uuid: string
  configure_flow: string | null
  friendly_name: string
  client_id: string
  client_secret: string
  api_hostname: string
  admin_integration_key: string
  admin_secret_key: string
}

export interface StageAuthenticatorEmailTable {
  stage_uuid: string
  configure_flow: string | null
  friendly_name: string
  use_global_settings: boolean
  host: string
  port: number
  username: string
  password: string
  use_tls: boolean
  use_ssl: boolean
  timeout: number
  from_address: string
  subject: string
  token_expiry: string
  template: string
}

export interface StageAuthenticatorSmsTable {
  stage_uuid: string
  configure_flow: string | null
  friendly_name: string
  provider: string
  from_number: string
  account_sid: string
  auth: string
  auth_password: string
  auth_type: string
  verify_only: boolean
  mapping: string | null
}

export interface StageAuthenticatorStaticTable {
  stage_uuid: string
  configure_flow: string | null
  friendly_name: string
  token_count: number
  token_length: number
}

export interface StageAuthenticatorTotpTable {
  stage_uuid: string
  configure_flow: string | null
  friendly_name: string
  digits: string
}

export interface StageAuthenticatorValidateTable {
  stage_uuid: string
  not_configured_action: string
  device_classes: Json
  last_auth_threshold: string
  webauthn_user_verification: string
  webauthn_hints: Json
  email_otp_throttling_factor: number
  sms_otp_throttling_factor: number
  totp_otp_throttling_factor: number
  static_otp_throttling_factor: number
}

export interface StageAuthenticatorValidateConfigurationTable {
  stage: string
  configuration: string
}

export interface StageAuthenticatorValidateDeviceTypeTable {
  stage: string
  device_type: string
}

export interface StageAuthenticatorWebauthnTable {
  stage_uuid: string
  configure_flow: string | null
  friendly_name: string
  user_verification: string
  authenticator_attachment: string | null
  resident_key_requirement: string
  hints: Json
  max_attempts: number
}

export interface StageAuthenticatorWebauthnDeviceTypeTable {
  stage: string
  device_type: string
}

export interface StageCaptchaTable {
  stage_uuid: string
  public_key: string
  private_key: string
  js_url: string
  api_url: string
  request_content_type: string
  interactive: boolean
  score_min_threshold: number
  score_max_threshold: number
  error_on_invalid_score: boolean
}

export interface StageConsentTable {
  stage_uuid: string
  mode: string
  consent_expire_in: string
}

export interface StageDenyTable {
  stage_uuid: string
  deny_message: string
}

export interface StageDummyTable {
  stage_uuid: string
  throw_error: boolean
}

export interface StageEmailTable {
  stage_uuid: string
  use_global_settings: boolean
  host: string
  port: number
  username: string
  password: string
  use_tls: boolean
  use_ssl: boolean
  timeout: number
  from_address: string
  activate_user_on_success: boolean
  subject: string
  template: string
  token_expiry: string
  recovery_max_attempts: number
  recovery_cache_timeout: string
}

export interface StageIdentificationTable {
  stage_uuid: string
  user_fields: Json
  password_stage: string | null
  case_insensitive_matching: boolean
  show_matched_user: boolean
  pretend_user_exists: boolean
  enable_remember_me: boolean
  enrollment_flow: string | null
  recovery_flow: string | null
  passwordless_flow: string | null
  show_source_labels: boolean
  webauthn_stage: string | null
  captcha_stage: string | null
}

export interface StageIdentificationSourceTable {
  stage: string
  source: string
}

export interface StageInvitationTable {
  stage_uuid: string
  continue_flow_without_invitation: boolean
}

export interface StagePasswordTable {
  stage_uuid: string
  backends: Json
  configure_flow: string | null
  failed_attempts_before_cancel: number
  allow_show_password: boolean
}

export interface StagePromptTable {
  stage_uuid: string
}

export interface StagePromptFieldTable {
  stage: string
  prompt: string
}

export interface StagePromptValidationTable {
  stage: string
  policy: string
}

export interface StageRedirectTable {
  stage_uuid: string
  mode: string
  target_static: string
  target_flow: string | null
  keep_context: boolean
}

export interface StageSourceTable {
  stage_uuid: string
  source: string
  resume_timeout: string
  resume_on_match_failures: Json
}

export interface StageUserDeleteTable {
  stage_uuid: string
}

export interface StageUserLoginTable {
  stage_uuid: string
  session_duration: string
  remember_me_offset: string
  remember_device: string
  network_binding: string
  geoip_binding: string
  terminate_other_sessions: boolean
}

export interface StageUserLogoutTable {
  stage_uuid: string
}

export interface StageUserWriteTable {
  stage_uuid: string
  user_creation_mode: string
  create_users_as_inactive: boolean
  create_users_group: string | null
  user_type: string
  user_path_template: string
}

export interface StaticDeviceTable {
  id: number
}

export interface StaticTokenTable {
  device: number
  token_hash: string
}

export interface SystemSettingsTable {
  id: number
  value: Json
}

export interface TaskTable {
  message_id: string
  actor_name: string
  args: Json
  state: string
  aggregated_status: string
  uid: string
  schedule: string | null
  created: Date
  mtime: Date
  eta: Date
  retries: number
  logs: Json
  previous_logs: Json
  lease_owner: string | null
  lease_until: Date | null
}

export interface TokenTable {
  token_uuid: string
  identifier: string
  key_hash: string
  key_sealed: string
  intent: string
  user: number
  description: string
  expires: Date | null
  expiring: boolean
  managed: string | null
}

export interface TotpDeviceTable {
  id: number
  key: string
  digits: number
  drift: number
  last_step: number
}

export interface UserTable {
  id: Generated<number>
  uuid: string
  username: string
  name: string
  email: string
  password: string
  is_active: boolean
  type: string
  path: string
  attributes: Json
  date_joined: Date
  last_login: Date | null
  password_change_date: Date
  last_updated: Date
}

export interface UserConsentTable {
  id: Generated<number>
  user: number
  application: string
  permissions: string
  expires: Date | null
  expiring: boolean
}

export interface UserGroupTable {
  user: number
  group: string
}

export interface UserLdapSourceConnectionTable {
  id: number
  dn: string
  member_key: string
  own: boolean
  disabled: boolean
  missing_since: Date | null
}

export interface UserOauthSourceConnectionTable {
  id: number
  access_token: string | null
  refresh_token: string | null
  expires: Date | null
}

export interface UserRoleTable {
  user: number
  role: string
}

export interface UserSourceConnectionTable {
  id: Generated<number>
  kind: string
  source: string
  identifier: string
  created: Date
  last_updated: Date
  user: number
}

export interface WebauthnDeviceTable {
  id: number
  aaguid: string
  device_type: string | null
  credential_id: string | null
  public_key: string | null
  sign_count: number
  rp_id: string
  transports: Json
}

export interface WebauthnDeviceTypeTable {
  aaguid: string
  description: string
}

export interface DB {
  application: ApplicationTable
  application_backchannel_provider: ApplicationBackchannelProviderTable
  application_entitlement: ApplicationEntitlementTable
  authenticator: AuthenticatorTable
  authenticator_code: AuthenticatorCodeTable
  authenticator_duo: AuthenticatorDuoTable
  authenticator_email: AuthenticatorEmailTable
  authenticator_sms: AuthenticatorSmsTable
  blueprint_instance: BlueprintInstanceTable
  blueprint_ledger: BlueprintLedgerTable
  brand: BrandTable
  brand_client_certificate: BrandClientCertificateTable
  email_attempt: EmailAttemptTable
  event: EventTable
  explanation: ExplanationTable
  flow: FlowTable
  flow_stage_binding: FlowStageBindingTable
  flow_token: FlowTokenTable
  group: GroupTable
  group_ldap_source_connection: GroupLdapSourceConnectionTable
  group_oauth_source_connection: GroupOauthSourceConnectionTable
  group_parent: GroupParentTable
  group_role: GroupRoleTable
  group_source_connection: GroupSourceConnectionTable
  initial_permissions: InitialPermissionsTable
  installation: InstallationTable
  invitation: InvitationTable
  invitation_group: InvitationGroupTable
  invitation_record: InvitationRecordTable
  invitation_use: InvitationUseTable
  keypair: KeypairTable
  ldap_source_mapping: LdapSourceMappingTable
  lease: LeaseTable
  notification: NotificationTable
  notification_mail: NotificationMailTable
  notification_rule: NotificationRuleTable
  notification_rule_transport: NotificationRuleTransportTable
  notification_transport: NotificationTransportTable
  notification_webhook_mapping: NotificationWebhookMappingTable
  oauth2_access_token: Oauth2AccessTokenTable
  oauth2_client_metadata: Oauth2ClientMetadataTable
  oauth2_code: Oauth2CodeTable
  oauth2_dcr: Oauth2DcrTable
  oauth2_dcr_mapping: Oauth2DcrMappingTable
  oauth2_device_code: Oauth2DeviceCodeTable
  oauth2_earlier_token: Oauth2EarlierTokenTable
  oauth2_exchange_audience: Oauth2ExchangeAudienceTable
  oauth2_exchange_subject: Oauth2ExchangeSubjectTable
  oauth2_logout_notice: Oauth2LogoutNoticeTable
  oauth2_pushed_request: Oauth2PushedRequestTable
  oauth2_refresh_token: Oauth2RefreshTokenTable
  oauth2_registration: Oauth2RegistrationTable
  oauth2_retired_key: Oauth2RetiredKeyTable
  oauth2_seen: Oauth2SeenTable
  oauth_source_mapping: OauthSourceMappingTable
  password_attempt: PasswordAttemptTable
  password_history: PasswordHistoryTable
  policy: PolicyTable
  policy_binding: PolicyBindingTable
  policy_dummy: PolicyDummyTable
  policy_event_matcher: PolicyEventMatcherTable
  policy_expression: PolicyExpressionTable
  policy_geoip: PolicyGeoipTable
  policy_password: PolicyPasswordTable
  policy_password_expiry: PolicyPasswordExpiryTable
  policy_reputation: PolicyReputationTable
  policy_target: PolicyTargetTable
  policy_unique_password: PolicyUniquePasswordTable
  prompt: PromptTable
  property_mapping: PropertyMappingTable
  provider: ProviderTable
  provider_oauth2: ProviderOauth2Table
  provider_oauth2_federation: ProviderOauth2FederationTable
  provider_oauth2_federation_source: ProviderOauth2FederationSourceTable
  provider_property_mapping: ProviderPropertyMappingTable
  reputation: ReputationTable
  role: RoleTable
  role_object_permission: RoleObjectPermissionTable
  role_permission: RolePermissionTable
  schedule: ScheduleTable
  schema_migration: SchemaMigrationTable
  scope_mapping: ScopeMappingTable
  session: SessionTable
  source: SourceTable
  source_group_property_mapping: SourceGroupPropertyMappingTable
  source_ldap: SourceLdapTable
  source_oauth: SourceOauthTable
  source_pending: SourcePendingTable
  source_session: SourceSessionTable
  source_user_property_mapping: SourceUserPropertyMappingTable
  stage: StageTable
  stage_authenticator_duo: StageAuthenticatorDuoTable
  stage_authenticator_email: StageAuthenticatorEmailTable
  stage_authenticator_sms: StageAuthenticatorSmsTable
  stage_authenticator_static: StageAuthenticatorStaticTable
  stage_authenticator_totp: StageAuthenticatorTotpTable
  stage_authenticator_validate: StageAuthenticatorValidateTable
  stage_authenticator_validate_configuration: StageAuthenticatorValidateConfigurationTable
  stage_authenticator_validate_device_type: StageAuthenticatorValidateDeviceTypeTable
  stage_authenticator_webauthn: StageAuthenticatorWebauthnTable
  stage_authenticator_webauthn_device_type: StageAuthenticatorWebauthnDeviceTypeTable
  stage_captcha: StageCaptchaTable
  stage_consent: StageConsentTable
  stage_deny: StageDenyTable
  stage_dummy: StageDummyTable
  stage_email: StageEmailTable
  stage_identification: StageIdentificationTable
  stage_identification_source: StageIdentificationSourceTable
  stage_invitation: StageInvitationTable
  stage_password: StagePasswordTable
  stage_prompt: StagePromptTable
  stage_prompt_field: StagePromptFieldTable
  stage_prompt_validation: StagePromptValidationTable
  stage_redirect: StageRedirectTable
  stage_source: StageSourceTable
  stage_user_delete: StageUserDeleteTable
  stage_user_login: StageUserLoginTable
  stage_user_logout: StageUserLogoutTable
  stage_user_write: StageUserWriteTable
  static_device: StaticDeviceTable
  static_token: StaticTokenTable
  system_settings: SystemSettingsTable
  task: TaskTable
  token: TokenTable
  totp_device: TotpDeviceTable
  user: UserTable
  user_consent: UserConsentTable
  user_group: UserGroupTable
  user_ldap_source_connection: UserLdapSourceConnectionTable
  user_oauth_source_connection: UserOauthSourceConnectionTable
  user_role: UserRoleTable
  user_source_connection: UserSourceConnectionTable
  webauthn_device: WebauthnDeviceTable
  webauthn_device_type: WebauthnDeviceTypeTable
}
