import { join } from 'node:path'
import { invalid, invalidObject, permissionDenied } from '../api/errors.ts'
import { readForm } from '../api/form.ts'
import type { Row } from '../api/model.ts'
import type { SpecialOperation } from '../api/mount.ts'
import type { Ctx } from '../context.ts'
import { DatabaseTarget } from './database-target.ts'
import { BlueprintError, type BlueprintDocument } from './document.ts'
import { listBlueprints, readBlueprint, type BlueprintFile } from './files.ts'
import { applyBlueprint, type ApplyResult } from './importer.ts'
import { parseBlueprint } from './parse.ts'
import type { Values } from './target.ts'

const folderOf = (ctx: Ctx): string => join(ctx.root, 'blueprints')

/** A blueprint can make an administrator of anybody: only one who is one may apply it. */
function requireSuperuser(ctx: Ctx): void {
  if (!ctx.caller.superuser) throw permissionDenied()
}

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
function contextOf(text = '{}'): Values {
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

export const blueprintRoutes: Record<string, SpecialOperation> = {
  'GET /managed/blueprints/available/': {
    response: 'BlueprintFile',
    many: 'list',
    handler: async ctx => {
      requireSuperuser(ctx)
      return (await listBlueprints(folderOf(ctx))).map(described)
    },
  },
  'POST /managed/blueprints/import/': {
    multipart: true,
    bodyName: 'BlueprintUploadRequest',
    response: 'BlueprintImportResult',
    handler: async (ctx, request) => {
      requireSuperuser(ctx)
      const form = await readForm(request, ['path', 'context'])
      if (!form.upload && form.path === undefined) throw invalidObject('Either path or file must be set.')
      const context = contextOf(form.context)
      const document = form.upload ? parsedBlueprint(form.upload.bytes.toString('utf8'), 'file') : await shippedBlueprint(ctx, form.path!)
      const name = form.upload?.filename ?? form.path!
      const { success, logs } = await importBlueprint(ctx, document, name, context)
      return { success, logs }
    },
  },
}
