import { defineStage, next } from '../../flows/stage.ts'
import { DummyStage } from './model.ts'

export const dummy = defineStage({
  model: DummyStage,
  component: 'ak-stage-dummy',
  answer: () => ({}),
  challenge({ stage }) {
    if (stage.throw_error) throw new Error('This stage throws, as it is told to.')
    return { component: 'ak-stage-dummy', name: stage.name }
  },
  respond: () => next(),
})
