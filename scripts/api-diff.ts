/**
 * `npm run api:diff [-- <word in the path> …]`: compares the description of our REST API with the published contract. Prints, a
 * resource at a time, which operations are offered, which are missing, and where an offered one differs: parameters that the
 * contract has, what a body must hold or may hold, what an answer is bound to hold, and of which types.
 * Fails when an offered operation differs beyond what ACCEPTED explains. `--missing` lists the missing ones too.
 */
import { openApiDocument } from '../src/api/openapi.ts'
import { registry } from '../src/registry.ts'
import { contractDocument, resolved as inContract, type Schema } from '../test/contract/schema.ts'

/** Differences that are meant: where they stand (`*` for anything), and why. */
const ACCEPTED: readonly { operation: RegExp; difference: RegExp; why: string }[] = [
  {
    operation: /./,
    difference: /^answer \S+: ours may be null/,
    why: 'filled in for every object that the contract speaks of; null where there is nothing to show',
  },
  { operation: /./, difference: /^answer \S+: missing \(optional\)$/, why: 'clients of the contract do without it' },
  {
    operation: /^core_brands_/,
    difference: /(flow_lockdown|flow_user_switch|flow_request|branding_map_tiles)/,
    why: 'optional fields for features that this server does not have',
  },
  {
    operation: /^(core_groups|core_users|core_tokens|core_user_consent)/,
    difference: /^answer \S*(email): format/,
    why: 'the contract calls empty text a mail address',
  },
  {
    operation: /^stages_authenticator_(email|sms)_list$/,
    difference: /^query (password|auth|auth_password): missing$/,
    why: 'a filter by a secret would tell whoever may look at a stage whether a guess is right',
  },
  {
    operation: /^policies_/,
    difference: /^query (created|last_updated): missing$/,
    why: 'when a policy was made or changed stands in the audit log',
  },
  {
    operation: /^sources_(user|group)_connections_/,
    difference: /^body (source|identifier): ours does not read it$/,
    why: 'who somebody is at a source comes from signing in there alone',
  },
  {
    operation: /^tasks_schedules_/,
    difference: /^body rel_obj_id: ours does not read it$/,
    why: "which object a schedule is of is the program's to say",
  },
  { operation: /^core_tokens_/, difference: /^body managed: ours does not read it$/, why: 'set by blueprints alone' },
  { operation: /^admin_settings/, difference: /base_url/, why: 'optional; the address is a setting of the configuration' },
  {
    operation: /^events_notifications_/,
    difference: /^body \S+: ours does not read it$/,
    why: 'what a notification says is not for its reader to change; they mark it as seen',
  },
  { operation: /^events_events_create$/, difference: /^body action: /, why: 'custom actions have a name of their own' },
]

type Json = Record<string, unknown>
type Resolver = (schema: Schema) => Schema
type Operation = { parameters?: Json[]; requestBody?: Json; responses: Record<string, Json> }

const ours = JSON.parse(JSON.stringify(openApiDocument(registry))) as {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}
const theirs = contractDocument() as unknown as typeof ours & {
  components: { parameters: Record<string, Json>; responses: Record<string, Json> }
}

const inOurs: Resolver = schema => {
  if (typeof schema.$ref === 'string') {
    const name = schema.$ref.split('/').at(-1)!
    const found = ours.components.schemas[name]
    if (!found) throw new Error(`our document names ${name} and does not have it`)
    return inOurs(found)
  }
  const parts = schema.allOf as Schema[] | undefined
  if (parts?.length !== 1) return schema
  const { allOf: _, ...rest } = schema
  return { ...inOurs(parts[0]!), ...rest }
}

const shapeOf = (path: string): string => path.replaceAll(/\{\w+\}/g, '*')
const METHODS = ['get', 'post', 'put', 'patch', 'delete']

