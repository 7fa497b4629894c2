import type { Row } from '../api/model.ts'
import type { Ctx } from '../context.ts'
import { User } from '../core/people.ts'
import { pathOf } from '../flows/addresses.ts'
import { flowByKey } from '../flows/definition.ts'
import { Flow } from '../flows/flow.ts'
import { asObject } from '../flows/objects.ts'
import { inMemoryStage, type PlanContext } from '../flows/plan.ts'
import { planFlow, type Planned as FlowPlanned } from '../flows/planner.ts'
import { explainNoPlan } from '../flows/refusal.ts'
import { defaultFlow } from '../flows/start.ts'
import { deepMerge } from '../lib/deep-merge.ts'
import { inEffect } from '../stages/invitation/carry.ts'
import { connectionOf } from './accounts.sql.ts'
import type { Arrival, Back } from './arrive.ts'
import { CONNECT, type ConnectData } from './connect.ts'
import type { GroupsData } from './groups.ts'
import { GROUPS } from './post-stages.ts'
import { RESUME } from './resume.ts'
import { userPath } from './source.ts'

/** A flow for somebody who arrived; `text`: what the administrator forgot. */
export type Planned = { planned: FlowPlanned | { text: string }; explanation?: string }

const NO_ENROLLMENT = 'Source is not configured for enrollment.'
const NO_FLOW = 'Configured flow does not exist.'
/** What signs in people whose password is kept here; flows look for it to tell that nothing has to be proven any more. */
const BACKEND = 'authentik.core.auth.InbuiltBackend'
const CONNECTION = 'goauthentik.io/sources/connection'
const NEXT = '/if/user/'

const told = (properties: Row): Row =>
  Object.fromEntries(Object.entries(properties).filter(([name, value]) => value !== null && value !== undefined && name !== 'groups'))

/** The connection as expressions see it: as it is stored, or as it will be. */
async function connectionObject(ctx: Ctx, { identity, models }: Arrival, user: number | null): Promise<Row> {
  const { source, identifier, connection } = identity
  const known = await connectionOf(ctx.db, source.pbm_uuid as string, identifier)
  return asObject(models.user, { ...connection, id: known?.id ?? null, user, source: source.pbm_uuid, identifier })
}

/** What flows of a source begin with. */
async function sourceContext(ctx: Ctx, arrival: Arrival, back: Back, account: Row | null): Promise<PlanContext> {
  const { identity, models, context } = arrival
  const { source, properties, groups } = identity
  const resumed = back.resume && (await flowByKey(ctx, back.resume.flow))
  return {
    ...context,
    ...(account && { pending_user: asObject(User, account) }),
    is_sso: true,
    source: asObject(models.source, source),
    [CONNECTION]: await connectionObject(ctx, arrival, account === null ? null : (account.id as number)),
    source_groups: Object.fromEntries(groups.map(group => [group.id, group.properties])),
    user_backend: BACKEND,
    redirect: back.query.next ?? pathOf(ctx, NEXT),
    prompt_data: told(properties),
    user_path: userPath(source),
    ...(resumed && { is_redirected: asObject(Flow, resumed.flow) }),
  }
}

async function planned(ctx: Ctx, key: unknown, context: PlanContext): Promise<Planned> {
  const definition = typeof key === 'string' ? await flowByKey(ctx, key) : undefined
  if (!definition) return { planned: { text: NO_FLOW } }
  const plan = await planFlow(ctx, definition, context, { allowEmpty: true })
  return plan.ok ? { planned: plan } : { planned: plan, explanation: explainNoPlan(ctx, definition.flow, plan, 'source') }
}

/** Takes the invitation along that the flow had taken which the person came from. */
async function withInvitation(ctx: Ctx, context: PlanContext, back: Back): Promise<PlanContext> {
  const taken = back.invitation && (await inEffect(ctx, back.invitation))
  if (!taken) return context
  const { fixed_data: fixed, ...rest } = taken
  return { ...context, ...rest, prompt_data: deepMerge(context.prompt_data as Row, fixed) }
}

/** The source's own flow: for an account that it knows, or for somebody new. */
export async function planSource(
  ctx: Ctx,
  arrival: Arrival,
  back: Back,
  { connect, groups, account }: { connect: ConnectData; groups: GroupsData; account: Row | null },
): Promise<Planned> {
  const { source } = arrival.identity
  if (account === null && source.enrollment_flow === null) return { planned: { text: NO_ENROLLMENT } }
  const base = await sourceContext(ctx, arrival, back, account)
  const context = account === null ? await withInvitation(ctx, base, back) : base
  const made = await planned(ctx, account === null ? source.enrollment_flow : source.authentication_flow, context)
  if ('plan' in made.planned) {
    const { plan } = made.planned
    plan.appendStage(inMemoryStage(CONNECT, connect))
    plan.appendStage(inMemoryStage(GROUPS, groups))
    if (back.resume) plan.appendStage(inMemoryStage(RESUME, { token: back.resume.token }))
  }
  return made
}

/** The sign-in of this installation, for an account whose name the source told: who proves that it is theirs gets it connected. */
export async function planProof(ctx: Ctx, back: Back, connect: ConnectData, account: Row): Promise<Planned> {
  const definition = await defaultFlow(ctx, 'authentication')
  const made = await planned(ctx, definition?.flow.flow_uuid, {
    pending_user_identifier: account.username,
    redirect: back.query.next ?? pathOf(ctx, NEXT),
  })
  if ('plan' in made.planned) made.planned.plan.appendStage(inMemoryStage(CONNECT, connect))
  return made
}
