import { integer, text } from '../../api/fields.ts'
import type { Row } from '../../api/model.ts'
import { warn } from '../../api/warnings.ts'
import type { Ctx } from '../../context.ts'
import { formerPasswords, MOST_REMEMBERED } from '../../core/password/history.ts'
import { definePolicyKind, definePolicyModel, fail, pass, policyResource } from '../kind.ts'
import type { PolicyAnswer, PolicyRequest } from '../policy.ts'
import { accountOf, enteredPassword, NO_PASSWORD } from '../subject.ts'

/** Refuses passwords that somebody had before. */
const UniquePasswordPolicy = definePolicyModel({
  name: 'UniquePasswordPolicy',
  label: 'authentik_policies_unique_password.uniquepasswordpolicy',
  verboseName: 'Password Uniqueness Policy',
  verboseNamePlural: 'Password Uniqueness Policies',
  description: 'Refuses a password that the person has or had.',
  component: 'ak-policy-password-uniqueness-form',
  table: 'policy_unique_password',
  fields: {
    password_field: text({ default: 'password', blank: false }),
    num_historical_passwords: integer({ default: 1, minimum: 0 }),
  },
  filters: ['password_field', 'num_historical_passwords'],
})

async function clean(ctx: Ctx, values: Row): Promise<Row> {
  if (Number(values.num_historical_passwords ?? 0) > MOST_REMEMBERED)
    warn(ctx, `num_historical_passwords: no more than ${MOST_REMEMBERED} passwords are remembered.`)
  return values
}

export const uniquePasswordPolicies = policyResource('/policies/unique_password', UniquePasswordPolicy, { clean })

async function judge(ctx: Ctx, policy: Row, request: PolicyRequest): Promise<PolicyAnswer> {
  const password = enteredPassword(request, policy.password_field as string)
  if (password === undefined) return fail(NO_PASSWORD)
  const user = await accountOf(ctx, request)
  if (!user) return pass()
  const former = await formerPasswords(ctx, user as typeof user & { password: string }, policy.num_historical_passwords as number)
  for (const hash of former) {
    if (hash.startsWith('!')) continue
    if (await ctx.passwords.verify(hash, password, ctx.request?.clientIp))
      return fail('This password has been used previously. Please choose a different one.')
  }
  return pass()
}

export const uniquePasswordKind = definePolicyKind(
  UniquePasswordPolicy,
  'authentik.enterprise.policies.unique_password',
  policy => (ctx, request) => judge(ctx, policy, request),
)
