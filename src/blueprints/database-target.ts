import { sql } from 'kysely'
import { ApiError } from '../api/errors.ts'
import { columnOf, parseKey, type Condition } from '../api/filters.ts'
import type { Model, Row } from '../api/model.ts'
import type { Resource } from '../api/mount.ts'
import { CHOSEN_KEY } from '../api/crud.ts'
import { presentObject } from '../api/present.ts'
import { findObject, findObjects } from '../api/store.ts'
import { transact, type Ctx } from '../context.ts'
import { jsonEquals } from '../db/sql/like.ts'
import { bindingTarget } from '../policies/binding.ts'
import { PolicyTarget } from '../policies/target.ts'
import type { BlueprintDocument } from './document.ts'
import { parseBlueprint } from './parse.ts'
import type { SystemAccess } from './evaluate.ts'
import { readBlueprint } from './files.ts'
import {
  EntryRefused,
  type Admission,
  type BlueprintTarget,
  type FoundBlueprint,
  type Lookup,
  type Pk,
  type Term,
  type Values,
} from './target.ts'
import type { Remembered } from './drift.ts'
import { extras, type Prepared } from './extras.ts'

/** Objects that a blueprint must not touch: they belong to the program, or to somebody's visit. */
const REFUSED = new Set(['authentik_core.authenticatedsession', 'authentik_policies.policybindingmodel'])

/** What several kinds share: looked for by what they share, made as one of the kinds. */
const BASES = new Set([
  'authentik_core.provider',
  'authentik_core.propertymapping',
  'authentik_core.source',
  'authentik_flows.stage',
  'authentik_policies.policy',
])

export type TargetOptions = {
  /** Folder of the files that `metaapplyblueprint` may name by path. */
  folder: string
  system: SystemAccess | null
  protect: boolean
  /** What files of the folder say, by their path, so far as they were read already. */
  documents?: ReadonlyMap<string, BlueprintDocument>
}

/**
 * Blueprints applied to the database, through the same operations that the REST API offers: what the API would
 * refuse, a blueprint is refused too.
 */
export class DatabaseTarget implements BlueprintTarget {
  readonly #ctx: Ctx
  readonly #options: TargetOptions
  /** Slow work that the rehearsal met, done before the transaction that counts (hashes of passwords). */
  readonly #prepared: Prepared

  constructor(ctx: Ctx, options: TargetOptions, prepared: Prepared = new Map()) {
    this.#ctx = ctx
    this.#options = options
    this.#prepared = prepared
  }

