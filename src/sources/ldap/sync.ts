import { isDeepStrictEqual } from 'node:util'
import { eventModel } from '../../api/objects.ts'
import type { Ctx } from '../../context.ts'
import { recordEvent } from '../../events/record.ts'
import type { Run } from '../../tasks/job.ts'
import { openDirectory, serverUris, type Directory } from './client.ts'
import { syncGroups } from './groups.ts'
import { LDAPSource, type LdapSource } from './model.ts'
import { hasChanged, startRun, type Sync } from './run.ts'
import { readSchema } from './schema.ts'
import { serverOf, withDirectory } from './server.ts'
import { syncUsers } from './users.ts'

/**
 * Brings accounts and groups to what a directory says; what is so already is not written again. When it fails, what was written stays,
 * and nothing is removed.
 * @throws DirectoryError, and what mappings throw
 */
export async function synchronise(ctx: Ctx, source: LdapSource, run: Run): Promise<Sync['counts']> {
  await keepConnectivity(ctx, source)
  return withDirectory(ctx, source, async directory => {
    const sync = await startRun(ctx, source, { directory, schema: await readSchema(directory) }, run)
    if (source.sync_users) await syncUsers(sync)
    if (source.sync_groups) await syncGroups(sync)
    const { counts } = sync
    run.log('info', 'Synchronised', counts)
    if (hasChanged(sync))
      await recordEvent(ctx, 'model_updated', {
        model: eventModel(LDAPSource, source),
        message: 'Synchronised with the directory.',
        diff: counts,
      })
    return counts
  })
}

/** What the API shows as `connectivity`: each server by itself, so that one that is down behind another is seen. */
async function keepConnectivity(ctx: Ctx, source: LdapSource): Promise<void> {
  const server = await serverOf(ctx, source)
  const found: Record<string, Record<string, string>> = {}
  for (const uri of serverUris(source.server_uri)) found[uri] = await connectivity({ ...server, uri })
  if (isDeepStrictEqual(found, source.connectivity)) return
  await ctx.db
    .updateTable('source_ldap')
    .set({ connectivity: JSON.stringify(found) })
    .where('pbm_uuid', '=', source.pbm_uuid)
    .execute()
}

async function connectivity(server: Parameters<typeof openDirectory>[0]): Promise<Record<string, string>> {
  let directory: Directory
  try {
    directory = await openDirectory(server)
  } catch (error) {
    return { status: (error as Error).message }
  }
  try {
    const root = await directory.entry('', ['vendorName', 'vendorVersion'])
    const said = Object.fromEntries([...(root?.attributes ?? [])].map(([name, values]) => [name.toLowerCase(), String(values[0])]))
    return { status: 'ok', vendor: said.vendorname ?? 'N/A', version: said.vendorversion ?? 'N/A' }
  } catch (error) {
    // Not everybody may look at what a server says of itself.
    return { status: 'ok', vendor: 'N/A', version: (error as Error).message }
  } finally {
    await directory.close()
  }
}
