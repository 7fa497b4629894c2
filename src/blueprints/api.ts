import { invalidObject, permissionDenied } from '../api/errors.ts'
import { readForm } from '../api/form.ts'
import type { SpecialOperation } from '../api/mount.ts'
import type { Ctx } from '../context.ts'
import { lazy } from '../lib/lazy.ts'

// The importer is large, and few ask for it.
const once = lazy(() => import('./once.ts'))

/** A blueprint can make an administrator of anybody: only one who is one may apply it. */
function requireSuperuser(ctx: Ctx): void {
  if (!ctx.caller.superuser) throw permissionDenied()
}

export const blueprintRoutes: Record<string, SpecialOperation> = {
  'GET /managed/blueprints/available/': {
    response: 'BlueprintFile',
    many: 'list',
    handler: async ctx => {
      requireSuperuser(ctx)
      return (await once()).availableBlueprints(ctx)
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
      const { contextOf, importBlueprint, parsedBlueprint, shippedBlueprint } = await once()
      const context = contextOf(form.context)
      const document = form.upload ? parsedBlueprint(form.upload.bytes.toString('utf8'), 'file') : await shippedBlueprint(ctx, form.path!)
      const name = form.upload?.filename ?? form.path!
      const { success, logs } = await importBlueprint(ctx, document, name, context)
      return { success, logs }
    },
  },
}
