/** One entry of a blueprint: look the object up, decide, act, remember. */
import { BlueprintError, STATES } from './document.ts'
import type { Entry, State, Unresolved, Value } from './document.ts'
import { baselineOf, decide, fingerprintsOfCreated, fingerprintsOfUpdated } from './drift.ts'
import type { Decision, Remembered } from './drift.ts'
import { isTruthy } from './evaluate.ts'
import { EntryRefused } from './target.ts'
import type { BlueprintTarget, Lookup, Pk, Values } from './target.ts'

/** A line of the import's log, in the shape of the API's LogEvent. */
export type Log = {
  timestamp: string
  log_level: 'debug' | 'info' | 'warning' | 'error'
  logger: string
  event: string
  attributes: Values
}

/** What !KeyOf finds; `skipped` for an entry whose object this version can not have or the operator removed. */
export type EntryObject = { model: string; pk: Pk } | 'skipped'

export type Run = {
  blueprint: string
  key: string
  remembered: Remembered | null
  target: BlueprintTarget
  evaluate: (node: Unresolved) => Promise<Value>
  log: (level: Log['log_level'], event: string, attributes: Values) => void
  protect: boolean
  force: boolean
  /** Where we are, for the log. */
  about: Values
  missing: Set<string>
}

/** An entry refers to one that was skipped, so it is skipped as well. */
export class DependencySkipped extends Error {
  readonly id: string
  constructor(id: string) {
    super(`Refers to the skipped entry ${id}`)
    this.id = id
  }
}

/**
 * The look-up that identifiers describe: all of them, or the key if `pk` is among them.
 * Objects match when they are contained.
 */
export function lookupOf(identifiers: Values): Lookup {
  const { pk, ...rest } = identifiers
  const terms = Object.entries(rest).map(([field, value]) => ({
    field,
    operator: value !== null && typeof value === 'object' && !Array.isArray(value) ? ('contains' as const) : ('exact' as const),
    value,
  }))
  const byKey = pk === undefined || pk === null ? [] : [[{ field: 'pk', operator: 'exact' as const, value: pk }]]
  return terms.length > 0 ? [...byKey, terms] : byKey
}

/** Identifiers as fields to set: not the look-ups over relations, and for an existing object not the partial objects either. */
function identifierFields(identifiers: Values, creating: boolean): Values {
  const usable = Object.entries(identifiers).filter(([name, value]) => {
    if (name.includes('__')) return false
    return creating || (name !== 'pk' && (value === null || typeof value !== 'object' || Array.isArray(value)))
  })
  return Object.fromEntries(usable)
}

async function conditionsMet(entry: Entry, run: Run): Promise<boolean> {
  for (const condition of entry.conditions) if (!isTruthy(await run.evaluate(condition))) return false
  return true
}

async function stateOf(entry: Entry, run: Run): Promise<State> {
  const value = await run.evaluate(entry.state)
  const state = STATES.find(known => known === value)
  if (!state) throw new BlueprintError(`state must be one of ${STATES.join(', ')}`, entry.line)
  return state
}

/**
 * @returns the entry's object, `skipped`, or null where there is none to refer to (absent, conditions not met).
 * @throws BlueprintError | EntryRefused when the entry is at fault.
 */
export async function applyEntry(entry: Entry, model: string, run: Run): Promise<EntryObject | null> {
  const admission = run.target.admission(model)
  if (admission === 'absent') {
    run.missing.add(model)
    run.log('info', 'Skipped: this version does not have the model', run.about)
    return 'skipped'
  }
  if (admission !== 'allowed') throw new EntryRefused(`Model ${model} not allowed`)
  try {
    if (!(await conditionsMet(entry, run))) {
      run.log('info', 'Skipped: conditions are not met', run.about)
      return null
    }
    return await applyAllowed(entry, model, run)
  } catch (error) {
    if (!(error instanceof DependencySkipped)) throw error
    run.log('info', `Skipped: it refers to the entry ${error.id}, which was skipped`, run.about)
    return 'skipped'
  }
}