function contentSchema(answer: Json | undefined): { type?: string; schema?: Schema } {
  const whole = typeof answer?.$ref === 'string' ? theirs.components.responses[answer.$ref.split('/').at(-1)!] : answer
  const [first] = Object.entries((whole?.content ?? {}) as Record<string, { schema?: Schema }>)
  return first ? { type: first[0], schema: first[1].schema } : {}
}

/** An enumeration that is one of several alternatives, as optional choices with an empty word are written. */
const choicesOf = (schema: Schema, resolve: Resolver): unknown[] | undefined =>
  (schema.enum as unknown[] | undefined) ?? (schema.oneOf as Schema[] | undefined)?.flatMap(part => resolve(part).enum ?? [])

const kindOf = (schema: Schema): string =>
  schema.oneOf
    ? JSON.stringify(schema.oneOf).includes('Challenge')
      ? 'object'
      : 'string'
    : schema.type === undefined
      ? 'anything'
      : schema.type === 'number' || schema.type === 'integer'
        ? 'number'
        : String(schema.type)

/**
 * Compares two schemas. `way` says who must be able to live with what: in an answer, the contract's client with our values; in a
 * body, we with the client's.
 */
function compare(way: 'answer' | 'body', path: string, mine: Schema, contract: Schema, seen: ReadonlySet<unknown> = new Set()): string[] {
  const [a, b] = [inOurs(mine), inContract(contract)]
  if (seen.has(b) || seen.size > 12) return []
  const inner = new Set([...seen, b])
  const place = `${way} ${path || '.'}`
  const [kind, wanted] = [kindOf(a), kindOf(b)]
  const out: string[] = []
  // Nothing but null: what the contract allows anyway.
  if (kind === 'anything' && a.nullable === true && b.nullable === true) return []
  if (kind !== wanted && wanted !== 'anything' && !(way === 'body' && kind === 'anything')) {
    return [`${place}: ours is ${kind}, the contract's ${wanted}`]
  }
  if (way === 'answer' && a.nullable === true && b.nullable !== true) out.push(`${place}: ours may be null`)
  if (way === 'body' && b.nullable === true && a.nullable !== true) out.push(`${place}: ours refuses null`)
  if (way === 'answer' && b.format !== undefined && ['uuid', 'date-time'].includes(String(b.format)) && a.format !== b.format)
    out.push(`${place}: format is ${String(a.format)}, the contract's ${String(b.format)}`)
  const [choices, known] = [choicesOf(a, inOurs), choicesOf(b, inContract)]
  if (choices && known) {
    const extra =
      way === 'answer' ? choices.filter(word => !known.includes(word)) : known.filter(word => word !== null && !choices.includes(word))
    if (extra.length) out.push(`${place}: ${way === 'answer' ? 'ours may be' : 'ours refuses'} ${extra.map(String).join(', ')}`)
  }
  if (wanted === 'array' && a.items && b.items) out.push(...compare(way, `${path}[]`, a.items as Schema, b.items as Schema, inner))
  const [own, their] = [(a.properties ?? {}) as Record<string, Schema>, (b.properties ?? {}) as Record<string, Schema>]
  if (!a.properties && b.properties && a.additionalProperties !== undefined)
    return [...out, `${place}: ours says nothing of what is inside`]
  const [required, needed] = [(a.required ?? []) as string[], (b.required ?? []) as string[]]
  const nested = (name: string) => (path === '' ? name : `${path}.${name}`)
  for (const [name, schema] of Object.entries(their)) {
    if (own[name]) {
      out.push(...compare(way, nested(name), own[name], schema, inner))
      if (way === 'body' && required.includes(name) && !needed.includes(name)) out.push(`body ${nested(name)}: ours demands it`)
    } else if (way === 'answer' && needed.includes(name)) out.push(`answer ${nested(name)}: missing`)
    else if (way === 'body') out.push(`body ${nested(name)}: ours does not read it`)
    else out.push(`answer ${nested(name)}: missing (optional)`)
  }
  for (const name of Object.keys(own))
    if (way === 'body' && !their[name] && required.includes(name))
      out.push(`body ${nested(name)}: ours demands what the contract does not have`)
  return out
}

