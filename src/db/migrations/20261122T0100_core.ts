import type { Schema } from '../columns.ts'

/** People, groups, roles, tokens, sessions, settings and the audit log. */
export async function up(schema: Schema): Promise<void> {
  // One row per fact about the installation: its id, which must survive every move of the database.
  await schema.table('installation', t => [t.text('name').primaryKey(), t.text('value').notNull()])
  await schema.table('system_settings', t => [t.integer('id').primaryKey(), t.json('value').notNull()])

  await schema.table('user', t => [
    t.id('id'),
    t.text('uuid').notNull().unique(),
    t.text('username').notNull().unique(),
    t.text('name').notNull(),
    t.text('email').notNull().index(),
    t.text('password').notNull(), // PHC string, or `!…` for one that never matches
    t.flag('is_active').notNull(),
    t.text('type').notNull(),
    t.text('path').notNull().index(),
    t.json('attributes').notNull(),
    t.instant('date_joined').notNull(),
    t.instant('last_login'),
    t.instant('password_change_date').notNull(),
    t.instant('last_updated').notNull(),
  ])
  await schema.table('group', t => [
    t.uuid('group_uuid').primaryKey(),
    t.text('name').notNull().unique(),
    t.flag('is_superuser').notNull(),
    t.json('attributes').notNull(),
  ])
  await schema.table(
    'group_parent',
    t => [
      t.uuid('child').notNull().references('group.group_uuid', 'cascade'),
      t.uuid('parent').notNull().references('group.group_uuid', 'cascade').index(),
    ],
    { primaryKey: ['child', 'parent'] },
  )
  await schema.table(
    'user_group',
    t => [
      t.integer('user').notNull().references('user.id', 'cascade'),
      t.uuid('group').notNull().references('group.group_uuid', 'cascade').index(),
    ],
    { primaryKey: ['user', 'group'] },
  )

  await schema.table('role', t => [t.uuid('role_uuid').primaryKey(), t.text('name').notNull().unique(), t.text('managed').unique()])
  await schema.table(
    'user_role',
    t => [
      t.integer('user').notNull().references('user.id', 'cascade'),
      t.uuid('role').notNull().references('role.role_uuid', 'cascade').index(),
    ],
    { primaryKey: ['user', 'role'] },
  )
  await schema.table(
    'group_role',
    t => [
      t.uuid('group').notNull().references('group.group_uuid', 'cascade'),
      t.uuid('role').notNull().references('role.role_uuid', 'cascade').index(),
    ],
    { primaryKey: ['group', 'role'] },
  )
  // `app.codename`, for all objects of a kind …
  await schema.table(
    'role_permission',
    t => [t.uuid('role').notNull().references('role.role_uuid', 'cascade'), t.text('permission').notNull()],
    { primaryKey: ['role', 'permission'] },
  )
  // … or for one.
  await schema.table(
    'role_object_permission',
    t => [
      t.uuid('role').notNull().references('role.role_uuid', 'cascade'),
      t.text('permission').notNull(),
      t.text('model').notNull(),
      t.text('object_pk').notNull(),
    ],
    { primaryKey: ['role', 'permission', 'object_pk'], index: [['permission', 'object_pk']] },
  )

  await schema.table('token', t => [
    t.uuid('token_uuid').primaryKey(),
    t.text('identifier').notNull().unique(),
    t.text('key_hash').notNull().unique(), // sha-256, base64url
    t.text('key_sealed').notNull(), // shown again by view_key; sealed under the secret key
    t.text('intent').notNull(),
    t.integer('user').notNull().references('user.id', 'cascade').index(),
    t.text('description').notNull(),
    t.instant('expires'),
    t.flag('expiring').notNull(),
    t.text('managed').unique(),
  ])
  await schema.table('session', t => [
    t.text('session_hash').primaryKey(), // sha-256 of the key in the cookie
    t.uuid('uuid').notNull().unique(),
    t.integer('user').references('user.id', 'cascade').index(),
    t.json('data').notNull(),
    t.instant('created').notNull(),
    t.instant('expires').notNull().index(),
    t.flag('persistent').notNull(),
    t.instant('last_used').notNull(),
    t.text('last_ip').notNull(),
    t.text('last_user_agent').notNull(),
    t.instant('auth_time'),
    t.text('auth_method'),
    t.json('auth_method_args'),
  ])
  await schema.table('event', t => [
    t.uuid('event_uuid').primaryKey(),
    t.json('user').notNull(),
    t.text('action').notNull().index(),
    t.text('app').notNull(),
    t.json('context').notNull(),
    t.text('client_ip'),
    t.instant('created').notNull().index(),
    t.instant('expires').notNull().index(),
    t.json('brand').notNull(),
  ])
}
