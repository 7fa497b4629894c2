import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import type { Run } from '../../flows/stage.ts'
import { PlainDate } from '../../lib/plain-date.ts'
import type { PromptType } from './model.ts'

/** A field of a form with what it shows right now. */
export type PromptField = {
  key: string
  type: PromptType
  label: string
  required: boolean
  order: number
  subText: string
  placeholder: string
  /** The value that the field starts with; taken when the answer leaves the field out, if it says anything. */
  initial: unknown
  /** What can be chosen; null for fields without choices. */
  choices: { value: string; label: string }[] | null
}

/** Fields whose value the server decides; what a client sends for them is not looked at. */
export const SERVER_VALUED = new Set<PromptType>(['hidden', 'static', 'text_read_only', 'text_area_read_only'])

/** Fields that are shown and never answered. */
export const SILENT = new Set<PromptType>(['separator', 'alert_info', 'alert_warning', 'alert_danger'])

const CHOOSING = new Set<PromptType>(['radio-button-group', 'dropdown'])

type Evaluate = (source: string) => Promise<unknown>

/** What an expression of a field comes to. @throws what the expression throws */
function evaluate(run: Run, source: string): Promise<unknown> {
  const { ctx, plan } = run
  if (!ctx.registry.evaluate) throw new Error('Expressions cannot be evaluated by this server.')
  return ctx.registry.evaluate(ctx, source, {
    user: plan.context.pending_user ?? ctx.caller.user,
    prompt_context: promptData(run),
    flow_plan: plan,
  })
}

/**
 * The same for people who fill a form: where the expression fails they see its text, since some write plain text there, and the log
 * says why. Without an engine there is nothing to see: code must not be offered as somebody's name.
 */
const evaluator =
  (run: Run): Evaluate =>
  async source => {
    if (!run.ctx.registry.evaluate) return ''
    try {
      return await evaluate(run, source)
    } catch (error) {
      run.ctx.log.warn({ err: error }, 'failed to evaluate prompt')
      return source
    }
  }

/** What forms gathered so far. */
export const promptData = ({ plan }: Run): Row => (plan.context.prompt_data as Row | undefined) ?? {}

const isObject = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value under a key such as `attributes.settings.locale`: as it stands, or nested. */
function gathered(data: Row, key: string): unknown {
  if (Object.hasOwn(data, key)) return data[key]
  let value: unknown = data
  for (const part of key.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, part)) return undefined
    value = value[part]
  }
  return value
}

/** Texts as the wire has them. */
export const wireText = (value: unknown): string => {
  if (value === null || value === undefined) return ''
  if (value instanceof Date) return value.toISOString()
  if (value instanceof PlainDate) return value.text
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const asChoice = (item: unknown): { value: string; label: string } =>
  isObject(item) && 'value' in item
    ? { value: wireText(item.value), label: wireText(item.label ?? item.value) }
    : { value: wireText(item), label: wireText(item) }

async function choicesOf(run: Run, prompt: Row, evaluate: Evaluate): Promise<{ value: string; label: string }[] | null> {
  if (!CHOOSING.has(prompt.type as PromptType)) return null
  const given = promptData(run)[`${String(prompt.field_key)}__choices`]
  const listed = given ?? (prompt.placeholder_expression ? await evaluate(prompt.placeholder as string) : prompt.placeholder)
  return (Array.isArray(listed) ? listed : [listed]).map(asChoice)
}

async function initialOf(run: Run, prompt: Row, evaluate: Evaluate): Promise<unknown> {
  const known = gathered(promptData(run), prompt.field_key as string)
  if (known !== undefined) return known
  return prompt.initial_value_expression ? evaluate(prompt.initial_value as string) : prompt.initial_value
}

/** A stored field with everything that has to be worked out. */
export async function resolveField(run: Run, prompt: Row, evaluate: Evaluate = evaluator(run)): Promise<PromptField> {
  const type = prompt.type as PromptType
  const choices = await choicesOf(run, prompt, evaluate)
  const placeholder = choices
    ? ''
    : prompt.placeholder_expression
      ? wireText(await evaluate(prompt.placeholder as string))
      : (prompt.placeholder as string)
  let initial = await initialOf(run, prompt, evaluate)
  if (choices && !choices.some(choice => choice.value === wireText(initial))) initial = choices[0]?.value ?? ''
  if ((type === 'hidden' || type === 'static') && wireText(initial) === '') initial = placeholder
  return {
    key: prompt.field_key as string,
    type,
    label: prompt.label as string,
    required: prompt.required as boolean,
    order: prompt.order as number,
    subText: prompt.sub_text as string,
    placeholder,
    initial,
    choices,
  }
}

/** A field as the challenge shows it. */
export const presentField = (field: PromptField): Row => ({
  field_key: field.key,
  label: field.label,
  type: field.type,
  required: field.required,
  placeholder: field.placeholder,
  // No browser can put a file into a form again.
  initial_value: field.type === 'file' ? '' : wireText(field.initial),
  order: field.order,
  sub_text: field.subText,
  choices: field.choices,
})

/** A field as a form would show it to whoever designs it. @throws what its expressions throw */
export async function previewField(ctx: Ctx, prompt: Row): Promise<Row> {
  const run = { ctx, plan: { context: {} } } as Run
  return presentField(await resolveField(run, prompt, async source => evaluate(run, source)))
}
