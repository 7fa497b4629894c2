import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { recordEvent } from '../events/record.ts'
import type { Scope } from '../expression/host/scope.ts'
import type { Value } from '../expression/values.ts'
import { deepMerge } from '../lib/deep-merge.ts'
import { runMapping, SkipObject, type MappingRow } from '../mappings/evaluate.ts'

/** A mapping of a source could not be worked out, so nobody can say who is coming. */
export class MappingFailed extends Error {}

/** The property mappings of a source for accounts or for groups, by name. */
export const mappingsOf = async (ctx: Ctx, source: string, what: 'user' | 'group'): Promise<MappingRow[]> =>
  ctx.db
    .selectFrom('property_mapping')
    .select(['pm_uuid', 'name', 'expression'])
    .where('pm_uuid', 'in', db =>
      what === 'user'
        ? db.selectFrom('source_user_property_mapping').select('mapping').where('source', '=', source)
        : db.selectFrom('source_group_property_mapping').select('mapping').where('source', '=', source),
    )
    .orderBy('name')
    .execute()

const isObject = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)

async function noteFailure(ctx: Ctx, mapping: MappingRow, error: unknown): Promise<never> {
  const { messageOf } = await import('../expression/host/run.ts')
  const message = messageOf(error)
  await recordEvent(
    ctx,
    'property_mapping_exception',
    {
      message: `Failed to evaluate property-mapping: '${mapping.name}': ${message}`,
      mapping: { app: 'authentik_core', model_name: 'propertymapping', pk: mapping.pm_uuid.replaceAll('-', ''), name: mapping.name },
    },
    { app: 'authentik.core.expression' },
  )
  throw new MappingFailed(`The property mapping ${mapping.name} failed.`, { cause: error })
}

/** `attributes.a.b` names a place inside of `attributes`. */
const nested = (found: Row): Row =>
  deepMerge(
    ...Object.entries(found).map(([name, value]) => {
      const path = name.startsWith('attributes.') ? name.split('.') : [name]
      return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Row
    }),
  )

/** Lists without what stands in them twice, at any depth. */
function distinct(value: unknown): unknown {
  if (Array.isArray(value)) return [...new Map(value.map(item => [JSON.stringify(item), item])).values()]
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, distinct(inner)])) : value
}

/**
 * What mappings make of the properties that a source's kind reads by itself: what each returns is merged over what was there before,
 * objects deeply, lists joined without repeating what they have. A mapping changes nothing but by what it returns. Never to be called
 * inside a transaction, since mappings may ask other servers. @param variables beside `properties`
 * @throws MappingFailed, with an event; SkipObject when a text raises it
 */
export async function mapped(
  ctx: Ctx,
  mappings: readonly MappingRow[],
  base: Row,
  variables: (scope: Scope) => Readonly<Record<string, Value>>,
): Promise<Row> {
  let properties = base
  for (const mapping of mappings) {
    const before = properties
    try {
      const found = await runMapping(ctx, mapping, {
        user: null,
        variables: scope => ({ ...variables(scope), properties: scope.conversion.enter(structuredClone(before)) }),
      })
      if (isObject(found)) properties = distinct(deepMerge(properties, nested(found))) as Row
    } catch (error) {
      if (error instanceof SkipObject) throw error
      return noteFailure(ctx, mapping, error)
    }
  }
  return properties
}
