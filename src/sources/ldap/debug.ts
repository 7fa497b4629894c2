import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { parseFilter } from './client.ts'
import { below } from './dn.ts'
import { plainEntry, readEntry } from './entry.ts'
import type { LdapSource } from './model.ts'
import { readSchema } from './schema.ts'
import { withDirectory } from './server.ts'

export { DirectoryError } from './client.ts'

/** Entries of each kind that are shown. */
const SHOWN = 10

/** The first entries of each kind, as mappings see them. @throws DirectoryError */
export const firstEntries = (ctx: Ctx, source: LdapSource): Promise<Row> =>
  withDirectory(ctx, source, async directory => {
    const schema = await readSchema(directory)
    const first = async (additional: string, filter: string, attributes?: string[]): Promise<Row[]> => {
      for await (const page of directory.pages(below(source.base_dn, additional), parseFilter(filter), { size: SHOWN, attributes }))
        return page.slice(0, SHOWN).map(entry => plainEntry(readEntry(entry, schema)))
      return []
    }
    const { additional_user_dn: users, additional_group_dn: groups, group_object_filter: filter, group_membership_field: field } = source
    return {
      user: source.sync_users ? await first(users, source.user_object_filter) : [],
      group: source.sync_groups ? await first(groups, filter) : [],
      membership: source.sync_groups ? await first(groups, filter, [field.replace(/:.*$/, '')]) : [],
    }
  })
