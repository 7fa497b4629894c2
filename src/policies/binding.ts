import { sql } from 'kysely'
import { Type } from 'typebox'
import { crud } from '../api/crud.ts'
import { presentObjects } from '../api/present.ts'
import { invalid, invalidObject, permissionDenied } from '../api/errors.ts'
import { computed, flag, integer, reference, text } from '../api/fields.ts'
import { parseUuid } from '../api/filters.ts'
import { defineModel, type Model, type Row, modelLabelled } from '../api/model.ts'
import type { Resource } from '../api/mount.ts'
import { mayTouch } from '../api/permissions.ts'
import { namedOrNull } from '../api/shapes.ts'
import type { Ctx } from '../context.ts'
import { Group, User } from '../core/people.ts'
import { byKey, partialGroup, partialUser } from '../core/user/present.ts'
import { PolicyBase } from './base.ts'
import { warnOfRebinding, warnOfUnbinding } from './opening.ts'
import { warnOfReputation } from './reputation/lint.ts'
import { PolicyTarget } from './target.ts'

/** Ties one policy, group or user to a target: who may have an application, when a stage runs. */
export const PolicyBinding: Model = defineModel({
  name: 'PolicyBinding',
  label: 'authentik_policies.policybinding',
  verboseName: 'Policy Binding',
  table: 'policy_binding',
  pk: 'policy_binding_uuid',
  display: 'policy_binding_uuid',
  fields: {
    policy: reference(() => PolicyBase, { nullable: true }),
    group: reference(() => Group, { nullable: true }),
    user: reference(() => User, { nullable: true }),
    policy_obj: computed(namedOrNull('Policy')),
    group_obj: computed(namedOrNull('PartialGroup')),
    user_obj: computed(namedOrNull('PartialUser')),
    // Clients send the target's own key or its binding key; which one it was is settled in `clean`.
    target: { ...text({ format: 'uuid' }) },
    negate: flag(false),
    enabled: flag(true),
    order: integer(),
    timeout: integer({ default: 30, minimum: 0 }),
    failure_result: flag(false),
    expires: computed(Type.Null()),
    expiring: computed(Type.Boolean()),
  },
  filters: {
    policy: {},
    policy__isnull: {},
    target: { type: 'uuid', apply: (ctx, values) => targetFilter(ctx, 'target', values) },
    target_in: { many: true, type: 'uuid', apply: (ctx, values) => targetFilter(ctx, 'target_in', values) },
    enabled: {},
    order: {},
    timeout: {},
  },
  ordering: ['order', 'pk'],
  present: presentBindings,
})

const CHOICE = 'Select a valid choice. That choice is not one of the available choices.'

/** The filter wants binding keys; one that belongs to nothing is an error, as clients know it. */
async function targetFilter(ctx: Ctx, name: string, values: string[]) {
  const keys = values.map(parseUuid)
  if (keys.includes(undefined)) throw invalid({ [name]: [name === 'target' ? CHOICE : 'Enter a valid UUID.'] })
  const known = await ctx.db
    .selectFrom('policy_target')
    .select('pbm_uuid')
    .where('pbm_uuid', 'in', keys as string[])
    .execute()
  if (known.length < new Set(keys).size) throw invalid({ [name]: [CHOICE] })
  return sql<boolean>`policy_binding.target in (${sql.join(keys)})`
}

/** Models that policies can be bound to and whose own key is another than the binding's (flows, stage bindings). */
const twoKeyed = (ctx: Ctx): Model[] => ctx.registry.models.filter(model => model.base === PolicyTarget && model.baseKey !== undefined)

/** The binding key behind what a client sent: a binding key itself, or a target's own key. */
export async function bindingTarget(ctx: Ctx, sent: string): Promise<string | undefined> {
  const key = parseUuid(sent)
  if (key === undefined) return undefined
  const direct = await ctx.db.selectFrom('policy_target').select('pbm_uuid').where('pbm_uuid', '=', key).executeTakeFirst()
  if (direct) return key
  for (const { table, pk, baseKey } of twoKeyed(ctx)) {
    const { rows } = await sql<{
      key: string
    }>`select ${sql.ref(baseKey!)} as key from ${sql.table(table)} where ${sql.ref(pk)} = ${key}`.execute(ctx.db)
    if (rows[0]) return rows[0].key
  }
  return undefined
}

/** From binding keys to the targets' own keys, which is what the API shows. */
async function ownKeys(ctx: Ctx, targets: string[]): Promise<Map<string, string>> {
  const own = new Map<string, string>()
  if (targets.length === 0) return own
  for (const { table, pk, baseKey } of twoKeyed(ctx)) {
    const { rows } = await sql<{ own: string; target: string }>`
      select ${sql.ref(pk)} as own, ${sql.ref(baseKey!)} as target from ${sql.table(table)} where ${sql.ref(baseKey!)} in (${sql.join(targets)})`.execute(
      ctx.db,
    )
    for (const row of rows) own.set(row.target, row.own)
  }
  return own
}

