import type { TSchema } from 'typebox'
import { API_VERSION } from '../version.ts'
import { requestSchemas } from './body.ts'
import { wireSchema } from './fields.ts'
import type { FilterSpec } from './filters.ts'
import type { Model } from './model.ts'
import type { Resource, SpecialOperation } from './mount.ts'
import { SHAPES } from './shapes.ts'

/**
 * The OpenAPI 3.0 document of the REST API, made from the models, their filters and the special routes. It is written in the
 * words of the published contract: names of schemas and operations are those that generated clients have.
 */

type Json = Record<string, unknown>
type Parts = { models: readonly Model[]; resources: readonly Resource[]; routes: readonly Record<string, SpecialOperation>[] }

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` })
const clone = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

/** Our schemas allow null by a list of types; version 3.0 has a keyword for it. */
function notation(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(notation)
  if (typeof value !== 'object' || value === null) return value
  const { type, enum: choices, ...rest } = value as Json
  const out: Json = {}
  if (type === 'null') out.nullable = true
  else if (Array.isArray(type)) {
    const real = type.filter(word => word !== 'null')
    if (real.length === 1) out.type = real[0]
    if (type.includes('null')) out.nullable = true
  } else if (type !== undefined) out.type = type
  if (Array.isArray(choices)) out.enum = choices.filter(choice => choice !== null)
  return { ...out, ...Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, notation(inner)])) }
}

const schemaOf = (schema: TSchema): Json => notation(clone(schema)) as Json

/** What answers show of a model's object. */
function answerSchema(model: Model): Json {
  const properties: Json = { [model.keyName]: { ...schemaOf(model.keySchema), readOnly: true } }
  const required = [model.keyName]
  for (const [name, field] of Object.entries(model.allFields)) {
    if (field.writeOnly) continue
    properties[name] =
      field.shown === undefined ? { ...schemaOf(wireSchema(field)), ...(field.readOnly && { readOnly: true }) } : ref(field.shown)
    if (field.readOnly || field.required) required.push(name)
  }
  if (model.component !== undefined) {
    for (const name of ['component', 'verbose_name', 'verbose_name_plural', 'meta_model_name']) {
      properties[name] = { type: 'string', readOnly: true }
      required.push(name)
    }
  }
  return { type: 'object', ...(model.description && { description: model.description }), properties, required: [...new Set(required)] }
}

const pageSchema = (name: string): Json => ({
  type: 'object',
  properties: { pagination: ref('Pagination'), results: { type: 'array', items: ref(name) }, autocomplete: ref('PaginationAutocomplete') },
  required: ['pagination', 'results', 'autocomplete'],
})

const parameter = (name: string, schema: Json, place: 'query' | 'path' = 'query'): Json => ({
  in: place,
  name,
  schema,
  ...(place === 'path' && { required: true }),
  ...(schema.type === 'array' && { explode: true, style: 'form' }),
})

const PAGING = [
  parameter('ordering', { type: 'string' }),
  parameter('page', { type: 'integer' }),
  parameter('page_size', { type: 'integer' }),
  parameter('search', { type: 'string' }),
]

/** What one value of a filter looks like: as the filter says, or as the field that its name begins with. */
function filterSchema(model: Model, name: string, spec: FilterSpec): Json {
  const field = model.allFields[name.split('__')[0]!]
  const {
    type,
    format,
    enum: choices,
  } = field && !name.includes('__')
    ? (schemaOf(field.references ? field.references().keySchema : wireSchema(field)) as { type?: string; format?: string; enum?: unknown })
    : {}
  const said = spec.type === 'uuid' ? { type: 'string', format: 'uuid' } : spec.type ? { type: spec.type } : undefined
  const implied = name.endsWith('__isnull')
    ? { type: 'boolean' }
    : { type: type ?? 'string', ...(format !== undefined && { format }), ...(choices !== undefined && { enum: choices }) }
  const one = said ?? (spec.apply ? { type: 'string' } : implied)
  return spec.many ? { type: 'array', items: one } : one
}

const filterParameters = (model: Model): Json[] =>
  Object.entries(model.filters).map(([name, spec]) => parameter(name, filterSchema(model, name, spec)))

const extraParameters = (model: Model): Json[] =>
  Object.entries(model.parameters ?? {}).map(([name, schema]) => parameter(name, schema as Json))

const keyParameter = ({ model }: Resource): Json =>
  parameter(model.lookup ?? model.pk, model.lookup ? { type: 'string' } : schemaOf(model.keySchema), 'path')

const SECURITY = [{ authentik: [] }]

const errors = {
  '400': { $ref: '#/components/responses/ValidationErrorResponse' },
  '403': { $ref: '#/components/responses/GenericErrorResponse' },
}

const json = (schema: Json): Json => ({ content: { 'application/json': { schema } }, description: '' })

function operation(
  id: string,
  options: { parameters?: Json[]; body?: Json; bodyType?: string; status: number; answer?: Json; open?: boolean; description?: string },
): Json {
  const { parameters = [], body, bodyType = 'application/json', status, answer, open, description } = options
  return {
    operationId: id,
    ...(description && { description }),
    ...(parameters.length > 0 && { parameters }),
    tags: [id.split('_')[0]],
    ...(body && { requestBody: { content: { [bodyType]: { schema: body } }, required: true } }),
    security: open ? [...SECURITY, {}] : SECURITY,
    responses: { [String(status)]: answer ? json(answer) : { description: '' }, ...errors },
  }
}

/** `/core/groups/{pk}/add_user/` → `core_groups_add_user`. */
const idOf = (path: string): string =>
  path
    .split('/')
    .filter(part => part !== '' && !part.startsWith('{'))
    .join('_')
    .replaceAll('-', '_')

const VERBS: Readonly<Record<string, string>> = {
  GET: 'retrieve',
  POST: 'create',
  PUT: 'update',
  PATCH: 'partial_update',
  DELETE: 'destroy',
}

function addResource(paths: Record<string, Json>, schemas: Json, resource: Resource): void {
  const { path, model, operations } = resource
  const { name } = model
  const id = idOf(path)
  schemas[name] ??= answerSchema(model)
  const collection: Json = {}
  const item: Json = {}
  const key = keyParameter(resource)
  const extra = extraParameters(model)
  if (operations.list) {
    schemas[`Paginated${name}List`] ??= pageSchema(name)
    const parameters = [...filterParameters(model), ...extra, ...PAGING].toSorted((a, b) => (String(a.name) < String(b.name) ? -1 : 1))
    collection.get = operation(`${id}_list`, { parameters, status: 200, answer: ref(`Paginated${name}List`) })
  }
  if (operations.create || operations.update) {
    const { full, partial } = requestSchemas(model)
    schemas[`${name}Request`] ??= schemaOf(full)
    if (operations.update) schemas[`Patched${name}Request`] ??= schemaOf(partial)
  }
  if (operations.create) collection.post = operation(`${id}_create`, { body: ref(`${name}Request`), status: 201, answer: ref(name) })
  if (operations.retrieve) item.get = operation(`${id}_retrieve`, { parameters: [key, ...extra], status: 200, answer: ref(name) })
  if (operations.update) {
    item.put = operation(`${id}_update`, { parameters: [key], body: ref(`${name}Request`), status: 200, answer: ref(name) })
    item.patch = operation(`${id}_partial_update`, {
      parameters: [key],
      body: ref(`Patched${name}Request`),
      status: 200,
      answer: ref(name),
    })
  }
  if (operations.destroy) item.delete = operation(`${id}_destroy`, { parameters: [key], status: 204 })
  const keyed = `${path}/{${String(key.name)}}/`
  if (Object.keys(collection).length) paths[`${path}/`] = { ...paths[`${path}/`], ...collection }
  if (Object.keys(item).length) paths[keyed] = { ...paths[keyed], ...item }
  if (operations.usedBy) {
    paths[`${keyed}used_by/`] = {
      get: operation(`${id}_used_by_list`, { parameters: [key], status: 200, answer: { type: 'array', items: ref('UsedBy') } }),
    }
  }
}

/** The answer's schema by what the route says of it; a free object when it says nothing. */
function answerOf(route: SpecialOperation, schemas: Json): Json | undefined {
  if (route.status === 204 || (route.response === undefined && route.multipart)) return undefined
  const { response } = route
  const one = typeof response === 'string' ? ref(response) : response ? schemaOf(response) : { type: 'object', additionalProperties: {} }
  if (route.many === 'list') return { type: 'array', items: one }
  if (route.many !== 'page') return one
  schemas[`Paginated${String(response)}List`] ??= pageSchema(String(response))
  return ref(`Paginated${String(response)}List`)
}

function addRoute(paths: Record<string, Json>, schemas: Json, line: string, route: SpecialOperation, resources: readonly Resource[]): void {
  const [method, pattern] = line.split(' ') as [string, string]
  const [home] = resources.filter(({ path }) => pattern.startsWith(`${path}/`)).toSorted((a, b) => b.path.length - a.path.length)
  const keys: Json[] = []
  const path = pattern.replaceAll(/:(\w+)/g, (_, name: string) => {
    const key = home && pattern.startsWith(`${home.path}/:`) ? keyParameter(home) : parameter(name, { type: 'string' }, 'path')
    keys.push(key)
    return `{${String(key.name)}}`
  })
  let body: Json | undefined
  if (route.bodyName !== undefined) {
    if (route.body) schemas[route.bodyName] ??= schemaOf(route.body)
    body = ref(route.bodyName)
  } else if (route.body) body = schemaOf(route.body)
  const paging = route.many === 'page' ? PAGING : []
  const queried = Object.entries(route.query ?? {}).map(([name, schema]) => parameter(name, schema as Json))
  const known = new Set(queried.map(({ name }) => name))
  const verb = method === 'GET' && route.many ? 'list' : VERBS[method]!
  const made = operation(route.operationId ?? `${idOf(path)}_${verb}`, {
    parameters: [...keys, ...queried, ...paging.filter(({ name }) => !known.has(name))],
    body,
    bodyType: route.multipart ? 'multipart/form-data' : undefined,
    status: route.status ?? 200,
    answer: answerOf(route, schemas),
    open: route.anonymous,
  })
  paths[path] = { ...paths[path], [method.toLowerCase()]: made }
}

/** Adds schemas of models that are shown inside others without being offered themselves. @throws for names that nothing has */
function addMentioned(schemas: Json, models: readonly Model[], paths: Record<string, Json>): void {
  for (;;) {
    const mentioned = JSON.stringify([paths, schemas]).matchAll(/"#\/components\/schemas\/(\w+)"/g)
    const missing = new Set([...mentioned].map(([, name]) => name!).filter(name => !(name in schemas)))
    if (missing.size === 0) return
    for (const name of missing) {
      const model = models.find(known => known.name === name)
      if (!model) throw new Error(`The API's description mentions ${name}, which is no model and stands not in api/shapes.ts.`)
      schemas[name] = answerSchema(model)
    }
  }
}

const sorted = <T>(entries: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(entries).toSorted(([a], [b]) => (a < b ? -1 : 1)))

/** The whole document. The same program always makes the same one. */
export function openApiDocument({ models, resources, routes }: Parts): Json {
  const paths: Record<string, Json> = {}
  const schemas: Json = Object.fromEntries(Object.entries(SHAPES).map(([name, schema]) => [name, schemaOf(schema)]))
  for (const resource of resources) addResource(paths, schemas, resource)
  for (const slice of routes) for (const [line, route] of Object.entries(slice)) addRoute(paths, schemas, line, route, resources)
  addMentioned(schemas, models, paths)
  return {
    openapi: '3.0.3',
    info: {
      title: 'Signet',
      version: API_VERSION,
      description: 'Making authentication simple for people who run their own services.',
      license: { name: 'MIT' },
    },
    paths: sorted(paths),
    components: {
      responses: { GenericErrorResponse: json(ref('GenericError')), ValidationErrorResponse: json(ref('ValidationError')) },
      schemas: sorted(schemas),
      securitySchemes: { authentik: { type: 'http', scheme: 'bearer' } },
    },
    servers: [{ url: '/api/v3' }],
  }
}