/** The object that this entry wrote to before, even if renamed since; else the one its identifiers find. */
async function locate(model: string, identifiers: Values, entry: Entry, run: Run): Promise<{ pk: Pk | null; known: Remembered | null }> {
  if (run.remembered) {
    const pk = await run.target.find(model, [[{ field: 'pk', operator: 'exact', value: run.remembered.pk }]])
    if (pk !== null) return { pk, known: run.remembered }
  }
  const lookup = lookupOf(identifiers)
  if (lookup.length === 0 && identifiers.pk === undefined) throw new BlueprintError('An entry needs identifiers', entry.line)
  return { pk: lookup.length === 0 ? null : await run.target.find(model, lookup), known: null }
}

async function applyAllowed(entry: Entry, model: string, run: Run): Promise<EntryObject | null> {
  const { target, protect, force } = run
  const state = await stateOf(entry, run)
  const identifiers = (await run.evaluate(entry.identifiers)) as Values
  const { pk: found, known } = await locate(model, identifiers, entry, run)
  const attrs = state === 'absent' ? {} : ((await run.evaluate(entry.attrs)) as Values)

  const current = found === null ? null : await target.serialize(model, found)
  const setsIdentifiers = found === null || force || identifiers.pk !== undefined
  const desired: Values = setsIdentifiers ? { ...identifierFields(identifiers, found === null), ...attrs } : attrs
  const others = found !== null && protect ? await target.rememberedObject(model, found) : []
  const baseline = baselineOf([...(known ? [known] : []), ...others])
  const decision = decide({ state, desired, current, baseline, wasApplied: run.remembered !== null, protect, force })

  const pk = await act(decision, model, found, desired, run)
  if (pk === null) return decision.action === 'stay_gone' ? 'skipped' : null
  run.about.pk = pk
  if (protect) {
    const shown = await target.serialize(model, pk)
    const created = decision.action === 'create'
    await target.remember({
      blueprint: run.blueprint,
      entry: run.key,
      model,
      pk: String(pk),
      origin: created ? 'created' : (known?.origin ?? 'adopted'),
      fingerprints: created ? fingerprintsOfCreated(shown) : fingerprintsOfUpdated(shown, desired, decision, known, baseline),
    })
  }
  if (decision.action !== 'leave') await grantPermissions(entry, model, pk, run)
  return { model, pk }
}

/** Carries a decision out. @returns the key of the object that is there afterwards, or null. */
async function act(decision: Decision, model: string, found: Pk | null, desired: Values, run: Run): Promise<Pk | null> {
  const { target, log, about } = run
  switch (decision.action) {
    case 'create': {
      const pk = await target.create(model, desired)
      log('info', 'Created', { ...about, pk })
      return pk
    }
    case 'conflict':
      throw new EntryRefused('The object exists already, and the state is must_created')
    case 'stay_gone':
      log('info', 'Not created again: it was removed here', about)
      return null
    case 'nothing':
      return null
    case 'remove':
      if (found !== null) await target.remove(model, found)
      await target.forget(run.blueprint, run.key)
      log('info', 'Removed', { ...about, pk: found })
      return null
    case 'leave':
      return found
    case 'update': {
      if (found === null) return null
      const changes = Object.fromEntries(decision.fields.map(name => [name, desired[name] ?? null]))
      if (decision.fields.length > 0) {
        await target.update(model, found, changes)
        log('info', 'Updated', { ...about, pk: found, fields: decision.fields })
      }
      if (decision.kept.length > 0) log('info', 'Kept what was changed here', { ...about, pk: found, fields: decision.kept })
      return found
    }
  }
}

async function grantPermissions(entry: Entry, model: string, pk: Pk, run: Run): Promise<void> {
  for (const grant of entry.permissions) {
    const permission = await run.evaluate(grant.permission)
    const to = { user: await run.evaluate(grant.user), role: await run.evaluate(grant.role) }
    if (typeof permission !== 'string') throw new BlueprintError('A permission must be text', grant.line)
    if (to.user === null && to.role === null) throw new BlueprintError('The user or role of a permission was not found', grant.line)
    await run.target.grant(model, pk, permission, to)
  }
}
