import type { Model, Row } from '../api/model.ts'
import { eventModel } from '../api/objects.ts'
import { findObject } from '../api/store.ts'
import { visitor, type Ctx } from '../context.ts'
import { User } from '../core/people.ts'
import { recordEvent } from '../events/record.ts'
import { explainRefusal } from '../explain/record.ts'
import { pathOf } from '../flows/addresses.ts'
import type { Freshness } from '../flows/freshness.ts'
import { asObject } from '../flows/objects.ts'
import type { Plan } from '../flows/plan.ts'
import { takePlan } from '../flows/token.ts'
import { evaluatePolicies } from '../policies/engine.ts'
import { accountsWith, connectionOf } from './accounts.sql.ts'
import { connect, seal, Taken, TAKEN, type ConnectData } from './connect.ts'
import { takeGroups, type GroupMatchingMode, type GroupsData } from './groups.ts'
import type { SourceIdentity } from './identity.ts'
import { match, propertyOf, type Matching, type MatchingFailure, type MatchingMode } from './matching.ts'
import { planProof, planSource, type Planned } from './plan.ts'
import { OVER } from './resume.ts'

/** Somebody whom a source has named. */
export type Arrival = {
  identity: SourceIdentity
  /** The model of the source, and of what its kind keeps of accounts and groups. */
  models: { source: Model; user: Model; group: Model }
  /** What this kind of source adds to plans (`oauth_userinfo`). */
  context: Row
  /** As the source's ID token names person and session. */
  session: ConnectData['session']
}

/** What the person was doing when they left for the source. */
export type Back = {
  /** Query of the flow's page: `next`, `itoken`. */
  query: Record<string, string>
  /** The invitation that the flow had taken, and the key of that flow. */
  invitation?: { key: string; flow: string }
  /** They mean to connect the source with this account, in whose session they are. */
  connect?: number
  /** They are signed in and have to do it again: the source is to ask them, too. */
  again?: true
  /** How fresh a sign-in the application wants that waits for it. */
  fresh?: Freshness
  /** A flow that goes on when the source is done: key of its token, and what it can bear. */
  resume?: { token: string; flow: string; failures: string[] }
}

/** What becomes of an arrival. */
export type Arrived =
  | { kind: 'flow'; plan: Plan; query: URLSearchParams }
  | { kind: 'linked'; to: string }
  | { kind: 'denied'; messages: string[]; explanation?: string }
  /** The administrator has to set something. */
  | { kind: 'misconfigured'; text: string }

/** Where one's own connections are listed. */
const SETTINGS = '/if/user/#/settings;page-sources'

const deniedText = (source: Row): string =>
  `Request to authenticate with ${String(source.name)} has been denied. Please authenticate with the source you've previously signed up with.`

async function matched(ctx: Ctx, { identity }: Arrival, back: Back): Promise<Matching> {
  const { source, identifier, properties, emailVerified } = identity
  const mode = source.user_matching_mode as MatchingMode
  const compared = propertyOf(mode)
  const value = compared && properties[compared]
  const property = typeof value === 'string' ? value : undefined
  return match({
    mode,
    signedIn: back.connect ?? null,
    connected: (await connectionOf(ctx.db, source.pbm_uuid as string, identifier))?.user ?? null,
    property,
    emailVerified,
    candidates: compared && property ? await accountsWith(ctx.db, compared, property) : [],
  })
}

/** A refusal, with an event and an explanation. */
async function refuse(
  ctx: Ctx,
  { identity: { source }, models }: Arrival,
  user: Row | null,
  why: { reason: 'policies' | MatchingFailure; messages: string[]; decision?: Awaited<ReturnType<typeof evaluatePolicies>> },
): Promise<Arrived> {
  const { reason, messages, decision } = why
  await recordEvent(ctx, 'login_failed', { source: eventModel(models.source, source), reason }, { user })
  const explanation = explainRefusal(ctx, {
    kind: 'source',
    surface: 'source',
    target: { application: null, flow: null, name: source.name as string },
    user,
    reason,
    messages,
    decision,
  })
  return { kind: 'denied', messages, explanation }
}

