/** Who is on the other side of a relation. */
import { sql } from 'kysely'
import { findObject } from '../../api/store.ts'
import { transact } from '../../context.ts'
import { exception, raise } from '../errors.ts'
import type { Value } from '../values.ts'
import type { ModelClass, RelationInfo } from './classes.ts'
import { ModelObject, storedValue } from './object.ts'
import type { Scope } from './scope.ts'
import { operation } from './writing.ts'

export type RelationChange = 'add' | 'remove' | 'set' | 'clear'

/** Changes who is on the other side of a relation: as one write of the field, with its event, where anything changes. */
export async function relate(
  scope: Scope,
  owner: ModelObject,
  relation: RelationInfo,
  target: ModelClass,
  verb: RelationChange,
  objects: readonly Value[],
): Promise<void> {
  const { ours, theirs, table } = relation.through as { table: string; ours: string; theirs: string }
  const keys = [...new Set(objects.map(object => keyIn(target, object)))]
  await transact(scope.ctx, async ctx => {
    const { rows } = await sql<{
      key: unknown
    }>`select ${sql.ref(theirs)} as key from ${sql.table(table)} where ${sql.ref(ours)} = ${owner.key}`.execute(ctx.db)
    const present = new Set(rows.map(({ key }) => key))
    const fresh = verb === 'add' || verb === 'set' ? keys.filter(key => !present.has(key)) : []
    const gone =
      verb === 'remove'
        ? keys.filter(key => present.has(key))
        : verb === 'clear'
          ? [...present]
          : verb === 'set'
            ? [...present].filter(key => !keys.includes(key))
            : []
    if (fresh.length === 0 && gone.length === 0) return
    // A list of thousands is not written again for one more: each object there is what changes then.
    const mirror = relation.field!.reverse ? relation.field!.name : present.size > WHOLE_LIST ? mirrorOf(target, relation)?.name : undefined
    if (mirror === undefined) {
      const after = [...present].filter(key => !gone.includes(key)).concat(fresh)
      await operation(owner.own, ctx, 'update')(
        ctx,
        String(owner.row[owner.model.lookup ?? owner.model.pk]),
        { [relation.field!.name]: after },
        true,
      )
      return
    }
    for (const key of [...fresh, ...gone]) {
      const other =
        (await findObject(ctx, target.model, key)) ?? raise(target.doesNotExist, `${target.model.name} matching query does not exist.`)
      const { rows: held } = await sql<{
        key: unknown
      }>`select ${sql.ref(ours)} as key from ${sql.table(table)} where ${sql.ref(theirs)} = ${key}`.execute(ctx.db)
      const rest = held.map(row => row.key).filter(one => one !== owner.key)
      const after = gone.includes(key) ? rest : [...rest, owner.key]
      await operation(target, ctx, 'update')(ctx, String(other[target.model.lookup ?? target.model.pk]), { [mirror]: after }, true)
    }
  })
}

const WHOLE_LIST = 100

/** The same join table as a field of the other side. */
const mirrorOf = (target: ModelClass, { through }: RelationInfo): RelationInfo | undefined =>
  [...target.relations.values()].find(
    other =>
      other.field &&
      !other.field.reverse &&
      'ours' in other.through &&
      'ours' in through &&
      other.through.table === through.table &&
      other.through.ours === through.theirs,
  )

function keyIn(target: ModelClass, value: Value): unknown {
  if (value instanceof ModelObject) {
    if (!value.stored) raise('ValueError', `Cannot add "${value.repr()}": the object is not stored yet.`)
    if (value.model !== target.model && !value.own.cls.isSubclass(target.cls))
      raise('TypeError', `'${target.model.name}' instance expected, got ${value.repr()}`)
    return value.key
  }
  const key = storedValue(value)
  if (typeof key === 'string' || typeof key === 'number')
    return typeof key === 'string' && target.fields.get(target.model.pk)!.kind === 'number' ? Number(key) : key
  throw exception('TypeError', `'${target.model.name}' instance expected`)
}
