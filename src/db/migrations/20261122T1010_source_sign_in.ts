import type { Schema } from '../columns.ts'

/** Browsers that are away at a source, and sessions that came from one. */
export async function up(schema: Schema): Promise<void> {
  await schema.table('source_pending', t => [
    t.text('state_hash').primaryKey(), // sha-256 of `state`, base64url
    t.uuid('source').notNull().references('source.pbm_uuid', 'cascade'),
    t.text('session').notNull().references('session.session_hash', 'cascade'),
    t.json('data').notNull(), // what the person was doing
    t.instant('created').notNull(),
    t.instant('expires').notNull().index(),
  ])
  await schema.table(
    'source_session',
    t => [
      t.text('session').primaryKey().references('session.session_hash', 'cascade'),
      t.uuid('source').notNull().references('source.pbm_uuid', 'cascade'),
      t.text('sub').notNull(), // as the source's ID token has it
      t.text('sid'), // its own session, where it told
    ],
    {
      index: [
        ['source', 'sub'],
        ['source', 'sid'],
      ],
    },
  )
}
