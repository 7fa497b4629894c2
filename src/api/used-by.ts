import { sql } from 'kysely'
import type { Ctx } from '../context.ts'
import type { Model, Row } from './model.ts'
import { visibility } from './permissions.ts'

/** What happens to a referring object when the one it points to is deleted. */
type Action = 'cascade' | 'cascade_many' | 'set_null'

type Reference = { model: Model; column: string; table: string; through?: string; action: Action }

/** Every place where a model is referred to, read from the models' own declarations. */
function referencesTo(models: readonly Model[], target: Model): Reference[] {
  const kin = new Set<string>([target.table, ...target.tables.map(part => part.table)])
  const found: Reference[] = []
  for (const model of models) {
    for (const { table, fields } of model.tables.slice(-1)) {
      for (const [name, field] of Object.entries(fields)) {
        if (!field.references || !kin.has(field.references().table)) continue
        if (field.storage === 'relation') {
          found.push({
            model,
            column: field.relation!.theirs,
            table: field.relation!.table,
            through: field.relation!.ours,
            action: 'cascade_many',
          })
        } else {
          found.push({ model, column: name, table, action: field.nullable ? 'set_null' : 'cascade' })
        }
      }
    }
  }
  return found
}

/** Objects that point at this one and that the caller may see, with what a delete would do to each. At most 100 a kind. */
export async function usedBy(ctx: Ctx, model: Model, row: Row): Promise<Row[]> {
  const answer: Row[] = []
  for (const reference of referencesTo(ctx.registry.models, model)) {
    const { table, column, through } = reference
    const { table: home, pk, display, tables } = reference.model
    const named = tables.find(part => part.fields[display])
    const nameColumn = named ? sql.ref(`${named.table}.${display}`) : sql.ref(`${home}.${pk}`)
    const target = row[model.pk]
    const ours = through
      ? sql`${sql.ref(`${home}.${pk}`)} in (select ${sql.ref(through)} from ${sql.table(table)} where ${sql.ref(column)} = ${target})`
      : sql`${sql.ref(`${table}.${column}`)} = ${target}`
    const joins = tables
      .filter(part => part.table !== home)
      .map(part => sql`join ${sql.table(part.table)} on ${sql.ref(`${part.table}.${part.pk}`)} = ${sql.ref(`${home}.${part.on}`)}`)
    const seen = visibility(ctx, reference.model) ?? sql`1 = 1`
    const { rows } = await sql<{ key: unknown; name: unknown }>`
      select ${sql.ref(`${home}.${pk}`)} as key, ${nameColumn} as name from ${sql.table(home)} ${sql.join(joins, sql` `)}
      where ${ours} and ${seen} limit 100`.execute(ctx.db)
    for (const found of rows) {
      answer.push({
        app: reference.model.app,
        model_name: reference.model.modelName,
        pk: String(found.key),
        name: String(found.name),
        action: reference.action,
      })
    }
  }
  return answer
}
