import type { Schema } from '../columns.ts'

/** When somebody refused to let a device in (RFC 8628 §3.5 `access_denied`). */
export async function up(schema: Schema): Promise<void> {
  await schema.addColumns('oauth2_device_code', t => [t.instant('declined_at')])
}
