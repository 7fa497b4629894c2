import type { Schema } from '../columns.ts'

/** Lists of applications are in the order of their names. */
export async function up(schema: Schema): Promise<void> {
  await schema.index('application', ['name'])
}
