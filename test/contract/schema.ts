import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import { parse } from 'yaml'

/**
 * The published contract of the API, as its clients were generated from: which operations there are, what they take
 * and what they answer. It is read from the development dependency when a test asks for it.
 */

export type Schema = { [keyword: string]: unknown }
type Content = { content?: Record<string, { schema?: Schema }> }
export type Parameter = { in: 'query' | 'path' | 'header'; name: string; required?: boolean; schema: Schema }
type RawOperation = {
  operationId: string
  parameters?: (Parameter | { $ref: string })[]
  requestBody?: Content
  responses: Record<string, Content | { $ref: string }>
  security?: Record<string, string[]>[]
}

/** One operation of the contract. */
export type Operation = {
  id: string
  method: string
  /** With `{parameters}`, below `/api/v3`. */
  path: string
  parameters: Parameter[]
  /** Schema of the body it takes, when it takes one; `type` is its media type. */
  request?: { type: string; schema: Schema }
  /** By status; no schema where nothing is sent. */
  responses: Map<number, { type?: string; schema?: Schema }>
  /** Works without being signed in. */
  open: boolean
}

type Document = {
  paths: Record<string, Record<string, RawOperation>>
  components: { schemas: Record<string, Schema>; parameters: Record<string, Parameter>; responses: Record<string, Content> }
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete']

let document: Document | undefined

/** Reading the contract takes more than a second; its JSON, which is kept beside other caches, takes a hundredth of that. */
function readContract(): Document {
  const file = createRequire(import.meta.url).resolve('@goauthentik/api/schema.yml')
  const { size, mtimeMs } = statSync(file)
  const folder = join(import.meta.dirname, '../../node_modules/.cache/tests')
  const kept = join(folder, `contract-${size}-${Math.round(mtimeMs)}.json`)
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8')) as Document
  const read = parse(readFileSync(file, 'utf8'), { maxAliasCount: -1 }) as Document
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${kept}.${process.pid}`, JSON.stringify(read))
  renameSync(`${kept}.${process.pid}`, kept)
  return read
}

/** The document itself, read once and only when wanted. */
export function contractDocument(): Document {
  if (document) return document
  document = readContract()
  // The pattern is that of self-service; names that administrators give (of service accounts, say) may hold anything, here as upstream.
  for (const name of ['PartialUser', 'UserSelf'])
    delete (document.components.schemas[name]!.properties as Record<string, Schema>).username!.pattern
  return document
}

const isRef = (value: object): value is { $ref: string } => '$ref' in value
const nameOf = (ref: string): string => ref.split('/').at(-1)!

/** A schema by its name in the contract, e.g. `Group`, `PatchedGroupRequest`. */
export function component(name: string): Schema {
  const found = contractDocument().components.schemas[name]
  assert.ok(found, `the contract has no schema ${name}`)
  return found
}

/** Follows references, and the `allOf` of one reference that carries `nullable` and descriptions. */
export function resolved(schema: Schema): Schema {
  if (isRef(schema)) return resolved(component(nameOf(schema.$ref)))
  const parts = schema.allOf as Schema[] | undefined
  if (parts?.length !== 1) return schema
  const { allOf: _, ...rest } = schema
  return { ...resolved(parts[0]!), ...rest }
}

function operationOf(method: string, path: string, raw: RawOperation): Operation {
  const { components } = contractDocument()
  const content = (answer: Content): { type?: string; schema?: Schema } => {
    const [first] = Object.entries(answer.content ?? {})
    return first ? { type: first[0], schema: first[1].schema } : {}
  }
  const request = raw.requestBody && content(raw.requestBody)
  return {
    id: raw.operationId,
    method: method.toUpperCase(),
    path,
    parameters: (raw.parameters ?? []).map(parameter => (isRef(parameter) ? components.parameters[nameOf(parameter.$ref)]! : parameter)),
    ...(request?.schema && { request: { type: request.type!, schema: request.schema } }),
    responses: new Map(
      Object.entries(raw.responses).map(([status, answer]) => [
        Number(status),
        content(isRef(answer) ? components.responses[nameOf(answer.$ref)]! : answer),
      ]),
    ),
    open: raw.security === undefined || raw.security.some(way => Object.keys(way).length === 0),
  }
}

let operations: Operation[] | undefined

/** All operations of the contract. */
export function contractOperations(): Operation[] {
  operations ??= Object.entries(contractDocument().paths).flatMap(([path, methods]) =>
    METHODS.flatMap(method => (methods[method] ? [operationOf(method, path, methods[method])] : [])),
  )
  return operations
}

const shapeOf = (method: string, path: string): string => `${method} ${path.replaceAll(/\{\w+\}|:\w+/g, '*')}`

let shapes: Map<string, Operation> | undefined

/** The operation at a path pattern, `/core/groups/{group_uuid}/` and `/core/groups/:pk/` alike; undefined when the contract has none. */
export function operationAt(method: string, pattern: string): Operation | undefined {
  shapes ??= new Map(contractOperations().map(operation => [shapeOf(operation.method, operation.path), operation]))
  return shapes.get(shapeOf(method, pattern))
}

let matchers: { operation: Operation; matches: RegExp }[] | undefined

/** The operation that a real URL calls; literal segments win over parameters. */
export function operationFor(method: string, url: string): Operation | undefined {
  const parametersOf = ({ parameters }: Operation) => parameters.filter(part => part.in === 'path').length
  matchers ??= contractOperations()
    .toSorted((a, b) => parametersOf(a) - parametersOf(b))
    .map(operation => ({
      operation,
      matches: new RegExp(`^${operation.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    }))
  const path = url.split('?')[0]!.replace(/^\/api\/v3/, '')
  return matchers.find(({ operation, matches }) => operation.method === method && matches.test(path))?.operation
}

