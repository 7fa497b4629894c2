/**
 * The models of the program as classes of the language. Made once for a registry from the models' own declarations: readable fields are
 * those that are not secret, so that no password hash and no client secret can be read or searched for.
 */
import type { Field, Relation } from '../../api/fields.ts'
import type { Model, Row } from '../../api/model.ts'
import type { Registry } from '../../registry.ts'
import { exceptionClass } from '../errors.ts'
import type { Runtime } from '../module.ts'
import { PyClass, types } from '../values.ts'
import type { Kwargs, NativeFunction, Result, Value } from '../values.ts'
import { multipleObjectsReturned, objectDoesNotExist } from './exceptions.ts'

/** What a column holds, which decides what its value becomes and what it can be compared with. */
export type FieldKind = 'text' | 'number' | 'flag' | 'instant' | 'uuid' | 'json'

export type FieldInfo = {
  name: string
  /** `table.column` */
  column: string
  kind: FieldKind
  writable: boolean
  /** Label of the model that the value is a key of. */
  references?: string
}

/** Objects on the other side of a join table, or those whose column points here. */
export type RelationInfo = {
  name: string
  /** Label of the model on the other side. */
  target: string
  through: Relation | { column: string; table: string }
  /** The model and field whose change a write is. Absent: read-only. */
  field?: { label: string; name: string; reverse: boolean }
  /** At most one object: the attribute is that object, DoesNotExist when there is none. */
  single?: boolean
}

/** What a kind of object can do beside what its declaration says. */
export type Extras = {
  /** Attributes that take more than a column. */
  // oxlint-disable-next-line typescript/no-explicit-any -- always an object of the class
  computed?: Record<string, (self: any, rt: Runtime) => Result>
  methods?: Record<string, NativeFunction>
  classMethods?: Record<string, NativeFunction>
  constants?: Record<string, Value>
  /** Names under which the same attribute or relation is known. */
  aliases?: Record<string, string>
  str?: (row: Row) => string
}

/** What a name stands for on objects of a class. `key`: `provider_id`, the key of what `provider` stands for. */
export type Attribute =
  | { kind: 'column' | 'key' | 'reference'; info: FieldInfo }
  | { kind: 'computed'; compute: NonNullable<Extras['computed']>[string] }
  | { kind: 'single'; relation: RelationInfo }
  | { kind: 'many'; relation: RelationInfo; target: ModelClass }
  | { kind: 'class'; value: Value }

export class ModelClass {
  readonly model: Model
  readonly cls: PyClass
  /** As imported: `authentik.core.models`. */
  readonly module: string
  readonly fields = new Map<string, FieldInfo>()
  readonly relations = new Map<string, RelationInfo>()
  readonly extras: Extras
  readonly doesNotExist: PyClass
  readonly multiple: PyClass
  readonly all: Classes
  private readonly attributes = new Map<string, Attribute>()
  /** The class that this one refines with the same key. */
  readonly base: ModelClass | undefined

  constructor(model: Model, extras: Extras, all: Classes, base: ModelClass | undefined, dict: MakeDict) {
    this.model = model
    this.base = model.baseKey === undefined ? base : undefined
    this.extras = extras
    this.all = all
    this.module = moduleOf(model.label)
    this.doesNotExist = exceptionClass(`${model.name}.DoesNotExist`, objectDoesNotExist, this.module)
    this.multiple = exceptionClass(`${model.name}.MultipleObjectsReturned`, multipleObjectsReturned, this.module)
    for (const part of model.tables) {
      for (const [name, field] of Object.entries(part.fields)) this.addField(name, field, part.table)
    }
    const key = (model.keySchema as { type?: string }).type === 'integer' ? 'number' : 'uuid'
    this.fields.set(model.pk, { name: model.pk, column: `${model.table}.${model.pk}`, kind: key, writable: false })
    this.cls = new PyClass(model.name, [base?.cls ?? types.object], dict(this))
    this.cls.cls = types.type
    this.cls.module = this.module
  }

  private addField(name: string, field: Field, table: string): void {
    if (field.secret) return
    const references = field.references?.()
    if (field.storage === 'relation' && references) {
      this.relations.set(name, {
        name,
        target: references.label,
        through: field.relation!,
        field: { label: this.model.label, name, reverse: false },
      })
    }
    if (field.storage !== 'column') return
    this.fields.set(name, {
      name,
      column: `${table}.${name}`,
      kind: references ? (numbered(references) ? 'number' : 'uuid') : kindOf(name, field),
      writable: !field.readOnly,
      ...(references && { references: references.label }),
    })
  }

  /** The field that a name stands for: `pk` and `provider_id` included. */
  field(name: string): FieldInfo | undefined {
    if (name === 'pk' || (name === 'id' && !this.fields.has('id'))) return this.fields.get(this.model.pk)
    const own = this.fields.get(this.extras.aliases?.[name] ?? name)
    if (own) return own
    const base = /^(.+)_(?:id|pk)$/.exec(name)?.[1]
    const reference = base === undefined ? undefined : this.fields.get(base)
    return reference?.references === undefined ? undefined : { ...reference, references: undefined }
  }

