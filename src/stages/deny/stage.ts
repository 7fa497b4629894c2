import { defineStage, denied } from '../../flows/stage.ts'
import { DenyStage } from './model.ts'

export const deny = defineStage({
  model: DenyStage,
  challenge: ({ plan, stage }) => denied(String(plan.context.deny_message || stage.deny_message || '')),
})
