/** Blueprints that are applied once, on demand. */
import { join } from 'node:path'
import { invalid } from '../api/errors.ts'
import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { DatabaseTarget } from './database-target.ts'
import { BlueprintError, type BlueprintDocument } from './document.ts'
import { listBlueprints, readBlueprint, type BlueprintFile } from './files.ts'
import { applyBlueprint, type ApplyResult } from './importer.ts'
import { parseBlueprint } from './parse.ts'
import type { Values } from './target.ts'

const folderOf = (ctx: Ctx): string => join(ctx.root, 'blueprints')

/** @throws ApiError 400 naming the line that is wrong */
export function parsedBlueprint(source: string, field: 'file' | 'path'): BlueprintDocument {
  try {
    return parseBlueprint(source)
  } catch (error) {
    if (error instanceof BlueprintError) throw invalid({ [field]: [error.message] })
    throw error
  }
}

/** The values that were sent beside a blueprint, as JSON text. */
export function contextOf(text = '{}'): Values {
  let value: unknown
  try {
    value = JSON.parse(text === '' ? '{}' : text)
  } catch {
    throw invalid({ context: ['Value must be valid JSON.'] })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid({ context: ['Value must be a JSON object.'] })
  return value as Values
}

/**
 * Applies a blueprint once, wholly or not at all: what the API would refuse, it is refused too. Neither the environment nor files of the
 * server are open to it.
 */
export async function importBlueprint(ctx: Ctx, document: BlueprintDocument, name: string, context: Values = {}): Promise<ApplyResult> {
  const target = new DatabaseTarget(ctx, { folder: folderOf(ctx), system: null, protect: false })
  return applyBlueprint(document, target, { name, context, system: null, protect: false, now: ctx.now })
}

/** A blueprint that comes with the server, by its path below the folder of blueprints. @throws ApiError 400 when there is none */
export async function shippedBlueprint(ctx: Ctx, path: string): Promise<BlueprintDocument> {
  const file = await readBlueprint(folderOf(ctx), path)
  if (!file) throw invalid({ path: ['Blueprint file does not exist'] })
  return parsedBlueprint(file.source, 'path')
}

const described = ({ path, modified, hash, source }: BlueprintFile): Row => {
  const { name, labels } = parseBlueprint(source).metadata
  return { path, last_m: modified.toISOString(), hash, meta: { name: name ?? path, labels } }
}

/** The blueprints that come with the server. */
export const availableBlueprints = async (ctx: Ctx): Promise<Row[]> => (await listBlueprints(folderOf(ctx))).map(described)