  /** What the attribute of an object is; undefined where there is none. */
  attribute(name: string): Attribute | undefined {
    let known = this.attributes.get(name)
    // Names that mean nothing are not kept: there may be any number of them.
    if (known === undefined && (known = this.newAttribute(name))) this.attributes.set(name, known)
    return known
  }

  private newAttribute(name: string): Attribute | undefined {
    const info = this.field(name)
    if (info?.references !== undefined) return { kind: 'reference', info }
    if (info) return { kind: this.fields.get(info.name)!.references === undefined ? 'column' : 'key', info }
    const { computed = {} } = this.extras
    const compute = Object.hasOwn(computed, name) ? computed[name] : undefined
    if (compute) return { kind: 'computed', compute }
    const relation = this.relation(name)
    if (relation?.single) return { kind: 'single', relation }
    if (relation) return { kind: 'many', relation, target: this.all.byLabel.get(relation.target)! }
    const value = this.cls.lookup(name)
    return value === undefined ? undefined : { kind: 'class', value }
  }

  relation(name: string): RelationInfo | undefined {
    return this.relations.get(this.extras.aliases?.[name] ?? name) ?? this.base?.relation(name)
  }

  /** What a wrong name could have been. */
  choices(): string[] {
    return [...this.fields.keys(), ...this.relations.keys()].sort()
  }
}

export const numbered = (model: Model): boolean => (model.keySchema as { type?: string }).type === 'integer'

function kindOf(name: string, { schema }: Field): FieldKind {
  const { type, format } = schema as { type?: string | string[]; format?: string }
  const is = (wanted: string) => type === wanted || (Array.isArray(type) && type.includes(wanted))
  if (format === 'date-time') return 'instant'
  if (format === 'uuid' || name === 'uuid') return 'uuid'
  if (is('boolean')) return 'flag'
  if (is('integer') || is('number')) return 'number'
  return is('string') ? 'text' : 'json'
}

const DEEPER = /^(stages|policies|providers|sources|enterprise)_/

/** `authentik_providers_oauth2.scopemapping` → `authentik.providers.oauth2.models`. */
export const moduleOf = (label: string): string =>
  `authentik.${label
    .split('.')[0]!
    .replace(/^authentik_/, '')
    .replace(DEEPER, '$1.')}.models`

export class Classes {
  readonly byLabel = new Map<string, ModelClass>()

  /** The class of a row of `model`. */
  of(model: Model): ModelClass | undefined {
    return this.byLabel.get(model.label)
  }
}

export type MakeDict = (own: ModelClass) => Map<string, Value>
export type Construct = (own: ModelClass, args: Value[], kwargs: Kwargs | null, rt: Runtime) => Result

/** Classes of all models of a registry, with the relations seen from the other side. */
export function makeClasses(registry: Registry, extrasOf: (label: string) => Extras, dict: MakeDict, construct: Construct): Classes {
  const all = new Classes()
  const make = (model: Model): ModelClass => {
    const known = all.byLabel.get(model.label)
    if (known) return known
    const base = model.base && make(model.base)
    const own = new ModelClass(model, merge(base?.extras ?? {}, extrasOf(model.label)), all, base, dict)
    own.cls.construct = (_, args, kwargs, rt) => construct(own, args, kwargs, rt)
    own.cls.frozen = true
    all.byLabel.set(model.label, own)
    return own
  }
  for (const model of registry.models) make(model)
  for (const own of all.byLabel.values()) addReverse(own)
  return all
}

const merge = (a: Extras, b: Extras): Extras => ({
  computed: { ...a.computed, ...b.computed },
  methods: { ...a.methods, ...b.methods },
  classMethods: { ...a.classMethods, ...b.classMethods },
  constants: { ...a.constants, ...b.constants },
  aliases: { ...a.aliases, ...b.aliases },
  ...((b.str ?? a.str) && { str: b.str ?? a.str }),
})

/** What points here from other models: `flowstagebinding_set`, and for unique columns the object itself (`application`). */
function addReverse(own: ModelClass): void {
  for (const info of own.relations.values()) {
    if (!info.field || info.field.reverse) continue
    const other = own.all.byLabel.get(info.target)
    const { table, ours, theirs } = info.through as Relation
    const name = REVERSE[`${own.model.label}.${info.name}`] ?? `${own.model.modelName}_set`
    if (other && !other.relations.has(name)) {
      other.relations.set(name, {
        name,
        target: own.model.label,
        through: { table, ours: theirs, theirs: ours },
        field: { label: own.model.label, name: info.name, reverse: true },
      })
    }
  }
  for (const info of own.fields.values()) {
    const other = info.references === undefined ? undefined : own.all.byLabel.get(info.references)
    if (!other) continue
    const single = own.model.allFields[info.name]?.unique ?? false
    const name = REVERSE[`${own.model.label}.${info.name}`] ?? (single ? own.model.modelName : `${own.model.modelName}_set`)
    if (other.relations.has(name) || other.fields.has(name)) continue
    const [table, column] = info.column.split('.') as [string, string]
    other.relations.set(name, { name, target: own.model.label, through: { table, column }, single })
  }
}

/** Names that differ from the rule. */
const REVERSE: Readonly<Record<string, string>> = {
  'authentik_core.group.parents': 'children',
  'authentik_core.group.users': 'groups',
  'authentik_core.user.groups': 'users',
}