const connectDataOf = (ctx: Ctx, { identity, models, session }: Arrival, user: number | null): ConnectData => ({
  kind: models.user.label,
  source: { pbm_uuid: identity.source.pbm_uuid as string, name: identity.source.name as string },
  identifier: identity.identifier,
  sealed: seal(ctx, identity.connection),
  user,
  session,
})

const groupsDataOf = ({ identity: { source, groups }, models }: Arrival): GroupsData => ({
  kind: models.group.label,
  source: { pbm_uuid: source.pbm_uuid as string, name: source.name as string },
  mode: source.group_matching_mode as GroupMatchingMode,
  groups,
})

/** Connects with the account in whose session this happens; what the session may do does not change by that. */
async function link(ctx: Ctx, arrival: Arrival, back: Back, user: Row): Promise<Arrived> {
  try {
    await connect(ctx, connectDataOf(ctx, arrival, user.id as number), user)
  } catch (error) {
    if (error instanceof Taken) return refuse(ctx, arrival, user, { reason: 'taken', messages: [error.message] })
    throw error
  }
  await takeGroups(ctx, groupsDataOf(arrival), user.id as number)
  return { kind: 'linked', to: back.query.next ?? pathOf(ctx, SETTINGS) }
}

/** Nothing came of matching, and the flow that asked goes on without. */
async function goOn(ctx: Ctx, back: Back, { token }: NonNullable<Back['resume']>): Promise<Arrived> {
  const plan = await takePlan(ctx, token)
  return plan ? { kind: 'flow', plan, query: new URLSearchParams(back.query) } : { kind: 'denied', messages: [OVER] }
}

const ofPlan = ({ planned, explanation }: Planned, back: Back): Arrived => {
  if ('text' in planned) return { kind: 'misconfigured', text: planned.text }
  if (!planned.ok) return { kind: 'denied', messages: planned.messages, explanation }
  return { kind: 'flow', plan: planned.plan, query: new URLSearchParams(back.query) }
}

/**
 * Decides whose the identity is and what happens now: a flow that signs them in or takes them in, a connection with the account that
 * is signed in, or a refusal. The source's own policies are asked about whoever it turned out to be.
 */
export async function arrive(given: Ctx, arrival: Arrival, back: Back): Promise<Arrived> {
  const { identity, context: extra } = arrival
  const { source } = identity
  const matching = await matched(given, arrival, back)
  const account = 'user' in matching ? ((await findObject(given, User, matching.user)) ?? null) : null
  // Whoever signs in does so as a visitor, also where somebody is signed in and has to do it again.
  const ctx = back.connect === undefined ? { ...given, caller: { ...visitor, session: given.caller.session } } : given
  const decision = await evaluatePolicies(ctx, {
    target: source.pbm_uuid as string,
    user: account,
    context: { ...extra, is_sso: true, source: asObject(arrival.models.source, source), prompt_data: { ...identity.properties } },
    object: source,
  })
  if (!decision.passing) return refuse(ctx, arrival, account, { reason: 'policies', messages: decision.messages, decision })
  if (matching.action === 'deny') {
    if (matching.reason === 'missing_property' && back.resume?.failures.includes('missing_property')) return goOn(given, back, back.resume)
    return refuse(ctx, arrival, account, {
      reason: matching.reason,
      messages: [matching.reason === 'taken' ? TAKEN : deniedText(source)],
    })
  }
  if (back.connect !== undefined) return link(ctx, arrival, back, account!)
  const data = connectDataOf(ctx, arrival, account === null ? null : (account.id as number))
  if (matching.action === 'prove') return ofPlan(await planProof(ctx, back, data, account!), back)
  // What the source gave for somebody whom it names counts whatever comes of the flow.
  if (matching.action === 'authenticate') await connect(ctx, data, account!)
  return ofPlan(await planSource(ctx, arrival, back, { connect: data, groups: groupsDataOf(arrival), account }), back)
}
