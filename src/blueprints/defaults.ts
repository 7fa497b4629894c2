import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { systemContext, type Ctx } from '../context.ts'
import type { Deps } from '../deps.ts'
import type { SystemAccess } from './evaluate.ts'
import { listBlueprints, systemAccess, type BlueprintFile } from './files.ts'

/** Applied before all others, since they refer to what it makes. */
const FIRST = 'system/bootstrap.yaml'

/** Applied by operators who want them. */
const EXAMPLES = 'example/'

/** Changes when the program learns a model: entries that were skipped for want of it are applied then. */
const modelsHash = ({ registry }: Pick<Deps, 'registry'>): string =>
  createHash('sha256')
    .update(
      registry.resources
        .map(({ model }) => model.label)
        .toSorted()
        .join(),
    )
    .digest('hex')

/** What reads and applies blueprints. Most starts find every file as it was and need none of it. */
async function importer() {
  const [{ parseBlueprint }, { DatabaseTarget }, { applyBlueprint }] = await Promise.all([
    import('./parse.ts'),
    import('./database-target.ts'),
    import('./importer.ts'),
  ])
  return { parseBlueprint, DatabaseTarget, applyBlueprint }
}

/** Applies one file when it, or what the program knows, has changed since it was applied last. */
async function applyFile(
  ctx: Ctx,
  file: BlueprintFile,
  options: { folder: string; protect: boolean; system: SystemAccess },
): Promise<void> {
  const { folder, protect, system } = options
  const known = await ctx.db.selectFrom('blueprint_instance').selectAll().where('path', '=', file.path).executeTakeFirst()
  const models = modelsHash(ctx)
  if (known && known.last_applied_hash === file.hash && known.models_hash === models && known.status === 'successful') return
  const { parseBlueprint, DatabaseTarget, applyBlueprint } = await importer()
  const document = parseBlueprint(file.source)
  const target = new DatabaseTarget(ctx, { folder, system, protect })
  const { success, logs } = await applyBlueprint(document, target, { name: file.path, system, protect, now: ctx.now })
  for (const { log_level: level, event, attributes } of logs) {
    if (level === 'error' || level === 'warning')
      ctx.log[level === 'error' ? 'error' : 'warn']({ event, blueprint: file.path, ...attributes }, event)
  }
  const values = {
    name: document.metadata.name ?? file.path,
    path: file.path,
    status: success ? 'successful' : 'error',
    last_applied_hash: file.hash,
    models_hash: models,
    last_applied: ctx.now(),
  }
  await ctx.db
    .insertInto('blueprint_instance')
    .values(values)
    .onConflict(conflict => conflict.column('path').doUpdateSet(values))
    .execute()
}

/**
 * Applies the blueprints that come with the program, each only when it is new or has changed. What an operator
 * changed or deleted since stays so.
 * @param environment what `!Env` sees: the bootstrap variables
 */
export async function applyDefaults(deps: Deps, environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  const ctx = systemContext(deps)
  const folder = join(deps.root, 'blueprints')
  const system = systemAccess(environment)
  const files = (await listBlueprints(folder))
    .filter(({ path }) => !path.startsWith(EXAMPLES))
    .toSorted((a, b) => Number(b.path === FIRST) - Number(a.path === FIRST))
  for (const file of files) await applyFile(ctx, file, { folder, protect: true, system })
}
