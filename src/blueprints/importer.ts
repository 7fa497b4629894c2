/**
 * Applies a blueprint in one transaction: a failing entry means that nothing was changed. Where entries ask for slow work, that pass
 * was a rehearsal: it is rolled back, and the next one finds the work done.
 */
import { buildContext } from './context.ts'
import { BlueprintError } from './document.ts'
import type { BlueprintDocument, Value } from './document.ts'
import { applyEntry, DependencySkipped } from './entry.ts'
import type { EntryObject, Log, Run } from './entry.ts'
import { createEvaluator } from './evaluate.ts'
import type { Evaluator, SystemAccess } from './evaluate.ts'
import { entryKey } from './drift.ts'
import type { Remembered } from './drift.ts'
import { EntryRefused } from './target.ts'
import type { BlueprintTarget, Pk, Values } from './target.ts'

export type ApplyOptions = {
  /** The instance's name: under it the ledger is kept. */
  name: string
  /** The instance's own context, over the file's. */
  context?: Values
  /** Only for files of the server itself; null for what came through the API. */
  system: SystemAccess | null
  /** For shipped blueprints: keep what an operator changed or deleted. */
  protect: boolean
  /** The operator wants the blueprint's values back, whatever is there now. */
  force?: boolean
  /** Change nothing, and say how it would go. */
  dryRun?: boolean
  /** Blueprints that one run has applied already, which are in place for those that ask for them. Those of this application are added. */
  inPlace?: Set<string>
  now: () => Date
}

export type ApplyResult = {
  success: boolean
  logs: Log[]
  /** Models of skipped entries: apply the blueprint again once one of them exists. */
  missing_models: string[]
}

const META_APPLY = 'authentik_blueprints.metaapplyblueprint'
const POLICY_BINDING = 'authentik_policies.policybinding'
const MAX_CHAIN = 10

class RolledBack extends Error {}
class EntryFailed extends Error {
  readonly log: Pick<Log, 'event' | 'attributes'>
  constructor(log: Pick<Log, 'event' | 'attributes'>, cause: unknown) {
    super(log.event, { cause })
    this.log = log
  }
}

type Batch = {
  target: BlueprintTarget
  log: Run['log']
  missing: Set<string>
  force: boolean
  /** Blueprints already applied, in this transaction or before it in the same run, and those that are being applied now. */
  done: Set<string>
  chain: readonly string[]
}
type Source = Pick<ApplyOptions, 'name' | 'system' | 'protect'> & { document: BlueprintDocument; context: Values }

/** How far a document is: what its entries with an id have become, and the model of the one that is applied now. */
type Progress = { objects: Map<string, EntryObject>; model: string }

/** The tags of a document, which speak of its earlier entries and of what the target holds. */
function evaluatorOf({ document, context, system }: Source, target: BlueprintTarget, progress: Progress): Evaluator {
  const forBinding = async (model: string, pk: Pk): Promise<Value> =>
    progress.model === POLICY_BINDING ? await target.policyTargetId(model, pk) : pk
  async function findOne(model: string, conditions: readonly (readonly [string, Value])[]): Promise<Pk | null> {
    const admission = target.admission(model)
    if (admission === 'refused') throw new BlueprintError(`Model ${model} not allowed`, null)
    if (admission === 'absent') return null
    return await target.find(model, [conditions.map(([field, value]) => ({ field, operator: 'exact', value }))])
  }
  return createEvaluator({
    context: buildContext(target.defaultContext(), document.context, context),
    system,
    async keyOf(id) {
      const object = progress.objects.get(id)
      if (object === 'skipped') throw new DependencySkipped(id)
      return object && (await forBinding(object.model, object.pk))
    },
    async find(model, conditions) {
      const pk = await findOne(model, conditions)
      return pk === null ? null : await forBinding(model, pk)
    },
    async findObject(model, conditions) {
      const pk = await findOne(model, conditions)
      return pk === null ? null : await target.serialize(model, pk)
    },
  })
}

/** What the log says of an entry that could not be applied; anything but a fault of the blueprint is thrown as it is. */
function entryFailure(cause: unknown, about: Values): unknown {
  if (cause instanceof EntryRefused)
    return new EntryFailed({ event: 'Entry invalid', attributes: { ...about, errors: cause.details } }, cause)
  if (cause instanceof BlueprintError) return new EntryFailed({ event: `Entry invalid: ${cause.message}`, attributes: about }, cause)
  return cause
}

