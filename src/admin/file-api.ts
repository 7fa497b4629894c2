import { invalid, notFound } from '../api/errors.ts'
import { readForm } from '../api/form.ts'
import { modelLabelled, permission, type Query, type Row } from '../api/model.ts'
import type { SpecialOperation } from '../api/mount.ts'
import { requirePermission, holds } from '../api/permissions.ts'
import { sql } from 'kysely'
import { transact, type Ctx } from '../context.ts'
import { iconUrl } from '../core/icon.ts'
import { recordEvent } from '../events/record.ts'

import { nameError, namedType, sniffedType } from './file-kinds.ts'
import { listMedia, removeMedia, writeMedia } from './media.ts'

const MANAGE = 'authentik_rbac.manage_media_files'
const VIEW = 'authentik_rbac.view_media_files'

/** Text fields that hold a picture's name: model label → fields. */
const USES: Readonly<Record<string, readonly string[]>> = {
  'authentik_core.application': ['meta_icon'],
  'authentik_brands.brand': ['branding_logo', 'branding_favicon', 'branding_default_flow_background'],
  'authentik_flows.flow': ['background'],
}

function checkUsage(query: { usage?: unknown }): void {
  const usage = [query.usage].flat()[0]
  if (usage !== undefined && usage !== '' && usage !== 'media') throw invalid({ usage: [`"${String(usage)}" is not a valid choice.`] })
}

async function usesOf(ctx: Ctx, name: string): Promise<Row[]> {
  const answer: Row[] = []
  for (const [label, fields] of Object.entries(USES)) {
    const model = modelLabelled(ctx, label)
    if (!model || !holds(ctx, permission(model, 'view'))) continue
    const { table, pk, display } = model
    const { rows } = await sql<{ key: unknown; name: unknown }>`
      select ${sql.ref(pk)} as key, ${sql.ref(display)} as name from ${sql.table(table)}
      where ${sql.join(
        fields.map(field => sql`${sql.ref(field)} = ${name}`),
        sql` or `,
      )} order by 2 limit 100`.execute(ctx.db)
    for (const row of rows)
      answer.push({ app: model.app, model_name: model.modelName, pk: String(row.key), name: String(row.name), action: 'left_dangling' })
  }
  return answer
}

const noted = (ctx: Ctx, action: 'model_created' | 'model_deleted', name: string, details: Row = {}) =>
  recordEvent(ctx, action, { model: { app: 'authentik_admin_files', model_name: 'file', pk: name, name }, ...details })

const usage = { type: 'string', enum: ['media'] }

export const fileRoutes: Record<string, SpecialOperation> = {
  'GET /admin/file/': {
    response: 'FileList',
    many: 'list',
    query: { manageable_only: { type: 'boolean' }, usage, search: { type: 'string' } },
    handler: async (ctx, request) => {
      requirePermission(ctx, VIEW)
      const query = request.query as Query
      checkUsage(query)
      const words = ([query.search].flat()[0] ?? '')
        .toLowerCase()
        .split(/[\s,]+/)
        .filter(Boolean)
      const names = (await listMedia(ctx)).filter(name => words.every(word => name.toLowerCase().includes(word)))
      return names.map(name => ({ name, mime_type: namedType(name), url: iconUrl(name), themed_urls: null }))
    },
  },
  'POST /admin/file/': {
    multipart: true,
    bodyName: 'FileUploadRequest',
    handler: async (ctx, request, reply) => {
      requirePermission(ctx, MANAGE)
      const form = await readForm(request, ['name', 'usage'])
      checkUsage(form)
      if (!form.upload) throw invalid({ file: ['No file was submitted.'] })
      const { filename, bytes } = form.upload
      if (bytes.length === 0) throw invalid({ file: ['The submitted file is empty.'] })
      const name = form.name || filename
      const wrongName = nameError(name)
      if (wrongName !== undefined) throw invalid({ name: [wrongName] })
      const type = sniffedType(bytes)
      if (type === undefined || type !== namedType(name)) throw invalid({ file: ['The file is not the picture that its name promises.'] })
      await writeMedia(ctx, name, bytes)
      await transact(ctx, ctx => noted(ctx, 'model_created', name, { size: bytes.length, mime_type: type }))
      return reply.code(200).send()
    },
  },
  'DELETE /admin/file/': {
    query: { name: { type: 'string' }, usage },
    handler: async (ctx, request, reply) => {
      requirePermission(ctx, MANAGE)
      const query = request.query as Query
      checkUsage(query)
      const name = [query.name].flat()[0]
      if (name === undefined || name === '') throw invalid({ name: ['This field is required.'] })
      if (!(await removeMedia(ctx, name))) throw notFound('File')
      await transact(ctx, ctx => noted(ctx, 'model_deleted', name))
      return reply.code(200).send()
    },
  },
  'GET /admin/file/used_by/': {
    response: 'UsedBy',
    many: 'list',
    query: { name: { type: 'string' } },
    handler: async (ctx, request) => {
      requirePermission(ctx, VIEW)
      const name = [(request.query as Query).name].flat()[0]
      if (name === undefined || name === '') throw invalid({ name: ['This field is required.'] })
      return usesOf(ctx, name)
    },
  },
}
