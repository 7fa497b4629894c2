import type { Row } from '../../api/model.ts'
import { findObjects } from '../../api/store.ts'
import { sql } from 'kysely'
import { evaluateEach } from '../../policies/engine.ts'
import { isStored } from '../../flows/objects.ts'
import { subjectOf } from '../../flows/planner.ts'
import { defineStage, next, retry, type AnswerErrors, type Run } from '../../flows/stage.ts'
import type { AnswerFields } from '../../flows/answer.ts'
import { answerField, putNested } from './fields.ts'
import { Prompt, PromptStage } from './model.ts'
import { presentField, promptData, resolveField, SERVER_VALUED, type PromptField } from './values.ts'

const COMPONENT = 'ak-stage-prompt'

/** The stage's fields by order, with what each shows. */
async function fieldsOf(run: Run): Promise<PromptField[]> {
  const keys = run.stage.fields as string[]
  if (keys.length === 0) return []
  const prompts = await findObjects(run.ctx, Prompt, {
    where: [sql<boolean>`prompt.prompt_uuid in (${sql.join(keys)})`],
    orderBy: [sql`prompt."order"`, sql`prompt.field_key`],
  })
  return Promise.all(prompts.map(prompt => resolveField(run, prompt)))
}

/** Rules about several fields, and those that ask the database. */
async function fieldErrors(run: Run, fields: PromptField[], values: Row): Promise<AnswerErrors> {
  const errors: AnswerErrors = {}
  const subject = subjectOf(run.ctx, run.plan.context)
  for (const { key, type } of fields) {
    if (type !== 'username' || typeof values[key] !== 'string') continue
    const other = await run.ctx.db.selectFrom('user').select('id').where('username', '=', values[key]).executeTakeFirst()
    if (other && !(isStored(subject, 'id') && subject.id === other.id))
      errors[key] = [{ string: 'Username is already taken.', code: 'invalid' }]
  }
  if (Object.keys(errors).length > 0) return errors
  const passwords = fields.filter(field => field.type === 'password')
  if (passwords.length === 2 && values[passwords[0]!.key] !== values[passwords[1]!.key]) {
    return { non_field_errors: [{ string: "Passwords don't match.", code: 'invalid' }] }
  }
  return errors
}

export const prompt = defineStage({
  model: PromptStage,
  component: COMPONENT,

  async answer(run) {
    const fields: AnswerFields = {}
    for (const field of await fieldsOf(run)) {
      const read = answerField(field)
      if (read) fields[field.key] = read
    }
    return fields
  },

  async challenge(run) {
    return { component: COMPONENT, fields: (await fieldsOf(run)).map(presentField) }
  },

  async respond(run, answer) {
    const { ctx, plan, stage } = run
    const fields = await fieldsOf(run)
    const flat: Row = { ...answer }
    for (const field of fields) if (SERVER_VALUED.has(field.type)) flat[field.key] = field.initial
    const errors = await fieldErrors(run, fields, flat)
    if (Object.keys(errors).length > 0) return { kind: 'retry', errors }

    const data: Row = {}
    for (const [key, value] of Object.entries(flat)) if (value !== undefined) putNested(data, key, value)
    data.component = COMPONENT
    // Policies may change the new values in place; earlier stages' are not theirs to see.
    const context: Row = { prompt_data: data }
    const verdict = await evaluateEach(ctx, stage.validation_policies as string[], {
      user: subjectOf(ctx, plan.context),
      context,
      object: stage,
    })
    if (!verdict.passing)
      return retry(verdict.messages.length ? { non_field_errors: verdict.messages.map(string => ({ string, code: 'invalid' })) } : {})
    plan.context.prompt_data = { ...promptData(run), ...(context.prompt_data as Row) }
    return next()
  },
})
