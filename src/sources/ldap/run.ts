import type { Row } from '../../api/model.ts'
import { transact, type Ctx } from '../../context.ts'
import type { MappingRow } from '../../mappings/evaluate.ts'
import type { LogLevel, Run } from '../../tasks/job.ts'
import { mappingsOf } from '../mappings.ts'
import type { Directory } from './client.ts'
import type { LdapSource } from './model.ts'
import type { DirectorySchema } from './schema.ts'

/** What became of the entries of a kind; those that are as they were are not counted. */
export type Counts = { created: number; linked: number; updated: number; removed: number; skipped: number }

/** One synchronisation under way. */
export type Sync = {
  ctx: Ctx
  source: LdapSource
  directory: Directory
  schema: DirectorySchema
  mappings: Record<'user' | 'group', readonly MappingRow[]>
  signal: AbortSignal
  tell: (level: LogLevel, event: string, attributes?: Row) => void
  counts: { users: Counts; groups: Counts; members: { added: number; removed: number } }
}

/** Entries that are written down one by one before only their number is. */
const MOST_SKIPPED_LINES = 50

const none = (): Counts => ({ created: 0, linked: 0, updated: 0, removed: 0, skipped: 0 })
const nothing = (): Sync['counts'] => ({ users: none(), groups: none(), members: { added: 0, removed: 0 } })

export async function startRun(
  ctx: Ctx,
  source: LdapSource,
  { directory, schema }: Pick<Sync, 'directory' | 'schema'>,
  { signal, log }: Run,
): Promise<Sync> {
  const mappings = { user: await mappingsOf(ctx, source.pbm_uuid, 'user'), group: await mappingsOf(ctx, source.pbm_uuid, 'group') }
  return { ctx, source, directory, schema, mappings, signal, tell: log, counts: nothing() }
}

/** Writes in one transaction; counts what was written once it stands, for the database may ask to begin again. */
export async function written(sync: Sync, work: (sync: Sync) => Promise<void>): Promise<void> {
  const counts = await transact(sync.ctx, async ctx => {
    const part = nothing()
    await work({ ...sync, ctx, counts: part })
    return part
  })
  for (const kind of ['users', 'groups', 'members'] as const) {
    const [sum, part]: Record<string, number>[] = [sync.counts[kind], counts[kind]]
    for (const name of Object.keys(part!)) sum![name]! += part![name]!
  }
}

/** Leaves an entry out, and says why. */
export function skip(sync: Sync, kind: 'users' | 'groups', dn: string, why: string): void {
  const counts = sync.counts[kind]
  if (++counts.skipped <= MOST_SKIPPED_LINES) sync.tell('warning', why, { dn })
}

/** Whether anything was written. */
export const hasChanged = ({ counts: { users, groups, members } }: Sync): boolean =>
  [users, groups].some(({ created, linked, updated, removed }) => created + linked + updated + removed > 0) ||
  members.added + members.removed > 0
