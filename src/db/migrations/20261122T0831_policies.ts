import type { Schema } from '../columns.ts'

/** The kinds of policies beside expressions, and what they keep: scores, former passwords. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('policy_dummy', t => [
    t.uuid('policy_uuid').primaryKey().references('policy.policy_uuid', 'cascade'),
    t.flag('result').notNull(),
    t.integer('wait_min').notNull(),
    t.integer('wait_max').notNull(),
  ])
  await schema.table('policy_password_expiry', t => [
    t.uuid('policy_uuid').primaryKey().references('policy.policy_uuid', 'cascade'),
    t.integer('days').notNull(),
    t.flag('deny_only').notNull(),
  ])
  await schema.table('policy_password', t => [
    t.uuid('policy_uuid').primaryKey().references('policy.policy_uuid', 'cascade'),
    t.text('password_field').notNull(),
    t.integer('amount_digits').notNull(),
    t.integer('amount_uppercase').notNull(),
    t.integer('amount_lowercase').notNull(),
    t.integer('amount_symbols').notNull(),
    t.integer('length_min').notNull(),
    t.text('symbol_charset').notNull(),
    t.text('error_message').notNull(),
    t.flag('check_static_rules').notNull(),
    t.flag('check_have_i_been_pwned').notNull(),
    t.flag('check_zxcvbn').notNull(),
    t.integer('hibp_allowed_count').notNull(),
    t.integer('zxcvbn_score_threshold').notNull(),
  ])
  await schema.table('policy_unique_password', t => [
    t.uuid('policy_uuid').primaryKey().references('policy.policy_uuid', 'cascade'),
    t.text('password_field').notNull(),
    t.integer('num_historical_passwords').notNull(),
  ])
  await schema.table(
    'password_history',
    t => [
      t.id(),
      t.integer('user').notNull().references('user.id', 'cascade'),
      t.text('password').notNull(),
      t.instant('created').notNull(),
    ],
    { index: [['user', 'id']] },
  )
  await schema.table('policy_reputation', t => [
    t.uuid('policy_uuid').primaryKey().references('policy.policy_uuid', 'cascade'),
    t.flag('check_ip').notNull(),
    t.flag('check_username').notNull(),
    t.integer('threshold').notNull(),
  ])
  await schema.table(
    'reputation',
    t => [
      t.uuid('reputation_uuid').primaryKey(),
      t.text('identifier').notNull(),
      t.text('ip').notNull().index(),
      t.json('ip_geo_data').notNull(),
      t.json('ip_asn_data').notNull(),
      t.integer('score').notNull(),
      t.instant('expires').notNull().index(),
      t.instant('updated').notNull(),
    ],
    { unique: [['identifier', 'ip']] },
  )
  await schema.table('policy_geoip', t => [
    t.uuid('policy_uuid').primaryKey().references('policy.policy_uuid', 'cascade'),
    t.json('asns').notNull(),
    t.json('countries').notNull(),
    t.flag('check_history_distance').notNull(),
    t.integer('history_max_distance_km').notNull(),
    t.integer('distance_tolerance_km').notNull(),
    t.integer('history_login_count').notNull(),
    t.flag('check_impossible_travel').notNull(),
    t.integer('impossible_tolerance_km').notNull(),
  ])
  // How far away somebody signed in before is asked for at each sign-in.
  await schema.sql({
    sqlite: `create index event_login_user on event ("user" ->> '$.pk', created) where action = 'login'`,
    postgres: `create index event_login_user on event (("user" ->> 'pk'), created) where action = 'login'`,
  })
}
