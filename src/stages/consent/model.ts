import { choice, duration } from '../../api/fields.ts'
import { defineStageModel, stageResource } from '../model.ts'

/** Asks whether an application may learn what it wants to know. */
export const ConsentStage = defineStageModel({
  name: 'ConsentStage',
  label: 'authentik_stages_consent.consentstage',
  verboseName: 'Consent Stage',
  description: 'Ask the user for consent before an application learns about them.',
  component: 'ak-stage-consent-form',
  table: 'stage_consent',
  fields: {
    mode: choice(['always_require', 'permanent', 'expiring'], 'expiring'),
    consent_expire_in: duration('weeks=4'),
  },
  filters: ['consent_expire_in', 'mode', 'stage_uuid'],
})

export const consentStages = stageResource('/stages/consent', ConsentStage)
