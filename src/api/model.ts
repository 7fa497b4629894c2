import { Type, type TSchema } from 'typebox'
import type { Ctx } from '../context.ts'
import type { Field } from './fields.ts'
import type { FilterSpec } from './filters.ts'

/** A stored object with its columns as the database layer gives them. */
export type Row = Record<string, unknown>

/** What `list` and `retrieve` were asked for beyond the rows (include_users, for_user …). */
export type Query = Record<string, string | string[] | undefined>

/**
 * What a kind of object is: REST, OpenAPI, blueprints, permissions, event diffs, `used_by` and admin forms
 * derive from this one value.
 */
export type ModelSpec = {
  /** Class name on the wire: schema names and "No Group matches the given query." */
  name: string
  /** `<app label>.<model>`, as blueprints and permissions spell it. */
  label: string
  verboseName: string
  verboseNamePlural?: string
  table: string
  /** Key column. On the wire it is `pk` unless `keyName` says otherwise. */
  pk: string
  keyName?: string
  keyType?: 'uuid' | 'integer'
  /** Field that item URLs use instead of the key (slug, identifier). */
  lookup?: string
  /** The kind that this one extends: it shares the key, and the base's row holds the common columns. */
  base?: Model
  /** Column that points at the base's row where the two do not share the key (flows and what policies bind to). */
  baseKey?: string
  /** A sentence on what it is for, shown where a kind is chosen. */
  description?: string
  /** Name of the form element that the admin interface uses for this kind. */
  component?: string
  fields: Record<string, Field>
  filters?: Record<string, FilterSpec> | readonly string[]
  /** Parameters of lists and items beyond the filters (`include_users`), for the OpenAPI document: name → schema. */
  parameters?: Record<string, object>
  search?: readonly string[]
  /** The columns of `search` hold text, never null, and stand together in an index over `searchText` of db/sql/search-text.ts. */
  searchIndexed?: boolean
  /** Default order; a leading `-` means descending. */
  ordering?: readonly string[]
  /** Column that holds the user an object belongs to: owners see and delete their own without permissions. */
  owner?: string
  /** Column (an instant or null) that says since when an object is deleted but can still be brought back. Such rows are gone for every reader. */
  trash?: string
  /** Rows that exist but are never offered (internal ones). */
  visible?: (ctx: Ctx) => { column: string; not: unknown } | undefined
  /** Values of the computed fields, for many rows at once so that a list costs a bounded number of queries. */
  present?: (ctx: Ctx, rows: Row[], query: Query) => Promise<Row[]> | Row[]
  /** Column shown as the object's name in events and `used_by`. */
  display?: string
  /** Shown by the base name in uniqueness errors: "stage with this name already exists." */
  uniqueName?: string
  /** Writes leave an event of their own (a token's, a session's): no `model_*` event. */
  silent?: boolean
}

export type Model = Omit<ModelSpec, 'filters'> & {
  app: string
  modelName: string
  verboseNamePlural: string
  keyName: string
  keySchema: TSchema
  search: readonly string[]
  ordering: readonly string[]
  display: string
  filters: Record<string, FilterSpec>
  /** All fields, the base's first. */
  allFields: Record<string, Field>
  /** The tables that hold one object, base first. */
  tables: readonly Part[]
}

/** One of the tables that hold an object: its key column equals column `on` of the model's own table. */
export type Part = { table: string; pk: string; on: string; fields: Record<string, Field> }

/** Completes a model: names, key schema and the fields inherited from its base. */
export function defineModel(spec: ModelSpec): Model {
  const { base } = spec
  const [app, modelName] = spec.label.split('.') as [string, string]
  const keyType = spec.keyType ?? (base && !spec.baseKey ? (base.keySchema as { type?: string }).type : 'uuid')
  const named = Array.isArray(spec.filters) ? Object.fromEntries((spec.filters as string[]).map(name => [name, {}])) : spec.filters
  return {
    ...spec,
    app,
    modelName,
    verboseNamePlural: spec.verboseNamePlural ?? `${spec.verboseName}s`,
    keyName: spec.keyName ?? base?.keyName ?? 'pk',
    keySchema: keyType === 'integer' ? Type.Integer() : Type.String({ format: 'uuid' }),
    search: spec.search ?? base?.search ?? [],
    ordering: spec.ordering ?? base?.ordering ?? [spec.pk],
    display: spec.display ?? base?.display ?? 'name',
    filters: { ...base?.filters, ...(named as Record<string, FilterSpec> | undefined) },
    allFields: { ...base?.allFields, ...spec.fields },
    tables: [
      ...(base?.tables ?? []).map(part => ({ ...part, on: spec.baseKey ?? spec.pk })),
      { table: spec.table, pk: spec.pk, on: spec.pk, fields: spec.fields },
    ],
    present: base?.present && !spec.present ? base.present : spec.present,
    uniqueName: spec.uniqueName ?? base?.uniqueName,
    owner: spec.owner ?? base?.owner,
    trash: spec.trash ?? base?.trash,
  }
}

/** Every table that a write to an object of a model may change: its own, its bases', and those of what it is related to. */
export const writtenTables = ({ tables, allFields }: Model): string[] => [
  ...tables.map(({ table }) => table),
  ...Object.values(allFields).flatMap(({ relation }) => relation?.table ?? []),
]

/** The table and column that say whether an object lies in the trash; undefined where deleted objects are gone for good. */
export function trashColumn(model: Model): { table: string; column: string } | undefined {
  const { trash } = model
  const home = trash === undefined ? undefined : model.tables.find(part => part.fields[trash])
  return home && { table: home.table, column: trash! }
}

/** Full name of the permission to do `verb` (view, add, change, delete) with objects of a model. */
export const permission = (model: Pick<Model, 'app' | 'modelName'>, verb: string): string => `${model.app}.${verb}_${model.modelName}`

/** The model of a label, where the program has it. */
export const modelLabelled = (ctx: Pick<Ctx, 'registry'>, label: string): Model | undefined =>
  ctx.registry.models.find(model => model.label === label)
