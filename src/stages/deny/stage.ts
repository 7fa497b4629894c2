import { defineStage, denied } from '../../flows/stage.ts'
import { textOf } from '../../flows/text.ts'
import { DenyStage } from './model.ts'

export const deny = defineStage({
  model: DenyStage,
  challenge: ({ plan, stage }) => denied(textOf(plan.context.deny_message) || textOf(stage.deny_message)),
})
