import { sql } from 'kysely'
import type { Ctx } from '../../context.ts'
import { presentObject } from '../../api/present.ts'
import type { Model, Row } from '../../api/model.ts'
import { findObject, findObjects } from '../../api/store.ts'
import { PolicyBinding } from '../../policies/binding.ts'
import { Prompt } from '../../stages/prompt/model.ts'
import { FlowStageBinding } from '../binding.ts'
import { Flow } from '../flow.ts'

/** What a blueprint says of one object. */
type Entry = { model: string; identifiers: Row; attrs: Row }

/** The writable values of an object as the API shows them: what is never shown (passwords, private keys) is not exported either. */
async function entryOf(ctx: Ctx, model: Model, row: Row, identifiers: readonly string[]): Promise<Entry> {
  const shown = await presentObject(ctx, model, row)
  const written = Object.entries(model.allFields).filter(([, field]) => !field.readOnly && !field.writeOnly && field.storage !== 'computed')
  const values = Object.fromEntries(written.map(([name]) => [name, shown[name]]))
  return {
    model: model.label,
    identifiers: { pk: shown[model.keyName], ...Object.fromEntries(identifiers.map(name => [name, values[name]])) },
    attrs: Object.fromEntries(Object.entries(values).filter(([name]) => !identifiers.includes(name))),
  }
}

const distinct = (keys: readonly unknown[]): string[] => [...new Set(keys.filter(key => key !== null && key !== undefined) as string[])]

/** Objects under one of many kinds, by key and in that order; those of kinds that this server does not have are left out. */
async function kinds(ctx: Ctx, table: 'stage' | 'policy', keys: readonly string[]): Promise<{ model: Model; row: Row }[]> {
  const models: readonly { model: Model }[] = table === 'stage' ? ctx.registry.stages : ctx.registry.policyKinds
  const found: { model: Model; row: Row }[] = []
  for (const key of keys) {
    const { rows } = await sql<{ kind: string }>`select kind from ${sql.table(table)} where ${sql.ref(`${table}_uuid`)} = ${key}`.execute(
      ctx.db,
    )
    const model = models.find(known => known.model.label === rows[0]?.kind)?.model
    const row = model && (await findObject(ctx, model, key))
    if (row) found.push({ model, row })
  }
  return found
}

const boundTo = (ctx: Ctx, targets: readonly string[]): Promise<Row[]> =>
  findObjects(ctx, PolicyBinding, {
    where: [sql<boolean>`policy_binding.target in (${sql.join([...targets])})`],
    orderBy: [sql`policy_binding."order"`, sql`policy_binding.policy_binding_uuid`],
  })

/**
 * A flow as a blueprint: the flow, its prompt fields, policies, stages, stage bindings, policy bindings. References are keys; what lies
 * outside (other flows, groups, people) is named and not brought along.
 */
export async function exportFlow(ctx: Ctx, flow: Row): Promise<string> {
  const places = await findObjects(ctx, FlowStageBinding, {
    where: [sql<boolean>`flow_stage_binding.target = ${flow.flow_uuid}`],
    orderBy: [sql`flow_stage_binding."order"`, sql`flow_stage_binding.fsb_uuid`],
  })
  const stages = await kinds(ctx, 'stage', distinct(places.map(place => place.stage)))
  const stageEntries: Entry[] = []
  for (const { model, row } of stages) stageEntries.push(await entryOf(ctx, model, row, ['name']))
  const bindings = await boundTo(
    ctx,
    [flow, ...places].map(one => one.policybindingmodel_ptr_id as string),
  )
  const named = stageEntries.flatMap(({ attrs }) => (attrs.validation_policies as string[] | undefined) ?? [])
  const policies = await kinds(ctx, 'policy', distinct([...bindings.map(binding => binding.policy), ...named]))

  const entries: Entry[] = [await entryOf(ctx, Flow, flow, ['slug'])]
  for (const key of distinct(stageEntries.flatMap(({ attrs }) => (attrs.fields as string[] | undefined) ?? []))) {
    const prompt = await findObject(ctx, Prompt, key)
    if (prompt) entries.push(await entryOf(ctx, Prompt, prompt, ['name']))
  }
  for (const { model, row } of policies) entries.push(await entryOf(ctx, model, row, ['name']))
  entries.push(...stageEntries)
  for (const place of places) entries.push(await entryOf(ctx, FlowStageBinding, place, ['target', 'stage', 'order']))
  for (const binding of bindings) entries.push(await entryOf(ctx, PolicyBinding, binding, ['policy', 'target', 'order']))
  const { stringify } = await import('yaml')
  return stringify(
    {
      version: 1,
      metadata: {
        name: `authentik Export - ${ctx.now().toISOString()}`,
        labels: { 'blueprints.goauthentik.io/generated': 'true' },
      },
      entries,
    },
    { aliasDuplicateObjects: false, lineWidth: 0, version: '1.1' },
  )
}
