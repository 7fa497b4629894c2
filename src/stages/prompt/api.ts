import { readBody } from '../../api/body.ts'
import { invalidObject } from '../../api/errors.ts'
import { permission, type Row } from '../../api/model.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import { requirePermission } from '../../api/permissions.ts'
import { findObject, withDefaults } from '../../api/store.ts'
import { Prompt } from './model.ts'
import { previewField } from './values.ts'

export const promptRoutes: Record<string, SpecialOperation> = {
  'POST /stages/prompt/prompts/preview/': {
    bodyName: 'PromptRequest',
    response: 'PromptChallenge',
    async handler(ctx, request) {
      requirePermission(ctx, permission(Prompt, 'view'))
      // The name may be that of the very field that is being edited.
      const name = (request.body as Row | undefined)?.name
      const current = typeof name === 'string' && !name.includes('\0') ? await findObject(ctx, Prompt, name, 'name') : undefined
      const values = withDefaults(ctx, Prompt, await readBody(ctx, Prompt, request.body, { ...(current && { current }) }))
      let field: Row
      try {
        field = await previewField(ctx, values)
      } catch (error) {
        throw Object.assign(invalidObject(error instanceof Error ? error.message : String(error)), { cause: error })
      }
      return { component: 'ak-stage-prompt', fields: [field] }
    },
  },
}