function differences(mine: Operation & { operationId?: string }, contract: Operation & { operationId?: string }): string[] {
  const out: string[] = []
  if (mine.operationId !== contract.operationId)
    out.push(`operationId is ${mine.operationId ?? ''}, the contract's ${contract.operationId ?? ''}`)
  const names = new Set((mine.parameters ?? []).filter(part => part.in === 'query').map(part => part.name))
  for (const raw of contract.parameters ?? []) {
    const parameter = typeof raw.$ref === 'string' ? theirs.components.parameters[raw.$ref.split('/').at(-1)!]! : raw
    if (parameter.in === 'query' && !names.has(parameter.name)) out.push(`query ${String(parameter.name)}: missing`)
  }
  const successes = (operation: Operation) => Object.keys(operation.responses).filter(status => Number(status) < 400)
  const [status, wanted] = [successes(mine), successes(contract)]
  if (!wanted.some(code => status.includes(code))) out.push(`status is ${status.join()}, the contract's ${wanted.join()}`)
  const [body, theirBody] = [contentSchema(mine.requestBody), contentSchema(contract.requestBody)]
  if (theirBody.schema && !body.schema) out.push('body: ours is not described')
  if (body.schema && theirBody.schema) out.push(...compare('body', '', body.schema, theirBody.schema))
  const [answer, theirAnswer] = [contentSchema(mine.responses[status[0]!]), contentSchema(contract.responses[wanted[0]!])]
  if (theirAnswer.schema && !answer.schema) out.push('answer: ours is empty')
  if (answer.schema && theirAnswer.schema) out.push(...compare('answer', '', answer.schema, theirAnswer.schema))
  return out
}

const words = process.argv.slice(2).filter(arg => !arg.startsWith('--'))
const listMissing = process.argv.includes('--missing')
const offered = new Map(Object.entries(ours.paths).map(([path, methods]) => [shapeOf(path), methods]))
const groups = new Map<string, { offered: string[]; missing: string[]; lines: string[]; accepted: number }>()
let differing = 0

for (const [path, methods] of Object.entries(theirs.paths)) {
  if (words.length > 0 && !words.some(word => path.includes(word))) continue
  const name = `/${path
    .split('/')
    .filter(part => part !== '' && !part.startsWith('{'))
    .slice(0, 2)
    .join('/')}`
  const group = groups.get(name) ?? { offered: [], missing: [], lines: [], accepted: 0 }
  groups.set(name, group)
  for (const method of METHODS) {
    const contract = methods[method]
    if (!contract) continue
    const id = (contract as { operationId?: string }).operationId!
    const mine = offered.get(shapeOf(path))?.[method]
    if (!mine) {
      group.missing.push(id)
      continue
    }
    group.offered.push(id)
    for (const difference of differences(mine, contract)) {
      if (ACCEPTED.some(entry => entry.operation.test(id) && entry.difference.test(difference))) {
        group.accepted += 1
        continue
      }
      differing += 1
      group.lines.push(`    ${id}: ${difference}`)
    }
  }
}

for (const [name, { offered: present, missing, lines, accepted }] of groups) {
  if (present.length === 0 && !listMissing) continue
  console.log(`${name}: ${present.length} offered, ${missing.length} missing${accepted ? `, ${accepted} differences accepted` : ''}`)
  if (listMissing && missing.length) console.log(`    missing: ${missing.join(', ')}`)
  for (const line of lines) console.log(line)
}
const count = (key: 'offered' | 'missing') => [...groups.values()].reduce((sum, group) => sum + group[key].length, 0)
console.log(`${count('offered')} of ${count('offered') + count('missing')} operations offered; ${differing} differences`)
process.exitCode = differing > 0 ? 1 : 0
