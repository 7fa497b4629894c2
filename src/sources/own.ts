import type { Row } from '../api/model.ts'
import { findObjects } from '../api/store.ts'
import type { Ctx } from '../context.ts'
import { sql } from 'kysely'
import { userSettings } from './source-api.ts'
import { Source, sourceIcons } from './source.ts'

/** A source as its owner's page shows it: where it is connected, and what has been connected. */
export type OwnSource = {
  name: string
  icon: string | null
  /** Null where nothing can be connected any more. */
  connect: string | null
  connection: { pk: number; created: Date } | null
}

/** What the caller has connected or may connect, by name; a source of which they have several connections stands there as often. */
export async function ownSources(ctx: Ctx): Promise<OwnSource[]> {
  const user = ctx.caller.user!
  const kinds = ctx.registry.sources.filter(({ settings }) => settings).map(({ model }) => model.label)
  const connected = await ctx.db
    .selectFrom('user_source_connection as connection')
    .innerJoin('policy_target as target', 'target.pbm_uuid', 'connection.source')
    .select(['connection.id', 'connection.source', 'connection.created'])
    .where('connection.user', '=', user.id as number)
    .where('target.kind', 'in', kinds)
    .orderBy('connection.id')
    .execute()
  const open = await userSettings(ctx)
  if (open.length === 0 && connected.length === 0) return []
  const keys = connected.map(({ source }) => source)
  const known = keys.length ? await findObjects(ctx, Source, { where: [sql<boolean>`source.pbm_uuid in (${sql.join(keys)})`] }) : []
  const icons = await sourceIcons(ctx, known)
  const linkOf = new Map(open.map(entry => [entry.object_uid, entry.configure_url as string]))
  const sourceOf = new Map<string, Row>(known.map(source => [source.pbm_uuid as string, source]))
  const mine = connected.map(({ id, source: key, created }): OwnSource => {
    const source = sourceOf.get(key)!
    return {
      name: source.name as string,
      icon: icons.get(key) ?? null,
      connect: linkOf.get(source.slug) ?? null,
      connection: { pk: id, created },
    }
  })
  const taken = new Set(known.map(({ slug }) => slug))
  const others = open
    .filter(({ object_uid: slug }) => !taken.has(slug))
    .map((entry): OwnSource => ({
      name: entry.title as string,
      icon: (entry.icon_url as string | undefined) ?? null,
      connect: entry.configure_url as string,
      connection: null,
    }))
  return [...mine, ...others].toSorted((a, b) => a.name.localeCompare(b.name))
}
