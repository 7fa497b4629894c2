import type { Schema } from '../columns.ts'

/** Flows, stages, policies, providers, applications, brands, keys: what is configured. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('keypair', t => [
    t.uuid('kp_uuid').primaryKey(),
    t.text('name').notNull().unique(),
    t.text('certificate_data').notNull(),
    t.text('key_data').notNull(), // PEM, sealed under the secret key; empty when only the certificate is known
    t.text('managed').unique(),
    // Read from the certificate once, when it is written.
    t.text('fingerprint_sha256').notNull(),
    t.text('fingerprint_sha1').notNull(),
    t.instant('cert_expiry').notNull(),
    t.text('cert_subject').notNull(),
    t.text('key_type').notNull(),
    t.text('kid').notNull(),
  ])

  // What policies, groups and users can be bound to. The row goes with the object that owns it, and its bindings with the row.
  await schema.table('policy_target', t => [
    t.uuid('pbm_uuid').primaryKey(),
    t.text('policy_engine_mode').notNull(),
    t.text('kind').notNull(),
  ])
  await schema.table('policy', t => [
    t.uuid('policy_uuid').primaryKey(),
    t.text('kind').notNull(),
    t.text('name').notNull().unique(),
    t.flag('execution_logging').notNull(),
  ])
  await schema.table(
    'policy_binding',
    t => [
      t.uuid('policy_binding_uuid').primaryKey(),
      t.uuid('target').notNull().references('policy_target.pbm_uuid', 'cascade'),
      t.uuid('policy').references('policy.policy_uuid', 'cascade').index(),
      t.uuid('group').references('group.group_uuid', 'cascade').index(),
      t.integer('user').references('user.id', 'cascade').index(),
      t.integer('order').notNull(),
      t.flag('enabled').notNull(),
      t.flag('negate').notNull(),
      t.integer('timeout').notNull(), // seconds
      t.flag('failure_result').notNull(),
    ],
    { unique: [['policy', 'target', 'order']], index: [['target', 'order']] },
  )

  await schema.table('flow', t => [
    t.uuid('flow_uuid').primaryKey(),
    t.uuid('policybindingmodel_ptr_id').notNull().unique().references('policy_target.pbm_uuid', 'cascade'),
    t.text('name').notNull(),
    t.text('slug').notNull().unique(),
    t.text('title').notNull(),
    t.text('designation').notNull().index(),
    t.text('background').notNull(),
    t.flag('compatibility_mode').notNull(),
    t.text('layout').notNull(),
    t.text('denied_action').notNull(),
    t.text('authentication').notNull(),
  ])
  await schema.table('stage', t => [t.uuid('stage_uuid').primaryKey(), t.text('kind').notNull(), t.text('name').notNull().unique()])
  await schema.table(
    'flow_stage_binding',
    t => [
      t.uuid('fsb_uuid').primaryKey(),
      t.uuid('policybindingmodel_ptr_id').notNull().unique().references('policy_target.pbm_uuid', 'cascade'),
      t.uuid('target').notNull().references('flow.flow_uuid', 'cascade'),
      t.uuid('stage').notNull().references('stage.stage_uuid', 'cascade').index(),
      t.integer('order').notNull(),
      t.flag('evaluate_on_plan').notNull(),
      t.flag('re_evaluate_policies').notNull(),
      t.text('invalid_response_action').notNull(),
    ],
    { unique: [['target', 'stage', 'order']] },
  )

  const stage = (t: Parameters<Parameters<Schema['table']>[1]>[0]) =>
    t.uuid('stage_uuid').primaryKey().references('stage.stage_uuid', 'cascade')
  await schema.table('stage_password', t => [
    stage(t),
    t.json('backends').notNull(),
    t.uuid('configure_flow').references('flow.flow_uuid', 'set null').index(),
    t.integer('failed_attempts_before_cancel').notNull(),
    t.flag('allow_show_password').notNull(),
  ])
  await schema.table('stage_identification', t => [
    stage(t),
    t.json('user_fields').notNull(),
    t.uuid('password_stage').references('stage_password.stage_uuid', 'set null').index(),
    t.flag('case_insensitive_matching').notNull(),
    t.flag('show_matched_user').notNull(),
    t.flag('pretend_user_exists').notNull(),
    t.flag('enable_remember_me').notNull(),
    t.uuid('enrollment_flow').references('flow.flow_uuid', 'set null').index(),
    t.uuid('recovery_flow').references('flow.flow_uuid', 'set null').index(),
    t.uuid('passwordless_flow').references('flow.flow_uuid', 'set null').index(),
    t.flag('show_source_labels').notNull(),
  ])
  await schema.table('stage_user_login', t => [
    stage(t),
    t.text('session_duration').notNull(),
    t.text('remember_me_offset').notNull(),
    t.text('remember_device').notNull(),
    t.text('network_binding').notNull(),
    t.text('geoip_binding').notNull(),
    t.flag('terminate_other_sessions').notNull(),
  ])
  await schema.table('stage_user_logout', t => [stage(t)])
  await schema.table('stage_consent', t => [stage(t), t.text('mode').notNull(), t.text('consent_expire_in').notNull()])
  await schema.table('stage_deny', t => [stage(t), t.text('deny_message').notNull()])
  await schema.table('stage_dummy', t => [stage(t), t.flag('throw_error').notNull()])
  await schema.table('stage_redirect', t => [
    stage(t),
    t.text('mode').notNull(),
    t.text('target_static').notNull(),
    t.uuid('target_flow').references('flow.flow_uuid', 'set null').index(),
    t.flag('keep_context').notNull(),
  ])
  await schema.table('stage_user_write', t => [
    stage(t),
    t.text('user_creation_mode').notNull(),
    t.flag('create_users_as_inactive').notNull(),
    t.uuid('create_users_group').references('group.group_uuid', 'set null').index(),
    t.text('user_type').notNull(),
    t.text('user_path_template').notNull(),
  ])
  await schema.table('stage_prompt', t => [stage(t)])
  await schema.table('prompt', t => [
    t.uuid('prompt_uuid').primaryKey(),
    t.text('name').notNull().unique(),
    t.text('field_key').notNull(),
    t.text('label').notNull(),
    t.text('type').notNull(),
    t.flag('required').notNull(),
    t.text('placeholder').notNull(),
    t.text('initial_value').notNull(),
    t.text('sub_text').notNull(),
    t.integer('order').notNull(),
    t.flag('placeholder_expression').notNull(),
    t.flag('initial_value_expression').notNull(),
  ])
  await schema.table(
    'stage_prompt_field',
    t => [
      t.uuid('stage').notNull().references('stage_prompt.stage_uuid', 'cascade'),
      t.uuid('prompt').notNull().references('prompt.prompt_uuid', 'cascade').index(),
    ],
    { primaryKey: ['stage', 'prompt'] },
  )
  await schema.table(
    'stage_prompt_validation',
    t => [
      t.uuid('stage').notNull().references('stage_prompt.stage_uuid', 'cascade'),
      t.uuid('policy').notNull().references('policy.policy_uuid', 'cascade').index(),
    ],
    { primaryKey: ['stage', 'policy'] },
  )

  await schema.table('property_mapping', t => [
    t.uuid('pm_uuid').primaryKey(),
    t.text('kind').notNull(),
    t.text('managed').unique(),
    t.text('name').notNull().unique(),
    t.text('expression').notNull(),
  ])
  await schema.table('scope_mapping', t => [
    t.uuid('pm_uuid').primaryKey().references('property_mapping.pm_uuid', 'cascade'),
    t.text('scope_name').notNull(),
    t.text('description').notNull(),
  ])
  await schema.table('provider', t => [
    t.id('id'),
    t.text('kind').notNull(),
    t.text('name').notNull().unique(),
    t.uuid('authentication_flow').references('flow.flow_uuid', 'set null').index(),
    t.uuid('authorization_flow').notNull().references('flow.flow_uuid', 'cascade').index(),
    t.uuid('invalidation_flow').notNull().references('flow.flow_uuid', 'cascade').index(),
  ])
  await schema.table(
    'provider_property_mapping',
    t => [
      t.integer('provider').notNull().references('provider.id', 'cascade'),
      t.uuid('mapping').notNull().references('property_mapping.pm_uuid', 'cascade').index(),
    ],
    { primaryKey: ['provider', 'mapping'] },
  )
  await schema.table('provider_oauth2', t => [
    t.integer('id').primaryKey().references('provider.id', 'cascade'),
    t.text('client_type').notNull(),
    t.text('client_id').notNull().unique(),
    t.text('client_secret').notNull(), // sealed under the secret key, since the API shows it again
    t.json('redirect_uris').notNull(),
    t.text('logout_uri').notNull(),
    t.text('logout_method').notNull(),
    t.flag('include_claims_in_id_token').notNull(),
    t.text('access_code_validity').notNull(),
    t.text('access_token_validity').notNull(),
    t.text('refresh_token_validity').notNull(),
    t.text('refresh_token_threshold').notNull(),
    t.text('sub_mode').notNull(),
    t.text('issuer_mode').notNull(),
    t.json('grant_types').notNull(),
    t.uuid('signing_key').references('keypair.kp_uuid', 'set null').index(),
    t.uuid('encryption_key').references('keypair.kp_uuid', 'set null').index(),
  ])
  await schema.table(
    'provider_oauth2_federation',
    t => [
      t.integer('provider').notNull().references('provider_oauth2.id', 'cascade'),
      t.integer('trusted').notNull().references('provider_oauth2.id', 'cascade').index(),
    ],
    { primaryKey: ['provider', 'trusted'] },
  )

  await schema.table('application', t => [
    t.uuid('pbm_uuid').primaryKey().references('policy_target.pbm_uuid', 'cascade'),
    t.text('name').notNull(),
    t.text('slug').notNull().unique(),
    t.text('group').notNull(),
    t.integer('provider').unique().references('provider.id', 'set null'),
    t.flag('open_in_new_tab').notNull(),
    t.text('meta_launch_url').notNull(),
    t.text('meta_icon').notNull(),
    t.text('meta_description').notNull(),
    t.text('meta_publisher').notNull(),
    t.flag('meta_hide').notNull(),
  ])
  await schema.table(
    'application_backchannel_provider',
    t => [
      t.uuid('application').notNull().references('application.pbm_uuid', 'cascade'),
      t.integer('provider').notNull().references('provider.id', 'cascade').index(),
    ],
    { primaryKey: ['application', 'provider'] },
  )

  await schema.table('brand', t => [
    t.uuid('brand_uuid').primaryKey(),
    t.text('domain').notNull().unique(),
    t.flag('default').notNull(),
    t.text('branding_title').notNull(),
    t.text('branding_logo').notNull(),
    t.text('branding_favicon').notNull(),
    t.text('branding_custom_css').notNull(),
    t.text('branding_default_flow_background').notNull(),
    t.uuid('flow_authentication').references('flow.flow_uuid', 'set null').index(),
    t.uuid('flow_invalidation').references('flow.flow_uuid', 'set null').index(),
    t.uuid('flow_recovery').references('flow.flow_uuid', 'set null').index(),
    t.uuid('flow_unenrollment').references('flow.flow_uuid', 'set null').index(),
    t.uuid('flow_user_settings').references('flow.flow_uuid', 'set null').index(),
    t.uuid('flow_device_code').references('flow.flow_uuid', 'set null').index(),
    t.uuid('default_application').references('application.pbm_uuid', 'set null').index(),
    t.uuid('web_certificate').references('keypair.kp_uuid', 'set null').index(),
    t.json('attributes').notNull(),
  ])
  await schema.table(
    'brand_client_certificate',
    t => [
      t.uuid('brand').notNull().references('brand.brand_uuid', 'cascade'),
      t.uuid('keypair').notNull().references('keypair.kp_uuid', 'cascade').index(),
    ],
    { primaryKey: ['brand', 'keypair'] },
  )

  await schema.table(
    'user_consent',
    t => [
      t.id('id'),
      t.integer('user').notNull().references('user.id', 'cascade'),
      t.uuid('application').notNull().references('application.pbm_uuid', 'cascade').index(),
      t.text('permissions').notNull(), // scope names joined by spaces
      t.instant('expires'),
      t.flag('expiring').notNull(),
    ],
    { unique: [['user', 'application', 'permissions']] },
  )
}
