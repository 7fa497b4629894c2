import type { Schema } from '../columns.ts'

/** Who really sits at the browser while an administrator looks through another's eyes. The session goes with either account. */
export async function up(schema: Schema): Promise<void> {
  await schema.addColumns('session', t => [t.integer('impersonator').references('user.id', 'cascade').index()])
}
