/** What the importer needs from the rest of the product. All methods of one target work in the same transaction. */
import type { BlueprintDocument, Value } from './document.ts'
import type { Remembered } from './drift.ts'
import type { SystemAccess } from './evaluate.ts'

export type Pk = string | number
export type Values = { [key: string]: Value }

/** `field` may span relations with `__`; the field `pk` is the primary key, given as text or number. */
export type Term = { field: string; operator: 'exact' | 'contains'; value: Value }

/** Any of these alternatives, each of them an AND of terms. An exact null means "is null". */
export type Lookup = readonly (readonly Term[])[]

/**
 * `absent`: this version has no such model, which is no fault of the blueprint. `refused`: the model must not be touched. `findable`: its
 * objects may be referred to.
 */
export type Admission = 'allowed' | 'findable' | 'refused' | 'absent'

/** Another blueprint, found for `authentik_blueprints.metaapplyblueprint`. */
export type FoundBlueprint = {
  name: string
  document: BlueprintDocument
  context: Values
  system: SystemAccess | null
  /** Keep what an operator changed: see drift.ts. */
  protect: boolean
}

/**
 * The values of an entry were refused, as the REST API would refuse them with 400. `details` is that answer's body.
 * Every other error that a target throws is a fault of the program and leaves applyBlueprint as it is.
 */
export class EntryRefused extends Error {
  readonly details: Value
  constructor(details: Value, options?: { cause?: unknown }) {
    super(typeof details === 'string' ? details : JSON.stringify(details), options)
    this.name = 'EntryRefused'
    this.details = details
  }
}

export interface BlueprintTarget {
  /** Commits when `work` resolves, rolls back and rethrows when it rejects. */
  transaction<T>(work: (inside: BlueprintTarget) => Promise<T>): Promise<T>
  /** Whether the entries so far asked for slow work that `prepare` has not done: what they wrote is not to be committed then. */
  unprepared?(): boolean
  /** Called outside of any transaction: the place for slow work that a rehearsal met, such as hashing passwords. */
  prepare?(): Promise<void>

  admission(model: string): Admission
  /** `goauthentik.io/rbac/models` (model name → app label), `goauthentik.io/enterprise/licensed`. */
  defaultContext(): Values

  /** First match in the model's own order, or null. */
  find(model: string, lookup: Lookup): Promise<Pk | null>
  /**
   * The object as the REST API shows it, plus the fields that only blueprints know and that are no secrets
   * (such as a role's permissions). Secrets are left out.
   */
  serialize(model: string, pk: Pk): Promise<Values>
  /** Unknown keys are ignored; `pk` is used as the key. @throws EntryRefused */
  create(model: string, values: Values): Promise<Pk>
  /** Partial. @throws EntryRefused */
  update(model: string, pk: Pk, values: Values): Promise<void>
  /** @throws EntryRefused */
  remove(model: string, pk: Pk): Promise<void>
  /** What a policy binding's `target` wants for this object; `pk` itself where there is no such difference. */
  policyTargetId(model: string, pk: Pk): Promise<Value>
  /** Object permission; granting what is granted already changes nothing. @throws EntryRefused */
  grant(model: string, pk: Pk, permission: string, to: { user: Value; role: Value }): Promise<void>

  /** By instance name, or by path below the blueprint directory whether or not it has an instance. @throws BlueprintError when it does not parse */
  blueprint(identifiers: Values): Promise<FoundBlueprint | null>

  remembered(blueprint: string): Promise<readonly Remembered[]>
  rememberedObject(model: string, pk: Pk): Promise<readonly Remembered[]>
  /** Inserts or replaces the row of (blueprint, entry). */
  remember(row: Remembered): Promise<void>
  forget(blueprint: string, entry: string): Promise<void>
}
