import { randomUUID } from 'node:crypto'
import type { Schema } from '../columns.ts'

/** Where people come from: other identity providers and directories, and what is known there of accounts and groups of ours. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('source', t => [
    t.uuid('pbm_uuid').primaryKey().references('policy_target.pbm_uuid', 'cascade'),
    t.text('name').notNull(),
    t.text('slug').notNull().unique(),
    t.flag('enabled').notNull(),
    t.flag('promoted').notNull(),
    t.uuid('authentication_flow').references('flow.flow_uuid', 'set null').index(),
    t.uuid('enrollment_flow').references('flow.flow_uuid', 'set null').index(),
    t.text('user_matching_mode').notNull(),
    t.text('group_matching_mode').notNull(),
    t.text('user_path_template').notNull(),
    t.text('icon').notNull(),
    t.text('managed').unique(),
  ])
  for (const kind of ['user', 'group']) {
    await schema.table(
      `source_${kind}_property_mapping`,
      t => [
        t.uuid('source').notNull().references('source.pbm_uuid', 'cascade'),
        t.uuid('mapping').notNull().references('property_mapping.pm_uuid', 'cascade').index(),
      ],
      { primaryKey: ['source', 'mapping'] },
    )
  }
  const connection = (t: Parameters<Parameters<Schema['table']>[1]>[0]) => [
    t.id('id'),
    t.text('kind').notNull(),
    t.uuid('source').notNull().references('source.pbm_uuid', 'cascade'),
    t.text('identifier').notNull(), // what the source calls it, for good
    t.instant('created').notNull(),
    t.instant('last_updated').notNull(),
  ]
  await schema.table(
    'user_source_connection',
    t => [...connection(t), t.integer('user').notNull().references('user.id', 'cascade').index()],
    { unique: [['source', 'identifier']] },
  )
  await schema.table(
    'group_source_connection',
    t => [...connection(t), t.uuid('group').notNull().references('group.group_uuid', 'cascade').index()],
    { unique: [['source', 'identifier']] },
  )
  await schema.table(
    'stage_identification_source',
    t => [
      t.uuid('stage').notNull().references('stage_identification.stage_uuid', 'cascade'),
      t.uuid('source').notNull().references('source.pbm_uuid', 'cascade').index(),
    ],
    { primaryKey: ['stage', 'source'] },
  )

  // The accounts that are kept here; deployments name it beside the others.
  await schema.data(async db => {
    const key = randomUUID()
    await db.insertInto('policy_target').values({ pbm_uuid: key, policy_engine_mode: 'any', kind: 'authentik_core.source' }).execute()
    await db
      .insertInto('source')
      .values({
        pbm_uuid: key,
        name: 'authentik Built-in',
        slug: 'authentik-built-in',
        enabled: true,
        promoted: false,
        authentication_flow: null,
        enrollment_flow: null,
        user_matching_mode: 'identifier',
        group_matching_mode: 'identifier',
        user_path_template: 'goauthentik.io/sources/%(slug)s',
        icon: '',
        managed: 'goauthentik.io/sources/inbuilt',
      })
      .execute()
  })
}
