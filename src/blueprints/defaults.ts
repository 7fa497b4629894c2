import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { systemContext, type Ctx } from '../context.ts'
import type { Deps } from '../deps.ts'
import type { BlueprintDocument } from './document.ts'
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

type Pending = { file: BlueprintFile; document: BlueprintDocument }

/** Files that changed since they were applied last, or were skipped in part by a program that knew less. */
async function changedFiles(ctx: Ctx, files: readonly BlueprintFile[], models: string): Promise<BlueprintFile[]> {
  const rows = await ctx.db.selectFrom('blueprint_instance').select(['path', 'last_applied_hash', 'models_hash', 'status']).execute()
  const applied = new Map(rows.map(row => [row.path, row]))
  return files.filter(({ path, hash }) => {
    const known = applied.get(path)
    return !known || known.last_applied_hash !== hash || known.models_hash !== models || known.status !== 'successful'
  })
}

/**
 * Applies blueprints that come with the program, each only when it is new or has changed, and once, however many others ask for it. What
 * an operator changed or deleted since stays so.
 * @param environment what `!Env` sees: the bootstrap variables
 */
export async function applyDefaults(deps: Deps, environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  const ctx = systemContext(deps)
  const folder = join(deps.root, 'blueprints')
  const files = (await listBlueprints(folder))
    .filter(({ path }) => !path.startsWith(EXAMPLES))
    .toSorted((a, b) => Number(b.path === FIRST) - Number(a.path === FIRST))
  const models = modelsHash(ctx)
  const changed = await changedFiles(ctx, files, models)
  if (changed.length === 0) return
  const { parseBlueprint, DatabaseTarget, applyBlueprint } = await importer()
  const system = systemAccess(environment)
  const pending: Pending[] = changed.map(file => ({ file, document: parseBlueprint(file.source) }))
  const documents = new Map(pending.map(({ file, document }) => [file.path, document]))
  const target = new DatabaseTarget(ctx, { folder, system, protect: true, documents })
  const inPlace = new Set<string>()
  for (const { file, document } of pending) {
    const { success, logs } = inPlace.has(file.path)
      ? { success: true, logs: [] }
      : await applyBlueprint(document, target, { name: file.path, system, protect: true, now: ctx.now, inPlace })
    for (const { log_level: level, event, attributes } of logs) {
      if (level === 'error' || level === 'warning')
        ctx.log[level === 'error' ? 'error' : 'warn']({ event, blueprint: file.path, ...attributes }, event)
    }
    await remember(ctx, {
      name: document.metadata.name ?? file.path,
      path: file.path,
      status: success ? 'successful' : 'error',
      last_applied_hash: file.hash,
      models_hash: models,
    })
  }
}

async function remember(ctx: Ctx, row: Record<'name' | 'path' | 'status' | 'last_applied_hash' | 'models_hash', string>): Promise<void> {
  const values = { ...row, last_applied: ctx.now() }
  await ctx.db
    .insertInto('blueprint_instance')
    .values(values)
    .onConflict(conflict => conflict.column('path').doUpdateSet(values))
    .execute()
}
