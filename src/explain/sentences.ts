import type { MatchingFailure } from '../sources/matching.ts'
import type { Trace, TracedBinding } from './trace.ts'

const quoted = (name: string | null): string => (name === null ? 'something that is gone' : `"${name}"`)

const chain = (path: readonly string[]): string => path.map(name => `"${name}"`).join(' → ')

/** How somebody is in a group. */
const membershipIn = (path: readonly string[] | null): string =>
  path === null || path.length < 2 ? 'is a member of it' : `is a member of it by way of ${chain(path)}`

const REQUIREMENTS: Readonly<Record<string, string>> = {
  require_authenticated: 'It is only for people who are signed in.',
  require_unauthenticated: 'It is only for people who are not signed in.',
  require_superuser: 'It is only for superusers.',
  require_redirect: 'It can only be reached from another flow.',
  require_outpost: 'It is only for outposts.',
  require_token: 'It can only be reached by the link of a mail.',
}

const MATCHING: Readonly<Record<MatchingFailure, string>> = {
  missing_property: 'The source does not tell what its matching mode looks at.',
  unverified: 'An account has this e-mail address, and the source does not say that the address is verified, so it proves nothing.',
  ambiguous: 'Several accounts have what the matching mode looks at.',
  exists: 'An account has what the matching mode looks at, and the mode connects none.',
  taken: 'The identity at the source is connected to another account.',
}

function bindingSentence(binding: TracedBinding, who: string): string {
  const { kind, name, order, negate, result, passing, messages, failure_result: failure, timeout, path } = binding
  const place = `Order ${order}, ${kind === 'user' ? 'person' : kind} ${quoted(name)}: `
  if (result === 'disabled') return `${place}not asked, the binding is switched off.`
  const counts = passing ? 'yes' : 'no'
  const turned = negate ? `; negated, that counts as ${counts}` : ''
  if (kind === 'user') return `${place}${who} ${result === 'passed' ? 'is that person' : 'is somebody else'}${turned}.`
  if (kind === 'group') return `${place}${who} ${result === 'passed' ? membershipIn(path) : 'is not a member of it'}${turned}.`
  const said = messages.filter(Boolean).length > 0 ? ` (${messages.filter(Boolean).map(quoted).join(', ')})` : ''
  if (result === 'timeout')
    return `${place}took longer than ${timeout || 30} seconds; the binding's failure result, ${failure ? 'yes' : 'no'}, counts.`
  if (result === 'failed') return `${place}could not decide${said}; the binding's failure result, ${failure ? 'yes' : 'no'}, counts.`
  return `${place}says ${result === 'passed' ? 'yes' : 'no'}${said}${turned}.`
}

/** How the bindings were counted. */
function countSentence({ mode, bindings, membership, passing }: Omit<Trace, 'sentences'>): string | undefined {
  const asked = bindings.filter(binding => binding.enabled)
  if (mode === null || asked.length === 0) return undefined
  const members = asked.filter(binding => binding.kind !== 'policy').length
  const together = members > 1 && members < asked.length ? ` Groups and people count as one, which says ${membership ? 'yes' : 'no'}.` : ''
  if (asked.length === 1) return undefined
  const rule = mode === 'any' ? 'One of them that says yes is enough' : 'All of them must say yes'
  const all = passing && mode === 'any' ? '' : passing ? ', and they do' : mode === 'any' ? ', and none does' : ', and not all do'
  return `${rule}${all} (mode ${mode}).${together}`
}

function verdict({ kind, target, passing, stage }: Omit<Trace, 'sentences'>, who: string): string {
  const what = quoted(target.name)
  if (kind === 'application') return `${who} may ${passing ? '' : 'not '}open the application ${what}.`
  if (kind === 'source') return `${who} may not sign in by the source ${what}.`
  if (kind === 'flow') return `${who} may ${passing ? '' : 'not '}run the flow ${what}.`
  return `The flow ${what} ended for ${who} at the stage ${quoted(stage?.name ?? null)}.`
}

/** Why. Undefined where the bindings speak for themselves. */
function reasonSentence(trace: Omit<Trace, 'sentences'>, who: string): string | undefined {
  switch (trace.reason) {
    case 'inactive':
      return `The account of ${who} is switched off, so it may open nothing.`
    case 'nothing_bound':
      return trace.passing
        ? 'Nothing is bound to it, so it is open to everybody.'
        : 'Nothing is bound to it, and applications are closed by default here (setting "core_default_app_access").'
    case 'superuser':
      return `The bindings say no, but ${who} is a superuser${trace.superuser_path ? ` through ${chain(trace.superuser_path)}` : ''}, and superusers may open every application (setting "superuser_bypass").`
    case 'authentication':
      return REQUIREMENTS[trace.requirement ?? ''] ?? 'The flow demands something that is not so.'
    case 'setup':
      return 'Initial set-up was already completed.'
    case 'no_stages':
      return 'The flow holds no stage for this person.'
    case 'stage':
      return trace.messages.length > 0 ? `It said: ${trace.messages.map(quoted).join(', ')}.` : undefined
    case 'policies':
      return undefined
    default:
      return MATCHING[trace.reason]
  }
}

/** Whether a stage would be run, and why. */
export const stageSentences = (
  stage: { name: string; order: number | null; runs: boolean },
  bindings: readonly TracedBinding[],
  who: string,
): string[] => [
  `The stage "${stage.name}" (order ${stage.order ?? 0}) ${stage.runs ? 'is run' : 'is left out'}${bindings.length === 0 ? ': nothing is bound to it.' : '.'}`,
  ...bindings.map(binding => bindingSentence(binding, who)),
]

/** An explanation to read: what, why, then each binding by order. In English, like everything that administrators get by the API. */
export function sentences(trace: Omit<Trace, 'sentences'>): string[] {
  const who = trace.user?.username ?? 'A visitor'
  const bound = trace.kind === 'stage' && trace.bindings.length > 0 ? 'The stage was due because of what is bound to it:' : undefined
  return [
    verdict(trace, who),
    reasonSentence(trace, who),
    bound,
    ...trace.bindings.map(binding => bindingSentence(binding, who)),
    countSentence(trace),
  ].filter(sentence => sentence !== undefined)
}
