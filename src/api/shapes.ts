import { Type, type TSchema } from 'typebox'

/**
 * Answers that are no model's objects, and the short forms of objects inside others, under the names that clients know. They
 * describe: nothing is checked against them here. Contract tests hold the answers themselves to the published contract.
 */

/** A schema of this document by its name. */
export const named = (name: string): TSchema => Type.Unsafe({ $ref: `#/components/schemas/${name}` })
/** The same, or null. */
export const namedOrNull = (name: string): TSchema => Type.Unsafe({ allOf: [{ $ref: `#/components/schemas/${name}` }], nullable: true })
/** A list of them. */
export const listOf = (name: string): TSchema => Type.Unsafe({ type: 'array', items: { $ref: `#/components/schemas/${name}` } })
/** A list of them, or null where they were not asked for. */
export const listOrNull = (name: string): TSchema => Type.Unsafe({ ...listOf(name), nullable: true })

const text = Type.String()
const nullableText = Type.Unsafe({ type: ['string', 'null'] })
const whole = Type.Integer()
const flag = Type.Boolean()
const uuid = Type.String({ format: 'uuid' })
const moment = Type.String({ format: 'date-time' })
const free: TSchema = Type.Unsafe({ type: 'object', additionalProperties: {} })
const texts = Type.Array(text)

/** An object all of whose properties are sent, save those listed. */
const shape = (properties: Record<string, TSchema>, optional: readonly string[] = []): TSchema =>
  Type.Unsafe({ type: 'object', properties, required: Object.keys(properties).filter(name => !optional.includes(name)) })

const theme: TSchema = shape({ light: nullableText, dark: nullableText }, ['light', 'dark'])
const nullableMoment = Type.Unsafe({ ...moment, type: ['string', 'null'] })
const device = {
  verbose_name: text,
  verbose_name_plural: text,
  meta_model_name: text,
  pk: text,
  name: text,
  type: text,
  confirmed: flag,
  created: moment,
  last_updated: moment,
  last_used: nullableMoment,
}
const nameAndKey = shape({ name: text, pk: text })
const grant = { id: whole, codename: text, model: text, app_label: text }
const group = { pk: uuid, name: text, is_superuser: flag, attributes: free }

const explained = {
  kind: text,
  reason: text,
  application: nullableText,
  flow: nullableText,
  target_name: text,
  user: Type.Unsafe({ type: ['integer', 'null'] }),
  username: text,
  passing: flag,
  requirement: nullableText,
  stage: Type.Unsafe({
    ...shape({ name: text, kind: text, binding: nullableText, order: Type.Unsafe({ type: ['integer', 'null'] }) }),
    nullable: true,
  }),
  mode: nullableText,
  membership: Type.Unsafe({ type: ['boolean', 'null'] }),
  bindings: listOf('ExplainedBinding'),
  superuser_path: Type.Unsafe({ type: ['array', 'null'], items: text }),
  messages: texts,
  sentences: texts,
  input: shape({ digest: text, summary: free }),
  duration: Type.Number(),
}

