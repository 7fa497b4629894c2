import { flag, integer, text } from '../../api/fields.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { currentBrand } from '../../core/brand/model.ts'
import { definePolicyKind, definePolicyModel, fail, pass, policyResource } from '../kind.ts'
import type { PolicyRequest } from '../policy.ts'
import { enteredPassword, NO_PASSWORD } from '../subject.ts'
import { timesLeaked } from './leaked.ts'
import { meetsRules } from './rules.ts'

const SYMBOLS = '!\\"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~ '

const count = (initial = 0) => integer({ default: initial, minimum: 0 })

const FIELDS = {
  password_field: text({ default: 'password', blank: false }),
  amount_digits: count(),
  amount_uppercase: count(),
  amount_lowercase: count(),
  amount_symbols: count(),
  length_min: count(),
  symbol_charset: text({ default: SYMBOLS, blank: false }),
  error_message: text({ default: '' }),
  check_static_rules: flag(true),
  check_have_i_been_pwned: flag(false),
  check_zxcvbn: flag(false),
  hibp_allowed_count: count(),
  zxcvbn_score_threshold: count(2),
}

/** Judges a password that somebody wants to have. */
const PasswordPolicy = definePolicyModel({
  name: 'PasswordPolicy',
  label: 'authentik_policies_password.passwordpolicy',
  verboseName: 'Password Policy',
  verboseNamePlural: 'Password Policies',
  description: 'Refuses passwords that break rules, were leaked, or are easy to guess.',
  component: 'ak-policy-password-form',
  table: 'policy_password',
  fields: FIELDS,
  filters: Object.keys(FIELDS),
})

export const passwordPolicies = policyResource('/policies/password', PasswordPolicy)

/** What somebody who guesses would try first. */
async function knownWords(ctx: Ctx, { user }: PolicyRequest): Promise<string[]> {
  const brand = await currentBrand(ctx)
  return [user?.username, user?.name, user?.email, brand.title].filter((word): word is string => typeof word === 'string' && word !== '')
}

async function judge(ctx: Ctx, policy: Row, request: PolicyRequest) {
  const password = enteredPassword(request, policy.password_field as string)
  if (password === undefined) return fail(NO_PASSWORD)
  if (policy.check_static_rules && !meetsRules(policy, password)) return fail(policy.error_message as string)
  // Whoever only wants to know what would be said asks no other server.
  if (policy.check_have_i_been_pwned && !request.dry) {
    const times = await timesLeaked(ctx, password)
    if (times > (policy.hibp_allowed_count as number)) return fail(`Password exists on ${times} online lists.`)
  }
  if (!policy.check_zxcvbn) return pass()
  // The dictionaries are large, and most servers judge a password now and then.
  const { strength } = await import('./strength.ts')
  const { score, suggestions } = strength(password, await knownWords(ctx, request))
  return score > (policy.zxcvbn_score_threshold as number) ? pass(...suggestions) : fail('Password is too weak.', ...suggestions)
}

export const passwordKind = definePolicyKind(
  PasswordPolicy,
  'authentik.policies.password',
  policy => (ctx, request) => judge(ctx, policy, request),
)
