/**
 * What the operator changed stays changed. For every entry of a shipped blueprint we remember the object and
 * fingerprints of its fields as they stood after we wrote them. When a new version of the file is applied, a field that
 * still has our value may take the new default; one that differs is the operator's; an object that is gone stays gone.
 *
 * Fingerprints are taken of what the API shows, so no secret is among them.
 */
import { createHash } from 'node:crypto'
import type { Entry, State, Value } from './document.ts'
import { canonicalText } from './tags.ts'

type Values = { [key: string]: Value }

/** One row of the ledger; (blueprint, entry) is its key. */
export type Remembered = {
  blueprint: string
  entry: string
  model: string
  pk: string
  /** `adopted`: the object was there before we first applied this entry, so nothing in it is known to be ours. */
  origin: 'created' | 'adopted'
  /** Field → fingerprint of the value after our last write. */
  fingerprints: Readonly<Record<string, string>>
}

export type Baseline = Pick<Remembered, 'origin' | 'fingerprints'>

export type Situation = {
  state: State
  /** Fields that the entry wants. */
  desired: Values
  /** The object as it is; null when there is none. */
  current: Values | null
  /** What we know of our last write to this object; null when we never wrote to it. */
  baseline: Baseline | null
  /** This entry had an object at an earlier application. */
  wasApplied: boolean
  protect: boolean
  /** The operator asked for the blueprint's own values. */
  force: boolean
}

export type Decision =
  | { action: 'create' | 'leave' | 'stay_gone' | 'remove' | 'nothing' | 'conflict' }
  | { action: 'update'; fields: string[]; kept: string[] }

/** JSON with sorted keys: equal for equal values. */
export function canonicalJson(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const keys = Object.keys(value).sort()
  return `{${keys.map(key => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`).join(',')}}`
}

/** 16 bytes of SHA-256 in base64url, 22 characters. */
const digest = (text: string) => createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url')

export const fingerprint = (value: Value) => digest(canonicalJson(value))

/**
 * The key by which an entry is recognized in the next version of its file: its id, else what it identifies.
 * Ids of shipped entries are therefore part of what must not change.
 */
export function entryKey(model: string, entry: Pick<Entry, 'id' | 'identifiers'>): string {
  return entry.id === null ? `${model}~${digest(canonicalText(entry.identifiers))}` : `${model}#${entry.id}`
}

/**
 * What is known of an object from all entries that wrote to it. The entry's own row comes first in `rows`;
 * the others fill in the fields it does not know.
 */
export function baselineOf(rows: readonly Baseline[]): Baseline | null {
  if (rows.length === 0) return null
  const fingerprints = Object.assign({}, ...rows.toReversed().map(row => row.fingerprints)) as Record<string, string>
  return { origin: rows.some(row => row.origin === 'created') ? 'created' : 'adopted', fingerprints }
}

function isOurs(name: string, value: Value, baseline: Baseline | null): boolean {
  if (!baseline) return false
  const known = baseline.fingerprints[name]
  // A field that an object of ours did not have then came with an upgrade: nobody can have set it yet.
  return known === undefined ? baseline.origin === 'created' : known === fingerprint(value)
}

/** Decides what an entry does to its object. Pure: the same situation always gives the same decision. */
export function decide({ state, desired, current, baseline, wasApplied, protect, force }: Situation): Decision {
  if (state === 'absent') return { action: current ? 'remove' : 'nothing' }
  if (state === 'must_created') return { action: current ? 'conflict' : 'create' }
  if (!current) return { action: wasApplied && protect && !force ? 'stay_gone' : 'create' }
  if (state === 'created') return { action: 'leave' }
  if (!protect || force) return { action: 'update', fields: Object.keys(desired), kept: [] }

  const fields: string[] = []
  const kept: string[] = []
  for (const [name, value] of Object.entries(desired)) {
    const now = current[name]
    // Not shown (a password): whether it was changed can not be told, so it is set at creation only.
    if (now === undefined || fingerprint(now) === fingerprint(value)) continue
    if (isOurs(name, now, baseline)) fields.push(name)
    else kept.push(name)
  }
  return { action: 'update', fields, kept }
}

/** The fingerprints to remember after an object was created: all of its fields, so that those a later version lists are known too. */
export function fingerprintsOfCreated(shown: Values): Record<string, string> {
  return Object.fromEntries(Object.entries(shown).map(([name, value]) => [name, fingerprint(value)]))
}

/**
 * The fingerprints to remember after an existing object was dealt with. Fields that we wrote, or that already stood as wanted,
 * take today's value; those kept for the operator hold on to what we wrote last, so that they stay recognizably changed.
 * `own` are those of the entry's row, `baseline` those of the whole object.
 */
export function fingerprintsOfUpdated(
  shown: Values,
  desired: Values,
  decision: Decision,
  own: Baseline | null,
  baseline: Baseline | null,
): Record<string, string> {
  const next: Record<string, string> = { ...own?.fingerprints }
  if (decision.action !== 'update') return next
  for (const name of Object.keys(desired)) {
    const now = shown[name]
    if (now === undefined) continue
    const written = decision.kept.includes(name) ? baseline?.fingerprints[name] : fingerprint(now)
    if (written !== undefined) next[name] = written
  }
  return next
}