/** Applies all entries of one blueprint, in order. @throws EntryFailed */
async function applyDocument(source: Source, batch: Batch): Promise<void> {
  const { document, name, protect } = source
  const { target, log } = batch
  const rows = new Map<string, Remembered>()
  if (protect) for (const row of await target.remembered(name)) rows.set(row.entry, row)
  const progress: Progress = { objects: new Map(), model: '' }
  const { evaluate } = evaluatorOf(source, target, progress)

  for (const warning of document.warnings) log('warning', warning, { blueprint: name })
  const keys = new Map<string, number>()
  for (const entry of document.entries) {
    const about: Values = { blueprint: name, line: entry.line, ...(entry.id === null ? {} : { entry: entry.id }) }
    try {
      const named = await evaluate(entry.model)
      if (typeof named !== 'string') throw new BlueprintError('The model must be text', entry.line)
      const model = named.toLowerCase()
      progress.model = model
      about.model = model
      if (model === META_APPLY) {
        await applyOther(evaluatedMeta(await evaluate(entry.attrs), entry.line), batch, [...batch.chain, name])
        continue
      }
      // The same thing may be written to by several entries without an id: they are told apart by their order.
      const base = entryKey(model, entry)
      const turn = (keys.get(base) ?? 0) + 1
      keys.set(base, turn)
      const key = turn === 1 ? base : `${base}~${turn}`
      const run: Run = {
        blueprint: name,
        key,
        remembered: rows.get(key) ?? null,
        target,
        evaluate,
        log,
        protect,
        force: batch.force,
        about,
        missing: batch.missing,
      }
      const object = await applyEntry(entry, model, run)
      if (object && entry.id !== null) progress.objects.set(entry.id, object)
    } catch (cause) {
      throw entryFailure(cause, about)
    }
  }
  batch.done.add(name)
}

function evaluatedMeta(attrs: Value, line: number): { identifiers: Values; required: boolean } {
  const { identifiers = null, required = true } = attrs as Values
  if (identifiers === null || typeof identifiers !== 'object' || Array.isArray(identifiers)) {
    throw new BlueprintError('metaapplyblueprint needs identifiers with a name or a path', line)
  }
  return { identifiers, required: required === true }
}

async function applyOther(meta: { identifiers: Values; required: boolean }, batch: Batch, chain: readonly string[]): Promise<void> {
  if (typeof meta.identifiers.path === 'string' && batch.done.has(meta.identifiers.path)) return
  const found = await batch.target.blueprint(meta.identifiers)
  if (!found) {
    if (meta.required) throw new EntryRefused('Required blueprint does not exist')
    batch.log('info', 'Optional blueprint does not exist', { identifiers: meta.identifiers })
    return
  }
  if (batch.done.has(found.name)) return
  if (chain.includes(found.name))
    throw new EntryRefused(`The blueprints apply each other in a circle: ${[...chain, found.name].join(' → ')}`)
  if (chain.length >= MAX_CHAIN) throw new EntryRefused(`More than ${MAX_CHAIN} blueprints apply one another`)
  await applyDocument(found, { ...batch, chain })
}

/**
 * Applies a blueprint to a target. Entries of models that this version does not have, and entries that refer to them,
 * are skipped with an info line. Two applications at once are kept apart by the target's transaction.
 * @returns `success: false` with the reason in the logs when an entry is at fault; other errors are thrown.
 */
export async function applyBlueprint(document: BlueprintDocument, target: BlueprintTarget, options: ApplyOptions): Promise<ApplyResult> {
  async function pass(mayCommit: () => boolean): Promise<ApplyResult & { committed: boolean }> {
    const logs: Log[] = []
    const missing = new Set<string>()
    const log: Run['log'] = (log_level, event, attributes) =>
      void logs.push({ timestamp: options.now().toISOString(), log_level, logger: 'blueprints', event, attributes })
    const done = new Set(options.inPlace)
    const result = (success: boolean, committed: boolean) => ({ success, committed, logs, missing_models: [...missing].sort() })
    try {
      await target.transaction(async inside => {
        const batch: Batch = { target: inside, log, missing, force: options.force ?? false, done, chain: [] }
        await applyDocument({ ...options, document, context: options.context ?? {} }, batch)
        if (!mayCommit()) throw new RolledBack()
      })
      for (const name of done) options.inPlace?.add(name)
      return result(true, true)
    } catch (error) {
      if (error instanceof RolledBack) return result(true, false)
      if (!(error instanceof EntryFailed)) throw error
      log('error', error.log.event, error.log.attributes)
      return result(false, false)
    }
  }

  const { committed, ...first } = await pass(() => options.dryRun !== true && target.unprepared?.() !== true)
  if (committed || !first.success || options.dryRun) return first
  await target.prepare?.()
  const { committed: _, ...second } = await pass(() => true)
  return second
}
