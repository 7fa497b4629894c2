import { openApiDocument } from '../api/openapi.ts'
import type { Query } from '../api/model.ts'
import type { SpecialOperation } from '../api/mount.ts'
import type { Registry } from '../registry.ts'

type Texts = { json: string; yaml?: string }

const documents = new WeakMap<Registry, Texts>()

/** The document as text, written once when somebody first asks for it. */
async function documentText(registry: Registry, format: 'json' | 'yaml'): Promise<string> {
  const texts = documents.get(registry) ?? { json: JSON.stringify(openApiDocument(registry)) }
  documents.set(registry, texts)
  if (format === 'json') return texts.json
  texts.yaml ??= await openApiYaml(JSON.parse(texts.json))
  return texts.yaml
}

/** The document in the notation that people read. Loaded on first use: few ask. */
export async function openApiYaml(document: unknown): Promise<string> {
  const { stringify } = await import('yaml')
  return stringify(document, { aliasDuplicateObjects: false, lineWidth: 0 })
}

export const schemaRoutes: Record<string, SpecialOperation> = {
  'GET /schema/': {
    anonymous: true,
    query: { format: { type: 'string', enum: ['json', 'yaml'] }, lang: { type: 'string' } },
    handler: async (ctx, request, reply) => {
      const wanted = [(request.query as Query).format].flat()[0]
      const accepted = request.headers.accept ?? ''
      const asJson = wanted === 'json' || (wanted !== 'yaml' && /\bjson\b/.test(accepted) && !/\byaml\b/.test(accepted))
      const type = asJson
        ? /vnd\.oai\.openapi\+json/.test(accepted)
          ? 'application/vnd.oai.openapi+json'
          : 'application/json'
        : 'application/vnd.oai.openapi'
      return reply.type(`${type}; charset=utf-8`).send(await documentText(ctx.registry, asJson ? 'json' : 'yaml'))
    },
  },
}
