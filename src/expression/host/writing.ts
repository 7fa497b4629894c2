/** What expressions write: through the operations of the API, so that everything is checked and leaves its event. */
import { wireInstant } from '../../api/present.ts'
import type { Operations } from '../../api/crud.ts'
import type { Row } from '../../api/model.ts'
import { findObject } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { rememberPassword } from '../../core/password/history.ts'
import { setPassword } from '../../core/user/password.ts'
import { UNUSABLE_PASSWORD } from '../../core/people.ts'
import { raise } from '../errors.ts'
import type { Value } from '../values.ts'
import type { ModelClass } from './classes.ts'
import { notSupportedError } from './exceptions.ts'
import { storedValue, type ModelObject } from './object.ts'
import type { Scope } from './scope.ts'

/** The operation of the API that writes objects of a class. */
export function operation<N extends keyof Operations>({ model }: ModelClass, ctx: Ctx, name: N): NonNullable<Operations[N]> {
  const found = ctx.registry.resources.find(resource => resource.model === model && resource.operations[name])?.operations[name]
  return (
    found ??
    raise(
      notSupportedError,
      `${model.name} objects cannot be ${name === 'create' ? 'made' : name === 'destroy' ? 'deleted' : 'changed'} by expressions`,
    )
  )
}

const wire = (value: unknown): unknown => (value instanceof Date ? wireInstant(value) : value)
const wireBody = (values: Row): Row => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, wire(value)]))

/** What a new object starts with where nothing is said: empty text where that is allowed. */
function completed({ model }: ModelClass, values: Row): Row {
  const full = { ...values }
  for (const [name, field] of Object.entries(model.allFields)) {
    const { type, minLength } = field.schema as { type?: string; minLength?: number }
    if (field.required && !(name in full) && type === 'string' && !minLength) full[name] = ''
  }
  return full
}

export async function insert(scope: Scope, own: ModelClass, values: Row): Promise<Row> {
  const { ctx } = scope
  const shown = await operation(own, ctx, 'create')(ctx, wireBody(completed(own, values)))
  return (await findObject(ctx, own.model, shown[own.model.keyName]))!
}

export async function change(scope: Scope, own: ModelClass, row: Row, values: Row): Promise<Row> {
  const { ctx } = scope
  const at = own.model.lookup ?? own.model.pk
  await operation(own, ctx, 'update')(ctx, String(row[at]), wireBody(values), true)
  return (
    (await findObject(ctx, own.model, row[own.model.pk])) ?? raise(own.doesNotExist, `${own.model.name} matching query does not exist.`)
  )
}

/** The exact class of an object, which is where its operations are. */
export const remove = (scope: Scope, object: ModelObject): Promise<void> =>
  operation(object.own, scope.ctx, 'destroy')(scope.ctx, String(object.row[object.model.lookup ?? object.model.pk]))

/** Keyword arguments as values of columns; what is no writable field is an error that names it. */
export function assignments(own: ModelClass, kwargs: ReadonlyMap<string, Value>): Row {
  const values: Row = {}
  for (const [name, value] of kwargs) {
    const info = own.field(name)
    if (!info?.writable) raise('TypeError', `${own.model.name}() got unexpected keyword arguments: '${name}'`)
    values[info.name] = storedValue(value)
  }
  return values
}

export async function save(scope: Scope, object: ModelObject, only?: readonly string[]): Promise<void> {
  const { own } = object
  const { password } = object
  if (!object.stored) {
    object.sync()
    const values = Object.fromEntries(Object.entries(object.row).filter(([name]) => own.fields.get(name)?.writable))
    object.refresh(await insert(scope, own, values), true)
  } else {
    const changes = object.changes(only)
    if (Object.keys(changes).length > 0) object.refresh(await change(scope, own, object.row, changes), true)
  }
  if (password === undefined) return
  if (password === null) {
    const now = scope.ctx.now()
    await rememberPassword(scope.ctx, object.key as number)
    await scope.ctx.db
      .updateTable('user')
      .set({ password: UNUSABLE_PASSWORD, password_change_date: now, last_updated: now })
      .where('id', '=', object.key as number)
      .execute()
  } else await setPassword(scope.ctx, object.row, password)
  object.password = undefined
  object.refresh((await findObject(scope.ctx, own.model, object.key))!, true)
}