async function presentBindings(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  const own = await ownKeys(ctx, [...new Set(rows.map(row => row.target as string))])
  const present = (name: string) => rows.map(row => row[name]).filter(key => key !== null)
  const groups = await byKey(
    keys => ctx.db.selectFrom('group').selectAll().where('group_uuid', 'in', keys).execute(),
    'group_uuid',
    present('group'),
  )
  const users = await byKey(keys => ctx.db.selectFrom('user').selectAll().where('id', 'in', keys).execute(), 'id', present('user'))
  const policies = await byKey(keys => presentedPolicies(ctx, keys), 'pk', present('policy'))
  return rows.map(row => ({
    target: own.get(row.target as string) ?? row.target,
    group_obj: row.group === null ? null : partialGroup(groups.get(row.group)!),
    user_obj: row.user === null ? null : partialUser(ctx, users.get(row.user)!),
    policy_obj: row.policy === null ? null : policies.get(row.policy)!,
    expires: null,
    expiring: false,
  }))
}

/** Policies in their short form, each under its own kind's names. */
async function presentedPolicies(ctx: Ctx, keys: string[]): Promise<Row[]> {
  const rows = (await ctx.db.selectFrom('policy').selectAll().where('policy_uuid', 'in', keys).execute()) as Row[]
  const shown = await presentObjects(ctx, PolicyBase, rows)
  return shown.map((policy, index) => {
    const kind = ctx.registry.policyKinds.find(({ model }) => model.label === rows[index]!.kind)?.model ?? PolicyBase
    return {
      ...policy,
      component: kind.component,
      verbose_name: kind.verboseName,
      verbose_name_plural: kind.verboseNamePlural,
      meta_model_name: kind.label,
    }
  })
}

async function clean(ctx: Ctx, values: Row, current?: Row): Promise<Row> {
  const whole = { ...current, ...values }
  const cleaned = { ...values }
  if (values.target !== undefined) {
    const target = await bindingTarget(ctx, values.target as string)
    if (target === undefined) throw invalid({ target: [`Invalid pk "${String(values.target)}" - object does not exist.`] })
    cleaned.target = target
  }
  const target = (cleaned.target ?? current?.target) as string
  await checkWhat(ctx, whole, target)
  await guardTarget(ctx, target)
  if (current && cleaned.target !== undefined && cleaned.target !== current.target) await guardTarget(ctx, current.target as string)
  await checkUniqueOrder(ctx, { ...whole, ...cleaned }, current)
  return cleaned
}

/** Entitlements are people's and groups' alone: nobody would ask a policy that is bound to one. */
const WITHOUT_POLICIES = 'authentik_core.applicationentitlement'

/** A binding is of exactly one thing, of a kind that its target asks. */
async function checkWhat(ctx: Ctx, binding: Row, target: string): Promise<void> {
  const row = await ctx.db.selectFrom('policy_target').select('kind').where('pbm_uuid', '=', target).executeTakeFirstOrThrow()
  const kinds = row.kind === WITHOUT_POLICIES ? ['group', 'user'] : ['group', 'policy', 'user']
  const named = kinds.map(name => `'${name}'`).join(', ')
  const set = ['policy', 'group', 'user'].filter(name => binding[name] !== null && binding[name] !== undefined)
  if (set.length > 1) throw invalidObject(`Only one of ${named} can be set.`)
  if (set.length === 0 || !kinds.includes(set[0]!)) throw invalidObject(`One of ${named} must be set.`)
}

/** Whoever may write bindings must also be allowed to change the object that the body names: a grant on one says nothing of another. */
async function guardTarget(ctx: Ctx, target: string): Promise<void> {
  const row = await ctx.db.selectFrom('policy_target').select('kind').where('pbm_uuid', '=', target).executeTakeFirstOrThrow()
  const model = modelLabelled(ctx, row.kind)
  if (!model) return
  const own = (await ownKeys(ctx, [target])).get(target) ?? target
  if (!(await mayTouch(ctx, model, own, 'view'))) throw permissionDenied()
}

/** One policy stands at one place of a target; groups and users may share an order. */
async function checkUniqueOrder(ctx: Ctx, binding: Row, current?: Row): Promise<void> {
  if (binding.policy === null || binding.policy === undefined) return
  let query = ctx.db
    .selectFrom('policy_binding')
    .select('policy_binding_uuid')
    .where('policy', '=', binding.policy as string)
    .where('target', '=', binding.target as string)
    .where('order', '=', binding.order as number)
  if (current) query = query.where('policy_binding_uuid', '!=', current.policy_binding_uuid as string)
  if (await query.executeTakeFirst()) throw invalidObject('The fields policy, target, order must make a unique set.')
}

export const policyBindings: Resource = {
  path: '/policies/bindings',
  model: PolicyBinding,
  operations: crud(PolicyBinding, {
    clean,
    async saved(ctx, binding, previous) {
      await warnOfReputation(ctx, binding)
      await warnOfRebinding(ctx, binding, previous)
    },
    removing: warnOfUnbinding,
  }),
}
