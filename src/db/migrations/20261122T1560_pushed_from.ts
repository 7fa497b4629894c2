import type { Schema } from '../columns.ts'

/** Where requests came from that nobody proved to be of their client: how many may wait is counted. */
export async function up(schema: Schema): Promise<void> {
  // The network, as text; empty: the client proved itself.
  await schema.addColumns('oauth2_pushed_request', t => [t.text('network').notNull().default('')])
  await schema.index('oauth2_pushed_request', ['provider', 'network', 'expires'])
  await schema.dropIndex('oauth2_pushed_request', ['provider'])
}
