import type { Schema } from '../columns.ts'

/**
 * Which of many applications a person may open is told by their bindings alone, which an index holds whole: rows are not opened for it. The site
 * that redirect URIs suggest is kept with them, since lists are narrowed to what has an address.
 */
export async function up(schema: Schema): Promise<void> {
  await schema.dropIndex('policy_binding', ['target', 'order'])
  await schema.index('policy_binding', ['target', 'order', 'enabled', 'negate', 'policy', 'group', 'user'])
  await schema.addColumns('provider_oauth2', t => [t.text('site')])
  await schema.data(async db => {
    const rows = await db.selectFrom('provider_oauth2').select(['id', 'redirect_uris']).execute()
    for (const { id, redirect_uris: uris } of rows) {
      const site = suggestedSite(uris as Uri[])
      if (site !== null) await db.updateTable('provider_oauth2').set({ site }).where('id', '=', id).execute()
    }
  })
}

type Uri = { matching_mode: string; url: string; redirect_uri_type?: string }

/** What the program said at the time of this migration. */
function suggestedSite(uris: Uri[]): string | null {
  const first = uris.find(({ matching_mode: mode, redirect_uri_type: type }) => mode === 'strict' && type !== 'logout')
  if (!first || !URL.canParse(first.url)) return null
  const { protocol, origin } = new URL(first.url)
  return protocol === 'https:' || protocol === 'http:' ? origin : null
}
