import { invalidObject } from '../../api/errors.ts'
import { choice, text } from '../../api/fields.ts'
import type { Row } from '../../api/model.ts'
import { warn } from '../../api/warnings.ts'
import type { Ctx } from '../../context.ts'
import { ACTIONS } from '../../events/event.ts'
import { eventQuery, type EventMatcher } from '../../events/query/match.ts'
import { definePolicyKind, definePolicyModel, fail, pass, policyResource } from '../kind.ts'
import { APPS, MODELS } from './names.ts'

const CRITERIA = ['action', 'client_ip', 'app', 'model', 'query'] as const

/** Compares an entry of the audit log with what is looked for: for notification rules. */
const EventMatcherPolicy = definePolicyModel({
  name: 'EventMatcherPolicy',
  label: 'authentik_policies_event_matcher.eventmatcherpolicy',
  verboseName: 'Event Matcher Policy',
  verboseNamePlural: 'Event Matcher Policies',
  description: 'Matches events by what they are about. Everything that is set must match.',
  component: 'ak-policy-event-matcher-form',
  table: 'policy_event_matcher',
  fields: {
    action: choice(ACTIONS, null),
    client_ip: text({ nullable: true, blank: false }),
    app: choice(APPS, null),
    model: choice(MODELS, null),
    query: text({ nullable: true, blank: false }),
  },
  filters: [...CRITERIA],
})

async function clean(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  const whole = { ...current, ...values }
  if (CRITERIA.every(name => (whole[name] ?? '') === '')) throw invalidObject('At least one criteria must be set.')
  const problem = typeof values.query === 'string' ? eventQuery(values.query).problem : undefined
  if (problem !== undefined) warn(ctx, `query: ${problem} It is looked for as plain text.`, { policy: whole.name })
  return values
}

export const eventMatcherPolicies = policyResource('/policies/event_matcher', EventMatcherPolicy, { clean })

/** What must hold of an entry, one test for each criterion that is set. */
function testsOf({ action, client_ip: ip, app, model, query }: Row): EventMatcher[] {
  const tests: EventMatcher[] = []
  if (action) tests.push(event => event.action === action)
  if (ip) tests.push(event => event.client_ip === ip)
  if (app) tests.push(event => event.app === app)
  if (model) tests.push(event => modelOf(event) === model)
  if (query) tests.push(eventQuery(query as string).matches)
  return tests
}

/** What kind of object an entry is about. */
function modelOf({ context }: Row): string | undefined {
  const model = (context as Row | undefined)?.model as { app?: unknown; model_name?: unknown } | undefined
  return model && `${String(model.app)}.${String(model.model_name)}`
}

export const eventMatcherKind = definePolicyKind(EventMatcherPolicy, 'authentik.policies.event_matcher', policy => {
  const tests = testsOf(policy)
  return (_, { context: { event } }) => {
    if (typeof event !== 'object' || event === null) return fail()
    return tests.every(test => test(event as Row)) ? pass() : fail()
  }
})