  transaction<T>(work: (inside: BlueprintTarget) => Promise<T>): Promise<T> {
    return transact(this.#ctx, ctx => work(new DatabaseTarget(ctx, this.#options, this.#prepared)))
  }

  unprepared(): boolean {
    return [...this.#prepared.values()].includes(null)
  }

  async prepare(): Promise<void> {
    for (const [password, hash] of this.#prepared) if (hash === null) this.#prepared.set(password, await this.#ctx.passwords.hash(password))
  }

  #resource(label: string): Resource {
    const resource = this.#ctx.registry.resources.find(({ model }) => model.label === label)
    if (!resource) throw new EntryRefused(`Model ${label} not allowed`)
    return resource
  }

  admission(label: string): Admission {
    if (REFUSED.has(label)) return 'refused'
    if (BASES.has(label)) return 'findable'
    const resource = this.#ctx.registry.resources.find(({ model }) => model.label === label)
    return resource ? (resource.operations.create ? 'allowed' : 'refused') : 'absent'
  }

  defaultContext(): Values {
    const models = this.#ctx.registry.models.map(model => [model.modelName, model.app] as const)
    return { 'goauthentik.io/rbac/models': Object.fromEntries(models), 'goauthentik.io/enterprise/licensed': false }
  }

  async find(label: string, lookup: Lookup): Promise<Pk | null> {
    const { model } = this.#resource(label)
    const alternatives: Condition[] = []
    for (const terms of lookup) {
      const conditions: Condition[] = []
      for (const term of terms) conditions.push(await this.#condition(model, term))
      if (conditions.length) alternatives.push(sql<boolean>`(${sql.join(conditions, sql` and `)})`)
    }
    if (alternatives.length === 0) return null
    const where = [sql<boolean>`(${sql.join(alternatives, sql` or `)})`]
    const [row] = await findObjects(this.#ctx, model, { where, limit: 1 })
    return row ? (row[model.pk] as Pk) : null
  }

  async #condition(model: Model, term: Term): Promise<Condition> {
    const [first, ...rest] = term.field.split('__') as [string, ...string[]]
    const never = sql<boolean>`1 = 0`
    if (first === 'pk') {
      const key = parseKey(model, String(term.value))
      return key === undefined ? never : sql<boolean>`${columnOf(model, 'pk')!} = ${key}`
    }
    const column = columnOf(model, first)
    const field = model.allFields[first]
    if (!column || !field) throw new EntryRefused({ [first]: ['This model has no such field.'] })
    if (rest.length > 0) {
      const other = field.references?.()
      if (!other) throw new EntryRefused({ [term.field]: ['This field refers to nothing.'] })
      const inner = await this.#condition(other, { ...term, field: rest.join('__') })
      return sql<boolean>`${column} in (select ${sql.ref(`${other.table}.${other.pk}`)} from ${sql.table(other.table)} where ${inner})`
    }
    if (term.value === null) return sql<boolean>`${column} is null`
    if (term.operator === 'contains') {
      const parts = Object.entries(term.value as Values).map(([key, value]) => jsonEquals(this.#ctx.db, column, [key], value))
      return parts.length ? sql<boolean>`(${sql.join(parts, sql` and `)})` : sql<boolean>`1 = 1`
    }
    if (model.label === 'authentik_policies.policybinding' && first === 'target') {
      const target = await bindingTarget(this.#ctx, String(term.value))
      return target === undefined ? never : sql<boolean>`${column} = ${target}`
    }
    if (field.references) {
      const key = parseKey(field.references(), String(term.value))
      return key === undefined ? never : sql<boolean>`${column} = ${key}`
    }
    return sql<boolean>`${column} = ${term.value}`
  }

  async #row(model: Model, pk: Pk): Promise<Row> {
    const row = await findObject(this.#ctx, model, pk)
    if (!row) throw new EntryRefused(`${model.verboseName} ${String(pk)} does not exist`)
    return row
  }

  async serialize(label: string, pk: Pk): Promise<Values> {
    const { model } = this.#resource(label)
    const shown = await presentObject(this.#ctx, model, await this.#row(model, pk))
    const secrets = Object.entries(model.allFields)
      .filter(([, field]) => field.secret)
      .map(([name]) => name)
    const open = Object.fromEntries(Object.entries(shown).filter(([name]) => !secrets.includes(name)))
    return { ...open, ...(await extras[label]?.serialize?.(this.#ctx, pk)) } as Values
  }

  async create(label: string, values: Values): Promise<Pk> {
    const { model, operations } = this.#resource(label)
    return this.#refusing(async () => {
      const hasUuid = (model.keySchema as { format?: string }).format === 'uuid'
      const key = hasUuid && typeof values.pk === 'string' ? parseKey(model, values.pk) : undefined
      const created = await operations.create!(this.#ctx, { ...values, ...(key !== undefined && { [CHOSEN_KEY]: key }) })
      const made = created[model.keyName] as Pk
      await extras[label]?.write(this.#ctx, made, values, this.#prepared)
      return made
    })
  }

  async update(label: string, pk: Pk, values: Values): Promise<void> {
    const { model, operations } = this.#resource(label)
    await this.#refusing(async () => {
      const key = model.lookup ? String((await this.#row(model, pk))[model.lookup]) : String(pk)
      await operations.update!(this.#ctx, key, values, true)
      await extras[label]?.write(this.#ctx, pk, values, this.#prepared)
    })
  }

  async remove(label: string, pk: Pk): Promise<void> {
    const { model, operations } = this.#resource(label)
    await this.#refusing(async () => {
      const key = model.lookup ? String((await this.#row(model, pk))[model.lookup]) : String(pk)
      await operations.destroy!(this.#ctx, key)
    })
  }

  /** What the API would answer with a 4xx is the entry's fault; anything else is ours and goes on. */
  async #refusing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof ApiError && error.status < 500) throw new EntryRefused(error.body, { cause: error })
      throw error
    }
  }

  async policyTargetId(label: string, pk: Pk): Promise<string | number> {
    const { model } = this.#resource(label)
    if (model.base !== PolicyTarget || !model.baseKey) return pk
    return (await this.#row(model, pk))[model.baseKey] as string
  }

  async grant(label: string, pk: Pk, permission: string, to: { user: unknown; role: unknown }): Promise<void> {
    if (to.role === null) throw new EntryRefused({ role: ['Permissions are given to roles.'] })
    const { model } = this.#resource(label)
    const name = permission.includes('.') ? permission : `${model.app}.${permission}`
    await this.#ctx.db
      .insertInto('role_object_permission')
      .values({ role: String(to.role), permission: name, model: label, object_pk: String(pk) })
      .onConflict(conflict => conflict.doNothing())
      .execute()
  }

  async blueprint(identifiers: Values): Promise<FoundBlueprint | null> {
    const path = identifiers.path ?? (await this.#pathOf(identifiers.name))
    const document = typeof path === 'string' ? await this.#documentAt(path) : undefined
    if (!document) return null
    const { system, protect } = this.#options
    return { name: path as string, document, context: {}, system, protect }
  }

  async #documentAt(path: string): Promise<BlueprintDocument | undefined> {
    const known = this.#options.documents?.get(path)
    if (known) return known
    const file = await readBlueprint(this.#options.folder, path)
    return file ? parseBlueprint(file.source) : undefined
  }

  async #pathOf(name: unknown): Promise<string | undefined> {
    if (typeof name !== 'string') return undefined
    return (await this.#ctx.db.selectFrom('blueprint_instance').select('path').where('name', '=', name).executeTakeFirst())?.path
  }

  async remembered(blueprint: string): Promise<Remembered[]> {
    return (await this.#ctx.db.selectFrom('blueprint_ledger').selectAll().where('blueprint', '=', blueprint).execute()) as Remembered[]
  }

  async rememberedObject(model: string, pk: Pk): Promise<Remembered[]> {
    return (await this.#ctx.db
      .selectFrom('blueprint_ledger')
      .selectAll()
      .where('model', '=', model)
      .where('pk', '=', String(pk))
      .execute()) as Remembered[]
  }

  async remember(row: Remembered): Promise<void> {
    const values = { ...row, fingerprints: JSON.stringify(row.fingerprints) }
    await this.#ctx.db
      .insertInto('blueprint_ledger')
      .values(values)
      .onConflict(conflict => conflict.columns(['blueprint', 'entry']).doUpdateSet(values))
      .execute()
  }

  async forget(blueprint: string, entry: string): Promise<void> {
    await this.#ctx.db.deleteFrom('blueprint_ledger').where('blueprint', '=', blueprint).where('entry', '=', entry).execute()
  }
}