export const SHAPES: Readonly<Record<string, TSchema>> = {
  GenericError: shape({ detail: text, code: text }, ['code']),
  ValidationError: Type.Unsafe({ type: 'object', properties: { non_field_errors: texts, code: text }, additionalProperties: {} }),
  Pagination: shape(
    Object.fromEntries(
      ['next', 'previous', 'count', 'current', 'total_pages', 'start_index', 'end_index'].map(name => [name, Type.Number()]),
    ),
  ),
  PaginationAutocomplete: free,
  UsedBy: shape({
    app: text,
    model_name: text,
    pk: text,
    name: text,
    action: Type.Unsafe({ type: 'string', enum: ['cascade', 'cascade_many', 'set_null', 'set_default', 'left_dangling'] }),
  }),
  TypeCreate: shape(
    { name: text, description: text, component: text, model_name: text, icon_url: text, requires_enterprise: flag, deprecated: flag },
    ['icon_url', 'requires_enterprise', 'deprecated'],
  ),
  Link: shape({ link: text }),
  Cache: shape({ count: whole }),
  ThemedUrls: theme,
  FlowSet: shape(
    {
      pk: uuid,
      policybindingmodel_ptr_id: uuid,
      name: text,
      slug: text,
      title: text,
      designation: text,
      background_url: text,
      policy_engine_mode: text,
      compatibility_mode: flag,
      export_url: text,
      layout: text,
      denied_action: text,
    },
    ['policy_engine_mode', 'compatibility_mode', 'layout', 'denied_action'],
  ),
  ContextualFlowInfo: shape(
    { title: text, background: text, background_themed_urls: namedOrNull('ThemedUrls'), cancel_url: text, layout: text },
    ['title', 'background'],
  ),
  /** What the executor answers: `component` names the stage's view, the rest is that view's. */
  ChallengeTypes: Type.Unsafe({
    type: 'object',
    properties: { component: text, flow_info: named('ContextualFlowInfo'), response_errors: free },
    required: ['component'],
    additionalProperties: {},
  }),
  FlowChallengeResponseRequest: Type.Unsafe({ type: 'object', properties: { component: text }, additionalProperties: {} }),
  Device: shape({ ...device, extra_description: nullableText, external_id: nullableText }),
  StaticDeviceToken: shape({ token: text }),
  UserSetting: shape({ object_uid: text, component: text, title: text, configure_url: text, icon_url: text }, [
    'configure_url',
    'icon_url',
  ]),
  DeletedDevice: shape({
    ...device,
    device_class: text,
    deleted: moment,
    deleted_by: Type.Unsafe({ type: ['integer', 'null'] }),
    gone_for_good: moment,
  }),
  StagePrompt: shape({
    field_key: text,
    label: text,
    type: text,
    required: flag,
    placeholder: text,
    initial_value: text,
    order: whole,
    sub_text: text,
    choices: Type.Unsafe({ type: ['array', 'null'], items: shape({ value: text, label: text }) }),
  }),
  PromptChallenge: shape(
    { flow_info: named('ContextualFlowInfo'), component: text, response_errors: free, fields: listOf('StagePrompt') },
    ['flow_info', 'component', 'response_errors'],
  ),
  UserAgent: shape({
    device: shape({ brand: nullableText, family: text, model: nullableText }),
    os: shape({ family: text, major: nullableText, minor: nullableText, patch: nullableText, patch_minor: nullableText }),
    user_agent: shape({ family: text, major: text, minor: text, patch: text }),
    string: text,
  }),
  LogEvent: shape({ timestamp: moment, log_level: text, logger: text, event: text, attributes: free }),
  PartialUser: shape(
    {
      pk: whole,
      username: text,
      name: text,
      is_active: flag,
      last_login: Type.Unsafe({ ...moment, type: ['string', 'null'] }),
      email: text,
      attributes: free,
      uid: text,
    },
    ['is_active', 'last_login', 'email', 'attributes'],
  ),
  PartialGroup: shape({ ...group, num_pk: whole }, ['is_superuser', 'attributes']),
  RelatedGroup: shape({ ...group, group_uuid: uuid }, ['is_superuser', 'attributes']),
  UserSelfGroups: nameAndKey,
  UserSelfRoles: nameAndKey,
  UserSelf: shape(
    {
      pk: whole,
      username: text,
      name: text,
      is_active: flag,
      is_superuser: flag,
      is_current: flag,
      groups: listOf('UserSelfGroups'),
      roles: listOf('UserSelfRoles'),
      email: Type.String({ format: 'email' }),
      avatar: text,
      uid: text,
      settings: free,
      type: text,
      system_permissions: texts,
    },
    ['email', 'type'],
  ),
  SessionUser: shape({ user: named('UserSelf'), original: named('UserSelf'), users: listOf('UserSelf') }, ['original']),
  UserPath: shape({ paths: texts }),
  UserServiceAccountResponse: shape({ username: text, token: text, user_uid: text, user_pk: whole, group_pk: text }, ['group_pk']),
  Permission: shape({ ...grant, name: text, app_label_verbose: text, model_verbose: text }),
  RoleModelPermission: shape({ ...grant, name: text }),
  RoleObjectPermission: shape({ ...grant, object_pk: text, name: text }),
  ExtraRoleObjectPermission: shape({
    ...grant,
    object_pk: text,
    name: text,
    app_label_verbose: text,
    model_verbose: text,
    object_description: nullableText,
  }),
  RoleAssignedObjectPermission: shape({
    role_pk: text,
    name: text,
    object_permissions: listOf('RoleObjectPermission'),
    model_permissions: listOf('RoleModelPermission'),
  }),
  PermissionAssignResult: shape({ id: text }),
  EventVolume: shape({ action: text, time: moment, count: whole }),
  EventTopPerUser: shape({ application: free, counted_events: whole, unique_users: whole }),
  /** Ours: an invitation with what it gives and what became of it. */
  SignetInvitation: shape({
    pk: uuid,
    name: text,
    state: Type.Unsafe({ type: 'string', enum: ['open', 'opened', 'used', 'expired', 'deleted'] }),
    link: nullableText,
    flow: Type.Unsafe({ type: ['string', 'null'], format: 'uuid' }),
    flow_obj: Type.Unsafe({ ...shape({ pk: uuid, slug: text, name: text }), nullable: true }),
    single_use: flag,
    expires: Type.Unsafe({ ...moment, type: ['string', 'null'] }),
    fixed_data: free,
    email: text,
    groups: Type.Array(uuid),
    groups_obj: Type.Array(nameAndKey),
    batch: Type.Unsafe({ type: ['string', 'null'], format: 'uuid' }),
    created: moment,
    created_by: Type.Unsafe({ ...shape({ pk: whole, username: text }), nullable: true }),
    opened: Type.Unsafe({ ...moment, type: ['string', 'null'] }),
    opened_count: whole,
    used_count: whole,
    used_by: Type.Array(shape({ user: Type.Unsafe({ type: ['integer', 'null'] }), username: text, used: moment })),
    ended: Type.Unsafe({ ...moment, type: ['string', 'null'] }),
  }),
  SignetInvitationBatch: shape({ batch: uuid, results: listOf('SignetInvitation') }),
  LDAPDebug: shape({ user: Type.Array(free), group: Type.Array(free), membership: Type.Array(free) }),
  SyncStatus: shape({ is_running: flag, last_successful_sync: moment, last_sync_status: text }, [
    'last_successful_sync',
    'last_sync_status',
  ]),
  SourceType: shape({
    name: text,
    verbose_name: text,
    urls_customizable: flag,
    request_token_url: nullableText,
    authorization_url: nullableText,
    access_token_url: nullableText,
    profile_url: nullableText,
    oidc_well_known_url: nullableText,
    oidc_jwks_url: nullableText,
  }),
  NotificationTransportTest: shape({ messages: texts }),
  EventStats: shape({ unique_users: whole, count_step: free }),
  Config: shape({
    error_reporting: shape({ enabled: flag, sentry_dsn: text, environment: text, send_pii: flag, traces_sample_rate: Type.Number() }),
    capabilities: texts,
    cache_timeout: whole,
    cache_timeout_flows: whole,
    cache_timeout_policies: whole,
  }),
  Version: shape({
    version_current: text,
    version_latest: text,
    version_latest_valid: flag,
    build_hash: text,
    outdated: flag,
    outpost_outdated: flag,
  }),
  VersionHistory: shape({ id: whole, timestamp: moment, version: text, build: text }),
  SystemInfo: shape({
    http_headers: free,
    http_host: text,
    http_is_secure: flag,
    runtime: shape({
      python_version: text,
      environment: text,
      architecture: text,
      platform: text,
      uname: text,
      openssl_version: text,
      openssl_fips_enabled: Type.Unsafe({ type: ['boolean', 'null'] }),
      authentik_version: text,
    }),
    brand: text,
    server_time: moment,
    embedded_outpost_disabled: flag,
    embedded_outpost_host: text,
    base_url: text,
    address_databases: shape({ geoip: flag, asn: flag }),
  }),
  App: shape({ name: text, label: text }),
  FileList: shape({ name: text, mime_type: text, url: text, themed_urls: namedOrNull('ThemedUrls') }, ['themed_urls']),
  FileUploadRequest: shape({ file: Type.String({ format: 'binary' }), name: text, usage: text }, ['name', 'usage']),
  BlueprintFile: shape({ path: text, last_m: moment, hash: text, meta: named('Metadata') }),
  Metadata: shape({ name: text, labels: free }),
  BlueprintUploadRequest: shape({ file: Type.String({ format: 'binary' }), path: text, context: text }, ['file', 'path', 'context']),
  BlueprintImportResult: shape({ logs: listOf('LogEvent'), success: flag }),
  DetailedCountry: shape({ code: text, name: text }),
  PolicyTestResult: shape({ passing: flag, messages: texts, log_messages: listOf('LogEvent') }),
  FlowDiagram: shape({ diagram: text }),
  FlowInspectorPlan: shape({
    current_stage: named('FlowStageBinding'),
    next_planned_stage: named('FlowStageBinding'),
    plan_context: free,
    session_id: text,
  }),
  FlowInspection: shape({ plans: listOf('FlowInspectorPlan'), current_plan: named('FlowInspectorPlan'), is_completed: flag }, [
    'current_plan',
  ]),
  ExplainedBinding: shape(
    {
      binding: nullableText,
      kind: text,
      key: Type.Unsafe({ oneOf: [text, whole] }),
      name: nullableText,
      policy_kind: text,
      order: whole,
      negate: flag,
      enabled: flag,
      timeout: whole,
      failure_result: flag,
      result: text,
      passing: flag,
      messages: texts,
      duration: Type.Number(),
      path: Type.Unsafe({ type: ['array', 'null'], items: text }),
    },
    ['policy_kind'],
  ),
  Explanation: shape({
    pk: uuid,
    id: text,
    surface: text,
    ...explained,
    client_ip: nullableText,
    request_id: nullableText,
    count: whole,
    created: moment,
    last_seen: moment,
    expires: moment,
  }),
  ExplainAnswer: shape({
    ...explained,
    stages: Type.Array(
      shape({
        name: text,
        kind: text,
        binding: uuid,
        order: whole,
        runs: flag,
        mode: text,
        bindings: listOf('ExplainedBinding'),
        sentences: texts,
      }),
    ),
  }),
  CertificateData: shape({ data: text }),
  TokenView: shape({ key: text }),
  BulkDeleteSessionResponse: shape({ deleted: whole }),
  FooterLink: shape({ href: nullableText, name: text }),
  CurrentBrand: shape(
    {
      matched_domain: text,
      branding_title: text,
      branding_logo: text,
      branding_logo_themed_urls: namedOrNull('ThemedUrls'),
      branding_favicon: text,
      branding_favicon_themed_urls: namedOrNull('ThemedUrls'),
      branding_custom_css: text,
      branding_map_tiles: text,
      ui_footer_links: listOf('FooterLink'),
      ui_theme: text,
      flow_authentication: text,
      flow_invalidation: text,
      flow_recovery: text,
      flow_unenrollment: text,
      flow_user_settings: text,
      flow_device_code: text,
      default_locale: text,
      flags: shape({ flows_continuous_login: flag, flows_refresh_others: flag }),
    },
    ['flow_authentication', 'flow_invalidation', 'flow_recovery', 'flow_unenrollment', 'flow_user_settings', 'flow_device_code'],
  ),
  DuoDeviceEnrollmentStatus: shape({ duo_response: text }),
  AuthenticatorDuoStageDeviceImportResponse: shape({ count: whole, error: text }),
  PropertyMappingPreview: shape({ preview: free }),
  PropertyMappingTestResult: shape({ result: text, successful: flag }),
  OAuth2ProviderSetupURLs: shape({
    issuer: text,
    authorize: text,
    token: text,
    user_info: text,
    provider_info: text,
    logout: text,
    jwks: text,
    dcr_registration: nullableText,
  }),
}