/** OpenAPI 3.0 as JSON Schema: `nullable` becomes a type, a discriminator becomes a choice by its value. */
function jsonSchema(schema: Schema): Schema {
  if (isRef(schema)) return { $ref: `#/definitions/${nameOf(schema.$ref)}` }
  const { nullable, discriminator, oneOf, readOnly: _r, writeOnly: _w, default: _d, title: _t, description: _x, ...rest } = schema
  const out: Schema = {}
  for (const [keyword, value] of Object.entries(rest)) {
    if (keyword === 'properties')
      out[keyword] = Object.fromEntries(Object.entries(value as Record<string, Schema>).map(([name, inner]) => [name, jsonSchema(inner)]))
    else if (keyword === 'allOf' || keyword === 'anyOf') out[keyword] = (value as Schema[]).map(jsonSchema)
    else if ((keyword === 'items' || keyword === 'additionalProperties') && typeof value === 'object')
      out[keyword] = jsonSchema(value as Schema)
    else out[keyword] = value
  }
  if (discriminator) {
    const { propertyName, mapping } = discriminator as { propertyName: string; mapping: Record<string, string> }
    Object.assign(out, {
      type: 'object',
      required: [propertyName],
      properties: { [propertyName]: { enum: Object.keys(mapping) } },
      allOf: Object.entries(mapping).map(([value, ref]) => ({
        if: { properties: { [propertyName]: { const: value } } },
        then: { $ref: `#/definitions/${nameOf(ref)}` },
      })),
    })
  } else if (oneOf) {
    // Some alternatives differ only in text (enumerations with and without the empty word), so that more than one may fit.
    out.anyOf = (oneOf as Schema[]).map(jsonSchema)
  }
  return nullable ? { anyOf: [out, { type: 'null' }] } : out
}

let ajv: Ajv | undefined

function validators(): Ajv {
  if (ajv) return ajv
  ajv = new Ajv({ allErrors: true, strict: false, unicodeRegExp: false })
  addFormats.default(ajv)
  // Web addresses of the contract may be relative to the server, and mail addresses empty.
  ajv.addFormat('uri', true)
  ajv.addFormat('email', /^$|^[^\s@]+@[^\s@]+$/)
  ajv.addSchema({
    $id: 'contract',
    definitions: Object.fromEntries(
      Object.entries(contractDocument().components.schemas).map(([name, schema]) => [name, jsonSchema(schema)]),
    ),
  })
  return ajv
}

const compiled = new WeakMap<Schema, ValidateFunction>()

/** What is wrong with a value by a schema of the contract, a line each; empty when it fits. */
export function violations(schema: Schema, value: unknown): string[] {
  const known = compiled.get(schema)
  const validate =
    known ??
    validators().compile(JSON.parse(JSON.stringify(jsonSchema(schema)).replaceAll('"#/definitions/', '"contract#/definitions/')) as Schema)
  if (!known) compiled.set(schema, validate)
  if (validate(value)) return []
  return (validate.errors ?? []).map(
    error =>
      `${error.instancePath || '/'} ${error.message ?? error.keyword}${error.keyword === 'enum' ? ` (${JSON.stringify(error.params.allowedValues)})` : ''}`,
  )
}

/** Holds a value to a named schema of the contract, e.g. `Challenge`. */
export function assertFits(name: string, value: unknown): void {
  assert.deepEqual(violations(component(name), value), [], `${name}: ${JSON.stringify(value)}`)
}

/** Where the contract promises more than any server keeps: an invitation for any flow has none to show, and clients take null there. */
const KNOWN = new Map([['stages_invitation_invitations_list', /^\/results\/\d+\/flow_obj must be object$/]])

/**
 * Holds an answer to what the contract says of the operation that was called: a status it names, a body that fits.
 * Answers of 404, 405, 413, 415 and 429 are named nowhere and have the shape of other errors.
 */
export function assertAnswer(method: string, url: string, answer: { status: number; body: unknown; text: string }): void {
  const operation = operationFor(method, url)
  assert.ok(operation, `the contract has no operation for ${method} ${url}`)
  const named = operation.responses.get(answer.status)
  if (!named) {
    assert.ok(
      [400, 403, 404, 405, 413, 415, 429].includes(answer.status),
      `${operation.id} answers ${answer.status}, which the contract does not name: ${answer.text.slice(0, 500)}`,
    )
    assert.equal(
      typeof (answer.body as { detail?: unknown }).detail,
      'string',
      `${operation.id} ${answer.status}: ${answer.text.slice(0, 500)}`,
    )
    return
  }
  if (answer.status === 204 || (!named.schema && named.type === undefined)) {
    assert.equal(answer.text, '', `${operation.id}: an empty body`)
    return
  }
  if (named.schema && named.type === 'application/json') {
    const found = violations(named.schema, answer.body).filter(text => !(KNOWN.get(operation.id)?.test(text) ?? false))
    assert.deepEqual(found, [], `${operation.id} ${answer.status}: ${answer.text.slice(0, 1500)}`)
  }
}
